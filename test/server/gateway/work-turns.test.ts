import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Turn, WorkTurns } from '../../../server/gateway/work-turns.js';
import type { AppError } from '../../../shared/app-error.js';

/** Two seconds of the rate that is taken for granted. */
const COST = 4_000_000;

/** Turns with a clock that the test moves; two bodies at work, of 100 bytes together, and waits of up to 50 ms. */
function turnsOf(changes: Partial<ConstructorParameters<typeof WorkTurns>[0]> = {}) {
  const time = { nowMs: 0 };
  const clock = { now: () => time.nowMs, monotonic: () => time.nowMs };
  const turns = new WorkTurns({
    ...{ atWork: 2, atWorkBytes: 100, maxWaitMs: 10_000, clock },
    ...changes,
  });
  const never = new AbortController().signal;
  const ask = (village: string, signal = never): Promise<Turn> => turns.turn(village, COST, signal);
  /** Does one piece of work in so many milliseconds. */
  const work = async (tookMs: number) => {
    const turn = await ask('worker');
    turn.decoded(1);
    time.nowMs += tookMs;
    turn.end();
  };
  return { turns, time, ask, work };
}

const codeAndWait = async (asking: Promise<unknown> | (() => unknown)): Promise<unknown> => {
  try {
    await (typeof asking === 'function' ? asking() : asking);
    return 'served';
  } catch (error) {
    const { code, retryAfterS } = error as AppError;
    return [code, retryAfterS];
  }
};

/** Whether a promise has settled by now. */
async function isServed(asking: Promise<unknown>): Promise<boolean> {
  return Promise.race([asking.then(() => true), new Promise<boolean>((resolve) => setImmediate(resolve, false))]);
}

describe('the turns of bodies', () => {
  it('has one body decompressed at a time, and so many at work', async () => {
    const { turns, ask } = turnsOf();
    const [one, two, three] = [ask('a'), ask('b'), ask('c')] as const;
    const first = await one;
    expect(await isServed(two)).to.equal(false);
    first.decoded(10);
    const second = await two;
    second.decoded(10);
    expect(await isServed(three)).to.equal(false);
    expect([turns.atWork, turns.atWorkBytes, turns.waiting]).to.deep.equal([2, 20, 1]);
    first.end();
    (await three).end();
    second.end();
    expect([turns.atWork, turns.atWorkBytes, turns.waiting]).to.deep.equal([0, 0, 0]);
  });

  it('begins none while those at work hold their memory', async () => {
    const { ask } = turnsOf();
    const first = await ask('a');
    first.decoded(100);
    const second = ask('b');
    expect(await isServed(second)).to.equal(false);
    first.end();
    (await second).end();
  });

  it('goes on after one that could not be decompressed', async () => {
    const { turns, ask } = turnsOf();
    const second = ask('a').then((turn) => {
      const next = ask('b');
      turn.end();
      return next;
    });
    (await second).end();
    expect(turns.atWork).to.equal(0);
  });

  it('lets nobody wait for longer than the limit, and forgets who has gone', async () => {
    const { turns, ask } = turnsOf({ maxWaitMs: 30 });
    const first = await ask('a');
    const gone = new AbortController();
    const leaving = codeAndWait(ask('b', gone.signal));
    gone.abort();
    expect(await leaving).to.deep.equal(['unavailable', undefined]);
    expect(await codeAndWait(ask('c'))).to.deep.equal(['unavailable', 2]);
    expect(turns.waiting).to.equal(0);
    first.end();
    (await ask('d')).end();
  });

  it('sends away who would wait for too long, and serves first who comes back as told', async () => {
    const { turns, time, ask, work } = turnsOf({ atWork: 1 });
    // 4 s a body: three of them wait for longer than 10 s.
    for (let n = 0; n < 100; n++) await work(4_000);
    const present = await ask('present');
    const waiting = ['b', 'c'].map((village) => ask(village));
    const coming = turns.expect('d', COST);
    // It counts as it arrives.
    turns.expect('announced', 1e12).end();
    coming.arrived(COST);
    expect(await codeAndWait(() => turns.expect('e', COST))).to.deep.equal(['unavailable', 10]);
    coming.end();
    waiting.push(ask('d'));
    expect(await codeAndWait(() => turns.expect('e', COST))).to.deep.equal(['unavailable', 10]);
    time.nowMs += 4_000;
    present.end();
    const begun = await waiting[0];
    begun?.decoded(1);
    // Two wait: there is room again, but it is owed to e.
    expect(await codeAndWait(() => turns.expect('f', COST))).to.deep.equal(['unavailable', 10]);
    expect(await codeAndWait(() => turns.expect('e', COST))).to.equal('served');
    begun?.end();
    for (const one of waiting.slice(1)) (await one).end();
    // Nobody waits: everybody is welcome.
    expect(await codeAndWait(() => turns.expect('g', COST))).to.equal('served');
  });
});
