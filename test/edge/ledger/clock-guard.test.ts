import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { ClockGuard } from '../../../edge/ledger/clock-guard.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { listAll, post } from '../api/node-client.js';
import { useNodes } from '../api/node-under-test.js';

const BUILD = Date.parse('2026-03-01T00:00:00Z');
const NOW = Date.parse('2026-06-01T00:00:00Z');
const MINUTE = 60_000;

/** A machine's clock that can be set; time passes on both clocks, setting changes one. */
class SettableClock {
  wallMs: number;
  #monotonicMs = 500;

  constructor(wallMs: number) {
    this.wallMs = wallMs;
  }

  now(): number {
    return this.wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  pass(ms: number): void {
    this.wallMs += ms;
    this.#monotonicMs += ms;
  }
}

describe('the clock guard', () => {
  let clock: SettableClock;
  const guard = (lastSeenMs = 0) => new ClockGuard({ clock, buildTimeMs: BUILD, lastSeenMs });

  beforeEach(() => {
    clock = new SettableClock(NOW);
  });

  it('trusts a clock behind the build and the time last seen, and remembers how far it has come', () => {
    const guarded = guard(NOW - MINUTE);
    expect(guarded.sure).to.equal(true);
    clock.pass(3_600_000);
    expect([guarded.now(), guarded.sure, guarded.lastSeenMs]).to.deep.equal([NOW + 3_600_000, true, NOW + 3_600_000]);
  });

  it('does not trust a boot in 1970, before the build, or before the time last seen', () => {
    clock.wallMs = 0;
    expect(guard().sure).to.equal(false);
    clock.wallMs = BUILD - 2 * MINUTE;
    expect(guard().sure).to.equal(false);
    clock.wallMs = NOW;
    const late = guard(NOW + 2 * MINUTE);
    expect([late.sure, late.lastSeenMs]).to.deep.equal([false, NOW + 2 * MINUTE]);
    clock.pass(3 * MINUTE);
    expect(late.sure).to.equal(true);
  });

  for (const stepMs of [61_000, -61_000, 50 * 365 * 86_400_000, -86_400_000]) {
    it(`notices a step of ${stepMs / 1000} s, tells it once and stays unsure until the centre agrees`, () => {
      const guarded = guard();
      clock.pass(10_000);
      clock.wallMs += stepMs;
      expect(guarded.now()).to.equal(NOW + 10_000 + stepMs);
      expect(guarded.sure).to.equal(false);
      expect(guarded.takeStep()).to.deep.equal({ fromMs: NOW + 10_000, toMs: NOW + 10_000 + stepMs });
      expect(guarded.takeStep()).to.equal(undefined);
      clock.pass(3_600_000);
      expect(guarded.sure).to.equal(false);
      guarded.compareWith(clock.wallMs + 61_000);
      expect(guarded.sure).to.equal(false);
      guarded.compareWith(clock.wallMs - 59_000);
      expect(guarded.sure).to.equal(clock.wallMs >= BUILD);
    });
  }

  it('lets small corrections pass, however many, each of less than a minute', () => {
    const guarded = guard();
    for (let n = 0; n < 10; n++) {
      clock.pass(1000);
      clock.wallMs += 59_000;
      expect(guarded.sure).to.equal(true);
    }
    expect(guarded.takeStep()).to.equal(undefined);
  });

  it('does not remember a time it does not trust', () => {
    const guarded = guard();
    guarded.now();
    clock.wallMs += 365 * 86_400_000;
    guarded.now();
    clock.wallMs = NOW;
    guarded.now();
    expect(guarded.lastSeenMs).to.equal(NOW);
  });

  it('takes back a time last seen that was wrong, when the centre agrees with an earlier one', () => {
    const guarded = guard(NOW + 365 * 86_400_000);
    expect(guarded.sure).to.equal(false);
    guarded.compareWith(NOW + 1000);
    expect([guarded.sure, guarded.lastSeenMs]).to.deep.equal([true, NOW]);
  });
});

describe('a node whose clock cannot be trusted', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  it('marks what it stores, says so, and marks nothing on a later boot with the right time', async () => {
    const lost = await nodes.start(folder.path, {}, new SettableClock(0));
    await post(lost.url, 'readings', [
      { device: 'm1', powerW: 1 },
      { device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 2 },
    ]);
    const status = await lost.status();
    expect(status.clock).to.equal('unsure');
    expect(status.alerts.map(({ code }) => code)).to.deep.equal(['clock']);
    expect((await listAll(lost.url, 'readings')).map(({ at, clock }) => [at, clock])).to.deep.equal([
      ['1970-01-01T00:00:00.000Z', 'unsure'],
      ['2026-03-01T00:00:00.000Z', 'unsure'],
    ]);
    await lost.stop();
    const found = await nodes.start(folder.path);
    const repeated = { device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 2 };
    expect((await post(found.url, 'readings', [repeated, { device: 'm1', powerW: 3 }])).body).to.include({
      accepted: 1,
      duplicates: 1,
    });
    expect((await listAll(found.url, 'readings')).map(({ clock }) => clock)).to.deep.equal([
      'unsure',
      'unsure',
      undefined,
    ]);
    expect((await found.status()).clock).to.equal('sure');
  });

  it('remembers across boots how late it was', async () => {
    const first = await nodes.start(folder.path, {}, new SettableClock(Date.now() + 86_400_000));
    expect((await first.status()).clock).to.equal('sure');
    await first.stop();
    const second = await nodes.start(folder.path);
    expect((await second.status()).clock).to.equal('unsure');
  });
});
