import { mock } from 'node:test';
import { expect } from 'chai';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Schedule, type ScheduleOptions, villageJitterMs } from '../../../edge/push/schedule.js';
import { silentLogger } from '../../../shared/logger.js';

const HOUR_MS = 3_600_000;
const at = (text: string): number => Date.parse(`${text}Z`);

describe('the scheduled replication', () => {
  let schedule: Schedule | undefined;
  /** When replications began. */
  let runs: string[];
  let lastForcedMs: number | undefined;

  beforeEach(() => {
    runs = [];
    lastForcedMs = undefined;
  });

  afterEach(async () => {
    await schedule?.stop();
    schedule = undefined;
    mock.timers.reset();
  });

  async function startAt(now: string, changes: Partial<ScheduleOptions> = {}): Promise<Schedule> {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: at(now) });
    schedule = new Schedule({
      expression: '0 2 * * *',
      timeZone: 'UTC',
      jitterS: 0,
      village: 'bamenda',
      clock: { now: () => Date.now(), sure: true },
      lastForcedSuccessMs: () => lastForcedMs,
      createdMs: at(now) - HOUR_MS,
      replicate: async () => {
        runs.push(new Date().toISOString().slice(0, 19));
        return true;
      },
      log: silentLogger(),
      ...changes,
    });
    await schedule.start();
    return schedule;
  }

  /** Lets time pass, and what is not waited for come to its end in between. */
  async function pass(ms: number): Promise<void> {
    const stepMs = ms % 10_000 === 0 ? 10_000 : 1_000;
    for (let passed = 0; passed < ms; passed += stepMs) {
      mock.timers.tick(stepMs);
      for (let turn = 0; turn < 6; turn++) await Promise.resolve();
    }
  }

  it('runs at its time, every day', async () => {
    const daily = await startAt('2026-03-01T01:59:30');
    expect(daily.nextAt).to.equal('2026-03-01T02:00:00.000Z');
    await pass(24 * HOUR_MS + 60_000);
    expect(runs).to.deep.equal(['2026-03-01T02:00:00', '2026-03-02T02:00:00']);
    expect(daily.nextAt).to.equal('2026-03-03T02:00:00.000Z');
  });

  it('means the time of its time zone', async () => {
    const local = await startAt('2026-03-01T00:30:00', { timeZone: 'Africa/Douala' });
    expect(local.nextAt).to.equal('2026-03-01T01:00:00.000Z');
    await pass(HOUR_MS);
    expect(runs).to.deep.equal(['2026-03-01T01:00:00']);
  });

  it("keeps the village's own delay after the time, and no other", async () => {
    const jitterMs = villageJitterMs('bamenda', 900);
    const delayed = await startAt('2026-03-01T01:00:00', { jitterS: 900 });
    expect(delayed.nextAt).to.equal(new Date(at('2026-03-01T02:00:00') + jitterMs).toISOString());
    await delayed.stop();
    mock.timers.reset();
    // Between the time and the end of the delay today's run is still ahead.
    const late = await startAt('2026-03-01T02:00:01', { jitterS: 900 });
    expect(late.nextAt).to.equal(new Date(at('2026-03-01T02:00:00') + jitterMs).toISOString());
  });

  it('catches up a time missed while powered off, a moment after the start', async () => {
    await startAt('2026-03-01T09:00:00', { createdMs: at('2026-02-01T00:00:00') });
    expect(runs).to.deep.equal([]);
    await pass(60_000);
    expect(runs).to.deep.equal(['2026-03-01T09:00:30']);
    await pass(HOUR_MS);
    expect(runs).to.have.length(1);
  });

  it('has missed nothing when the store is newer than the time', async () => {
    await startAt('2026-03-01T09:00:00', { createdMs: at('2026-03-01T08:00:00') });
    await pass(HOUR_MS);
    expect(runs).to.deep.equal([]);
  });

  it('skips a time when a forced run succeeded within 20 hours, and only then', async () => {
    await startAt('2026-03-01T01:00:00');
    lastForcedMs = at('2026-02-28T06:00:01');
    await pass(HOUR_MS);
    expect(runs).to.deep.equal([]);
    lastForcedMs = at('2026-03-01T05:59:59');
    await pass(24 * HOUR_MS);
    expect(runs).to.deep.equal(['2026-03-02T02:00:00']);
  });

  it('tells the next time that is not skipped apart from the next one', async () => {
    const daily = await startAt('2026-03-01T12:00:00', { createdMs: at('2026-03-01T11:00:00') });
    const told = () => [daily.nextAt, daily.nextForcedAt].map((time) => time?.slice(8, 13));
    expect(told(), 'never one').to.deep.equal(['02T02', '02T02']);
    lastForcedMs = at('2026-03-01T06:00:00');
    expect(told(), '20 h before').to.deep.equal(['02T02', '02T02']);
    lastForcedMs = at('2026-03-01T06:00:01');
    expect(told(), 'a moment less').to.deep.equal(['02T02', '03T02']);
    lastForcedMs = at('2031-01-01T00:00:00');
    expect(told(), 'in the future').to.deep.equal(['02T02', '02T02']);
    lastForcedMs = undefined;
    await daily.stop();
    expect(told(), 'stopped').to.deep.equal([undefined, undefined]);
  });

  it('does not believe a success that lies in the future', async () => {
    await startAt('2026-03-01T01:00:00', { createdMs: at('2026-02-28T20:00:00') });
    lastForcedMs = at('2031-01-01T00:00:00');
    await pass(2 * HOUR_MS);
    expect(runs).to.deep.equal(['2026-03-01T02:00:00']);
  });

  it('follows a clock that is set right', async () => {
    await startAt('1970-01-01T00:10:00', { createdMs: at('2026-02-01T00:00:00') });
    mock.timers.setTime(at('2026-03-01T03:00:00'));
    await pass(60_000);
    expect(runs).to.have.length(1);
    expect(schedule?.nextAt).to.equal('2026-03-02T02:00:00.000Z');
  });

  for (const wrong of ['2106-02-07T06:28:15', '2038-01-19T03:14:07', '2027-03-01T00:00:00']) {
    it(`does not wait for a wrong ${wrong.slice(0, 4)} after the clock is set back`, async () => {
      let aheadMs = at(wrong) - at('2026-03-01T01:57:00');
      await startAt('2026-03-01T01:57:00', {
        createdMs: at(wrong),
        clock: { now: () => Date.now() + aheadMs, sure: true },
      });
      await pass(30_000);
      aheadMs = 0;
      await pass(3 * 60_000);
      expect(runs).to.deep.equal(['2026-03-01T02:00:00']);
      expect(schedule?.nextAt).to.equal('2026-03-02T02:00:00.000Z');
    });
  }

  it('catches up after the start where the last success lies in the future, which a wrong clock wrote down', async () => {
    lastForcedMs = at('2106-01-01T00:00:00');
    await startAt('2026-03-01T12:00:00', { createdMs: at('2026-02-01T00:00:00') });
    await pass(31_000);
    expect(runs).to.deep.equal(['2026-03-01T12:00:30']);
  });

  it('tries one that failed again, 10 min later and then twice as long after each, until the next time', async () => {
    await startAt('2026-03-01T01:59:00', {
      replicate: async () => {
        runs.push(new Date().toISOString().slice(0, 16));
        throw new Error('the disk is full');
      },
    });
    await pass(24.2 * HOUR_MS);
    const [first, ...again] = runs;
    expect(first).to.equal('2026-03-01T02:00');
    expect(again.slice(0, 5)).to.deep.equal([
      ...['2026-03-01T02:10', '2026-03-01T02:30', '2026-03-01T03:10', '2026-03-01T04:30', '2026-03-01T07:10'],
    ]);
    expect(again.slice(5)).to.deep.equal([
      ...['2026-03-01T11:10', '2026-03-01T15:10', '2026-03-01T19:10', '2026-03-01T23:10'],
      ...['2026-03-02T02:00', '2026-03-02T02:10'],
    ]);
  });

  it('tries one that failed again as soon as the link is back, but not in a hurry, and only until one succeeds', async () => {
    let succeeds = false;
    const daily = await startAt('2026-03-01T01:59:00', {
      replicate: async () => {
        runs.push(new Date().toISOString().slice(0, 16));
        return succeeds;
      },
    });
    await pass(90_000);
    succeeds = true;
    daily.linkRestored();
    expect(daily.nextAt).to.equal('2026-03-01T02:02:00.000Z');
    await pass(6 * HOUR_MS);
    daily.linkRestored();
    await pass(2 * HOUR_MS);
    expect(runs).to.deep.equal(['2026-03-01T02:00', '2026-03-01T02:02']);
  });

  it('does not try again what another forced run has delivered meanwhile', async () => {
    await startAt('2026-03-01T01:59:00', {
      replicate: async () => {
        runs.push(new Date().toISOString().slice(0, 16));
        return false;
      },
    });
    await pass(5 * 60_000);
    lastForcedMs = at('2026-03-01T02:04:00');
    await pass(3 * HOUR_MS);
    expect(runs).to.deep.equal(['2026-03-01T02:00']);
  });

  it('comes once on the days on which the clocks of its time zone are changed', async () => {
    for (const [day, before, begins] of [
      // 02:00 is there twice; 02:00 is not there at all, and the day goes on with 03:00.
      ['2026-10-25', '2026-10-24T20:00:00', '2026-10-25T00:00:00'],
      ['2026-03-29', '2026-03-28T20:00:00', '2026-03-29T01:00:00'],
    ] as const) {
      runs = [];
      const zoned = await startAt(before, { timeZone: 'Europe/Berlin' });
      await pass(24 * HOUR_MS);
      expect(runs, day).to.deep.equal([begins]);
      await zoned.stop();
      mock.timers.reset();
    }
  });

  it('is caught up after a start with an unsure clock, since nobody knows what was missed', async () => {
    await startAt('1970-01-01T00:10:00', {
      createdMs: at('2026-02-01T00:00:00'),
      clock: { now: () => Date.now(), sure: false },
    });
    await pass(31_000);
    expect(runs).to.deep.equal(['1970-01-01T00:10:30']);
  });

  it('does nothing after it was stopped', async () => {
    const stopped = await startAt('2026-03-01T01:59:00');
    await stopped.stop();
    await pass(HOUR_MS);
    expect(runs).to.deep.equal([]);
    expect(stopped.nextAt).to.equal(undefined);
  });
});

describe("a village's delay", () => {
  it('is always the same, within the limit, and spread over it', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 86_400 }), (village, jitterS) => {
        const delayMs = villageJitterMs(village, jitterS);
        expect(delayMs).to.equal(villageJitterMs(village, jitterS));
        expect(delayMs >= 0 && (jitterS === 0 ? delayMs === 0 : delayMs < jitterS * 1000)).to.equal(true);
      }),
    );
    const delays = Array.from({ length: 1_000 }, (_, n) => villageJitterMs(`village-${n}`, 1_000));
    for (let tenth = 0; tenth < 10; tenth++) {
      const inTenth = delays.filter((ms) => Math.floor(ms / 100_000) === tenth).length;
      expect(inTenth).to.be.within(50, 150);
    }
  });
});
