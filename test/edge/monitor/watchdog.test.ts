import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { type PushActivity, Watchdog } from '../../../edge/monitor/watchdog.js';

const LOOK = 2_000;
const STILL: PushActivity = { running: true, exchanging: false, repairing: false, forgotten: false, marks: '1' };

describe('the watchdog of the push', () => {
  let watchdog: Watchdog;
  let nowMs: number;
  beforeEach(() => {
    watchdog = new Watchdog({ stillMs: 100_000 });
    nowMs = 0;
  });

  /** Milliseconds until it barks; undefined when it does not within a day. */
  function stalledAfter(activity: PushActivity | (() => PushActivity)): number | undefined {
    for (let passedMs = 0; passedMs <= 86_400_000; passedMs += LOOK) {
      const now = typeof activity === 'function' ? activity() : activity;
      if (watchdog.isStalled(now, nowMs, LOOK)) return passedMs;
      nowMs += LOOK;
    }
    return undefined;
  }

  it('notices a run that stands still, and is longer patient with each stall in a row', () => {
    expect(stalledAfter(STILL)).to.be.within(100_000, 100_000 + LOOK);
    expect(stalledAfter(STILL)).to.be.within(200_000 - LOOK, 200_000 + LOOK);
    for (let n = 0; n < 10; n++) stalledAfter(STILL);
    expect(stalledAfter(STILL)).to.be.within(3_200_000 - LOOK, 3_600_000 + LOOK);
    watchdog.progressed();
    expect(stalledAfter(STILL)).to.be.within(100_000 - LOOK, 100_000 + LOOK);
  });

  it('leaves a run alone that moves, however slowly', () => {
    expect(stalledAfter(() => ({ ...STILL, marks: String(Math.floor(nowMs / 90_000)) }))).to.equal(undefined);
  });

  it('leaves an idle push alone', () => {
    expect(stalledAfter({ ...STILL, running: false })).to.equal(undefined);
  });

  it('gives an exchange and a repair longer, and a bound', () => {
    expect(stalledAfter({ ...STILL, exchanging: true })).to.be.within(500_000, 500_000 + LOOK);
    watchdog.progressed();
    expect(stalledAfter({ ...STILL, repairing: true })).to.be.within(3_600_000 - LOOK, 3_600_000 + LOOK);
  });

  it('notices a machine that waits for nothing', () => {
    expect(stalledAfter({ ...STILL, running: false, forgotten: true })).to.be.within(60_000, 60_000 + LOOK);
  });

  it('does not take the sleep of the machine for a stall', () => {
    watchdog.isStalled(STILL, 0, LOOK);
    watchdog.isStalled(STILL, LOOK, LOOK);
    expect(watchdog.isStalled(STILL, 10_000_000, LOOK)).to.equal(false);
  });
});
