import { expect } from 'chai';
import { afterEach, describe } from 'mocha';
import { sleep } from '../../../shared/time.js';
import type { ProgramProcess } from '../../../sim/processes.js';
import type { SeededRandom } from '../../../sim/random.js';
import { edgeProgram } from '../../support/programs.js';
import { itWithSeed } from '../../support/seeds.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { type Answer, ask, listAll, post } from '../api/node-client.js';
import { SEGMENT_SIZES } from '../api/node-under-test.js';
import { contentOf } from './ingest-model.js';
import { numbersByNode, upTo } from './store-under-test.js';

/** How often; KILL_CYCLES makes it longer. */
const CYCLES = Number(process.env.KILL_CYCLES ?? 6);
const SENDERS = 4;

interface Reading {
  device: string;
  at: string;
  powerW: number;
  [field: string]: unknown;
}

/**
 * Posts small batches one after the other until the node is gone; what has no answer is sent again in the next life. In
 * between it repeats what was acknowledged long ago, and asks for a part of what conflicts with it.
 */
class Sender {
  readonly acknowledged: Reading[] = [];
  readonly #device: string;
  #unanswered: Reading[] = [];
  #count = 0;

  constructor(device: string) {
    this.#device = device;
  }

  async sendUntilGone(url: string, random: SeededRandom): Promise<void> {
    // A first sign of life of each life: what was acknowledged in the last one is there.
    while (await this.#repeat(url, random)) {
      if (!(await this.#sendNext(url, random))) return;
      while (random.chance(0.8)) if (!(await this.#sendNext(url, random))) return;
    }
  }

  /** What was sent but not answered may be stored or not. */
  get unanswered(): readonly Reading[] {
    return this.#unanswered;
  }

  /** False when the node is gone. */
  async #sendNext(url: string, random: SeededRandom): Promise<boolean> {
    if (this.#unanswered.length === 0) this.#unanswered = upTo(random.integer(1, 5)).map(() => this.#next(random));
    const batch = this.#unanswered;
    const old = this.acknowledged[random.integer(0, this.acknowledged.length - 1)];
    const conflicting = old && random.chance(0.2) ? [{ ...old, powerW: -1 }] : [];
    const partial = conflicting.length > 0 || random.chance(0.2);
    const answer = await this.#post(url, [...batch, ...conflicting], partial ? '?partial=true' : '');
    if (!answer) return false;
    const { accepted = 0, duplicates = 0, refused = [] } = answer.body;
    expect(accepted + duplicates, answer.text).to.equal(batch.length);
    expect(refused.map(({ code }) => code)).to.deep.equal(conflicting.map(() => 'conflict'));
    this.acknowledged.push(...batch);
    this.#unanswered = [];
    return true;
  }

  /** False when the node is gone. */
  async #repeat(url: string, random: SeededRandom): Promise<boolean> {
    const from = random.integer(0, Math.max(0, this.acknowledged.length - 1));
    const batch = this.acknowledged.slice(from, from + 5);
    if (batch.length === 0) return true;
    const answer = await this.#post(url, batch, '');
    if (!answer) return false;
    expect(answer.body, 'what was acknowledged is stored').to.include({ accepted: 0, duplicates: batch.length });
    return true;
  }

  /** Undefined when the node is gone. */
  async #post(url: string, readings: readonly Reading[], query: string): Promise<Answer | undefined> {
    for (;;) {
      const answer = await post(url, 'readings', readings, query).catch(() => undefined);
      // The node is stopping.
      if (answer?.status === 503) continue;
      if (answer) expect(answer.status, answer.text).to.equal(query === '' ? 201 : 200);
      return answer;
    }
  }

  #next(random: SeededRandom): Reading {
    const at = new Date(Date.UTC(2026, 2, 1) + ++this.#count * 1000).toISOString();
    return { device: this.#device, at, powerW: random.integer(0, 5000) };
  }
}

async function checkEverything(url: string, senders: readonly Sender[], node: string): Promise<void> {
  const listed = await listAll(url, 'readings');
  const acknowledged = senders.flatMap((sender) => sender.acknowledged);
  const possible = new Set(senders.flatMap((sender) => sender.unanswered).map(contentOf));
  const stored = listed.map(contentOf);
  expect(new Set(stored).size, 'each once').to.equal(stored.length);
  const known = new Set(stored);
  expect(
    acknowledged.map(contentOf).filter((one) => !known.has(one)),
    'acknowledged, but gone',
  ).to.deep.equal([]);
  const sent = new Set(acknowledged.map(contentOf));
  expect(
    stored.filter((one) => !sent.has(one) && !possible.has(one)),
    'never sent',
  ).to.deep.equal([]);
  expect(new Set(listed.map((one) => one.node))).to.deep.equal(new Set([node]));
  const { body } = await ask(`${url}/v1/status`);
  expect(body.node).to.equal(node);
  // Whatever has no number here are boot events, at most one for each life.
  const numbers = (numbersByNode(listed)[node] ?? []).sort((a, b) => a - b);
  const lastSeq = Number(body.store?.lastSeq);
  expect(new Set(numbers).size).to.equal(numbers.length);
  expect(numbers.at(-1)).to.be.at.most(lastSeq);
  expect(lastSeq - numbers.length).to.be.within(0, CYCLES + 2);
}

for (const SEGMENT_MAX_DOCS of SEGMENT_SIZES) {
  describe(`a node that is killed (rolls at ${SEGMENT_MAX_DOCS})`, function () {
    this.timeout(60_000 + CYCLES * 5_000);
    let program: ProgramProcess | undefined;

    afterEach(async () => {
      await program?.kill('SIGKILL');
    });

    const folder = useTempFolder();
    const cycles = SEGMENT_MAX_DOCS === '7' ? Math.ceil(CYCLES / 3) : CYCLES;

    itWithSeed(
      `${cycles} times at any moment loses nothing acknowledged, repeats nothing and keeps its name`,
      async (random) => {
        const env = { SEGMENT_MAX_DOCS };
        program = await edgeProgram({ villageId: 'kano', dataPath: folder.path, env });
        const { url } = program;
        const senders = upTo(SENDERS).map((n) => new Sender(`m${n}`));
        let node: string | undefined;
        for (let cycle = 0; cycle < cycles; cycle++) {
          await program.start();
          node ??= (await ask(`${url}/readyz`)).body.node;
          const sent = Promise.all(senders.map((sender) => sender.sendUntilGone(url, random)));
          // There must be something to lose, however slow the machine.
          const isEnough = () => senders.flatMap(({ acknowledged }) => acknowledged).length > cycles;
          if (cycle === 0) await waitFor(isEnough, { what: 'something to be acknowledged', timeoutMs: 30_000 });
          await sleep(random.between(5, 400));
          await program.kill('SIGKILL');
          await sent;
        }
        await program.start();
        expect(senders.flatMap(({ acknowledged }) => acknowledged).length).to.be.greaterThan(cycles);
        await checkEverything(url, senders, String(node));
      },
    );

    itWithSeed('in the middle of its start gets up again', async (random) => {
      program = await edgeProgram({ villageId: 'kano', dataPath: folder.path, env: { SEGMENT_MAX_DOCS } });
      await program.start();
      const sender = new Sender('m1');
      const sent = sender.sendUntilGone(program.url, random);
      await waitFor(() => sender.acknowledged.length > 0, { what: 'something to be acknowledged' });
      await program.kill('SIGKILL');
      await sent;
      for (let n = 0; n < 3; n++) {
        const started = program.start().catch(() => undefined);
        await sleep(random.between(150, 600));
        await program.kill('SIGKILL');
        await started;
      }
      await program.start();
      const { body } = await ask(`${program.url}/readyz`);
      await checkEverything(program.url, [sender], String(body.node));
    });

    itWithSeed(
      'politely, under load, closes its port, ends with 0 in time, and holds everything it acknowledged',
      async (random) => {
        program = await edgeProgram({ villageId: 'kano', dataPath: folder.path, env: { SEGMENT_MAX_DOCS } });
        await program.start();
        const { url } = program;
        const { node } = (await ask(`${url}/readyz`)).body;
        const senders = upTo(SENDERS).map((n) => new Sender(`m${n}`));
        const sent = Promise.all(senders.map((sender) => sender.sendUntilGone(url, random)));
        await sleep(300);
        const began = performance.now();
        const ended = program.terminate();
        await sent;
        expect(await ended).to.deep.equal({ code: 0, signal: null });
        expect(performance.now() - began).to.be.lessThan(10_000);
        expect(program.stderrTail).to.not.match(/\n\s+at /);
        expect(await ask(`${url}/healthz`).catch(() => 'closed')).to.equal('closed');
        await program.start();
        await checkEverything(url, senders, String(node));
      },
    );
  });
}
