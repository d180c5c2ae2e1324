import { expect } from 'chai';
import fc from 'fast-check';
import { beforeEach, describe, it } from 'mocha';
import { ClockGuard, type ClockRecord, type ClockStep, NEW_CLOCK } from '../../../edge/ledger/clock-guard.js';
import { SettableClock } from '../../support/settable-clock.js';

const BUILD = Date.parse('2026-03-01T00:00:00Z');
const NOW = Date.parse('2026-06-01T00:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function takeSteps(guard: ClockGuard): ClockStep[] {
  const steps: ClockStep[] = [];
  for (let step = guard.nextStep; step; step = guard.nextStep) {
    steps.push(step);
    guard.stepTold(step);
  }
  return steps;
}

/** What a node does before it takes documents, and every few seconds. */
function keep(guard: ClockGuard): ClockRecord {
  const record = guard.recordToKeep();
  guard.kept(record);
  return record;
}

describe('the clock guard', () => {
  let clock: SettableClock;
  const guard = (lastSeenMs = 0) => new ClockGuard({ clock, buildTimeMs: BUILD, record: { ...NEW_CLOCK, lastSeenMs } });
  const lastSeenOf = (guarded: ClockGuard) => guarded.recordToKeep().lastSeenMs;

  beforeEach(() => {
    clock = new SettableClock(NOW);
  });

  it('trusts a clock behind the build and the time last seen, and remembers how far it has come', () => {
    const guarded = guard(NOW - MINUTE);
    expect(guarded.sure).to.equal(true);
    clock.pass(HOUR);
    expect([guarded.now(), guarded.sure, lastSeenOf(guarded)]).to.deep.equal([NOW + HOUR, true, NOW + HOUR]);
    expect(guarded.reservationDue).to.equal(false);
  });

  it('does not trust a boot in 1970, before the build, or before the time last seen', () => {
    clock.wallMs = 0;
    expect(guard().sure).to.equal(false);
    clock.wallMs = BUILD - 2 * MINUTE;
    expect(guard().sure).to.equal(false);
    clock.wallMs = NOW;
    const late = guard(NOW + 2 * MINUTE);
    expect([late.sure, lastSeenOf(late)]).to.deep.equal([false, NOW + 2 * MINUTE]);
    clock.pass(3 * MINUTE);
    expect(late.sure).to.equal(true);
  });

  for (const stepMs of [61_000, -61_000, 50 * 365 * DAY, -DAY]) {
    it(`notices a step of ${stepMs / 1000} s, tells it once and stays unsure until the centre agrees`, () => {
      const guarded = guard();
      clock.pass(10_000);
      clock.wallMs += stepMs;
      expect(guarded.now()).to.equal(NOW + 10_000 + stepMs);
      expect(guarded.sure).to.equal(false);
      expect(takeSteps(guarded)).to.deep.equal([{ fromMs: NOW + 10_000, toMs: NOW + 10_000 + stepMs }]);
      expect(guarded.nextStep).to.equal(undefined);
      clock.pass(HOUR);
      expect(guarded.sure).to.equal(false);
      guarded.compareWith(clock.wallMs + 61_000);
      expect(guarded.sure).to.equal(false);
      guarded.compareWith(clock.wallMs - 59_000);
      expect(guarded.sure).to.equal(true);
    });
  }

  it('keeps every step until it has been told, however many came since', () => {
    const guarded = guard();
    for (const stepMs of [DAY, -2 * DAY]) {
      clock.wallMs += stepMs;
      guarded.now();
    }
    expect(guarded.nextStep).to.equal(guarded.nextStep);
    expect(takeSteps(guarded)).to.deep.equal([
      { fromMs: NOW, toMs: NOW + DAY },
      { fromMs: NOW + DAY, toMs: NOW - DAY },
    ]);
  });

  it('lets small corrections pass, however many, each of less than a minute', () => {
    const guarded = guard();
    for (let n = 0; n < 10; n++) {
      clock.pass(1000);
      clock.wallMs += 59_000;
      expect(guarded.sure).to.equal(true);
    }
    expect(guarded.nextStep).to.equal(undefined);
  });

  it('does not remember a time it does not trust', () => {
    const guarded = guard();
    guarded.now();
    clock.wallMs += 365 * DAY;
    guarded.now();
    clock.wallMs = NOW;
    guarded.now();
    expect(lastSeenOf(guarded)).to.equal(NOW);
  });

  it('takes back a time last seen that was wrong, when the centre agrees with an earlier one', () => {
    const guarded = guard(NOW + 365 * DAY);
    expect(guarded.sure).to.equal(false);
    guarded.compareWith(NOW + 1000);
    expect([guarded.sure, lastSeenOf(guarded)]).to.deep.equal([true, NOW]);
  });

  it('tells how far it is from the centre’s until they agree or it is set, and stays sure', () => {
    const guarded = guard();
    expect(guarded.aheadOfCentreMs).to.equal(undefined);
    guarded.compareWith(clock.wallMs - 2 * DAY);
    expect([guarded.aheadOfCentreMs, guarded.sure]).to.deep.equal([2 * DAY, true]);
    guarded.compareWith(clock.wallMs + DAY);
    expect(guarded.aheadOfCentreMs).to.equal(-DAY);
    guarded.compareWith(clock.wallMs + 59_000);
    expect(guarded.aheadOfCentreMs).to.equal(undefined);
    guarded.compareWith(clock.wallMs + DAY);
    clock.wallMs += DAY;
    expect(guarded.aheadOfCentreMs).to.equal(undefined);
  });

  it('does not believe a centre that is in 1970 itself', () => {
    clock.wallMs = 5000;
    const guarded = guard(NOW);
    guarded.compareWith(5000);
    expect([guarded.sure, lastSeenOf(guarded)]).to.deep.equal([false, NOW]);
  });

  it('believes nothing before the centre has agreed where the time last seen was lost, across boots', () => {
    const record: ClockRecord = { ...NEW_CLOCK, unproven: true };
    const first = new ClockGuard({ clock, buildTimeMs: BUILD, record });
    expect(first.sure).to.equal(false);
    const second = new ClockGuard({ clock, buildTimeMs: BUILD, record: keep(first) });
    expect(second.sure).to.equal(false);
    second.compareWith(NOW);
    expect(second.sure).to.equal(true);
    expect(keep(second).unproven).to.equal(undefined);
  });
});

describe('the times of a clock that cannot be right', () => {
  let clock: SettableClock;
  let record: ClockRecord;
  const boot = (machineMs: number): ClockGuard => {
    clock = new SettableClock(machineMs);
    const guarded = new ClockGuard({ clock, buildTimeMs: BUILD, record });
    if (guarded.reservationDue) record = keep(guarded);
    return guarded;
  };

  beforeEach(() => {
    record = NEW_CLOCK;
  });

  it('are the machine’s at the first boot into 1970, and go on behind them at the next, after a power cut too', () => {
    const first = boot(2000);
    expect(first.now()).to.equal(2000);
    clock.pass(10 * MINUTE);
    const lastMs = first.now();
    const second = boot(2000);
    expect(second.now()).to.be.above(lastMs);
    expect(second.now()).to.be.at.most(2000 + 15 * MINUTE + 1);
    expect([second.sure, second.nextStep]).to.deep.equal([false, undefined]);
  });

  it('are set aside on disk before they are given, a quarter of an hour at once', () => {
    const guarded = boot(2000);
    expect(record.unsure).to.deep.equal([[2000, 2000 + 15 * MINUTE]]);
    clock.pass(9 * MINUTE);
    expect(guarded.reservationDue).to.equal(false);
    clock.pass(2 * MINUTE);
    expect(guarded.reservationDue).to.equal(true);
    // A record that does not reach the disk sets nothing aside.
    guarded.recordToKeep();
    expect(guarded.reservationDue).to.equal(true);
    record = keep(guarded);
    expect(record.unsure).to.deep.equal([[2000, 2000 + 26 * MINUTE]]);
    expect(guarded.reservationDue).to.equal(false);
  });

  it('are given up as far as they were not used, when the node stops in order', () => {
    const guarded = boot(2000);
    clock.pass(MINUTE);
    record = guarded.lastRecord();
    expect(record.unsure).to.deep.equal([[2000, 2000 + MINUTE]]);
    expect(boot(2000).now()).to.equal(2000 + MINUTE + 1);
  });

  it('end when the clock is set to a time that can be right, which is told in the node’s own times', () => {
    boot(2000);
    const guarded = boot(2000);
    clock.pass(5000);
    const beforeMs = guarded.now();
    clock.wallMs = NOW;
    expect(guarded.now()).to.equal(NOW);
    expect(takeSteps(guarded)).to.deep.equal([{ fromMs: beforeMs, toMs: NOW }]);
    expect([guarded.sure, guarded.reservationDue]).to.deep.equal([false, false]);
    guarded.compareWith(NOW);
    expect([guarded.sure, guarded.now()]).to.deep.equal([true, NOW]);
  });

  it('end when the centre agrees with the machine after all, which is told as a step', () => {
    record = { lastSeenMs: NOW + 365 * DAY, unsure: [[NOW - HOUR, NOW + HOUR]] };
    const guarded = boot(NOW);
    expect(guarded.now()).to.equal(NOW + HOUR + 1);
    guarded.compareWith(NOW);
    expect([guarded.now(), guarded.sure]).to.deep.equal([NOW, true]);
    expect(takeSteps(guarded)).to.deep.equal([{ fromMs: NOW + HOUR + 1, toMs: NOW }]);
  });

  it('are not moved to another wrong time: what was given in 2106 says nothing of 1970', () => {
    const FAR = Date.UTC(2106, 1, 7, 6, 28, 15);
    record = { lastSeenMs: FAR + DAY, unsure: [] };
    expect(boot(FAR).now()).to.equal(FAR);
    expect(boot(2000).now()).to.equal(2000);
    expect(boot(NOW).now()).to.equal(NOW);
    expect(record.unsure.map(([from]) => from)).to.deep.equal([2000, NOW, FAR]);
  });

  it('are never given twice, whatever the boots, the power cuts and the settings of the clock', () => {
    const wrongMs = fc.oneof(
      fc.integer({ min: 0, max: 4 * DAY }),
      fc.constantFrom(0, 2000, DAY, BUILD - 10 * DAY, Date.UTC(2000, 0, 1)),
    );
    const act = fc.oneof(
      fc.record({ kind: fc.constant('boot' as const), machineMs: wrongMs, inOrder: fc.boolean() }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 40 * HOUR }) }),
      fc.record({ kind: fc.constant('set' as const), machineMs: wrongMs }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        record = NEW_CLOCK;
        let guarded = boot(0);
        // Stretches of time that passed without a boot or a step; none may reach into another.
        const stretches: { fromMs: number; toMs: number; shiftMs: number }[] = [];
        let isNew = true;
        const give = () => {
          // As the node: its look comes before the next document at the latest when what is set aside runs out.
          if (guarded.reservationDue) record = keep(guarded);
          const ms = guarded.now();
          const shiftMs = ms - clock.wallMs;
          const last = stretches.at(-1);
          if (last && !isNew && shiftMs === last.shiftMs) last.toMs = ms;
          else stretches.push({ fromMs: ms, toMs: ms, shiftMs });
          isNew = false;
          const again = stretches.slice(0, -1).find(({ fromMs, toMs }) => fromMs <= ms && ms <= toMs);
          expect(again, `${ms} was given before`).to.equal(undefined);
          clock.pass(1);
        };
        for (const one of acts) {
          if (one.kind === 'boot') {
            if (one.inOrder) record = guarded.lastRecord();
            guarded = boot(one.machineMs);
            isNew = true;
          } else if (one.kind === 'set') {
            // Less than a minute is no setting.
            if (Math.abs(one.machineMs - clock.wallMs) > 2 * MINUTE) clock.wallMs = one.machineMs;
            isNew = true;
          } else {
            for (let left = one.ms; left > 0; left -= 4 * MINUTE) {
              clock.pass(Math.min(left, 4 * MINUTE));
              give();
            }
          }
          for (let n = 0; n < 3; n++) give();
        }
      }),
      { numRuns: 300 },
    );
  });
});
