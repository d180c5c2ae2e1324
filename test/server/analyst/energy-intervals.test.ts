import { expect } from 'chai';
import { describe, it } from 'mocha';
import { bucketsBetween } from '../../../server/analyst/calendar-buckets.js';
import { intoBuckets } from '../../../server/analyst/energy-buckets.js';
import { type MeterReadings, meterEnergy } from '../../../server/analyst/energy-intervals.js';
import type { SeededRandom } from '../../../sim/random.js';
import { itWithSeed } from '../../support/seeds.js';

const START_MS = Date.parse('2026-03-27T00:00:00.000Z');
const QUARTER_MS = 900_000;
const HOUR_MS = 3_600_000;

/** Readings a quarter of an hour apart, but for those left out with `undefined`. */
function registers(values: readonly (number | undefined)[]): MeterReadings {
  const readings: MeterReadings = { atMs: [], registerKwh: [], periodKwh: [] };
  for (const [n, value] of values.entries()) {
    if (value === undefined) continue;
    readings.atMs.push(START_MS + n * QUARTER_MS);
    readings.registerKwh.push(value);
    readings.periodKwh.push(Number.NaN);
  }
  return readings;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function energyOf(readings: MeterReadings) {
  const energy = meterEnergy(readings, 'energyKwh');
  if (!energy) throw new Error('no reading told of energy');
  return energy;
}

describe('the energy of a cumulative register', () => {
  it('is the difference of readings, in the bucket they lie in', () => {
    const { intervals, falls, gaps } = energyOf(registers([10, 11, 13, 13, 16, 20]));
    const [first, second] = intoBuckets(intervals, [
      { startMs: START_MS, endMs: START_MS + HOUR_MS },
      { startMs: START_MS + HOUR_MS, endMs: START_MS + 2 * HOUR_MS },
    ]);
    expect([first?.kwh, first?.interpolatedKwh, first?.coveredMs]).to.deep.equal([6, 0, HOUR_MS]);
    expect([second?.kwh, second?.interpolatedKwh, second?.coveredMs]).to.deep.equal([4, 0, QUARTER_MS]);
    expect([falls, gaps]).to.deep.equal([[], []]);
  });

  it('is split by time where readings span a border, and that share is said', () => {
    const { intervals } = energyOf({
      atMs: [START_MS + HOUR_MS / 2, START_MS + HOUR_MS * 1.25],
      registerKwh: [0, 3],
      periodKwh: [Number.NaN, Number.NaN],
    });
    const buckets = intoBuckets(intervals, bucketsBetween(START_MS, START_MS + 2 * HOUR_MS, HOURS, 10));
    expect(buckets.map((one) => [one.kwh, one.interpolatedKwh, one.gapKwh])).to.deep.equal([
      [2, 2, 0],
      [1, 1, 0],
    ]);
  });

  it('is rebuilt over a gap, which is named, and whose share of each bucket is said', () => {
    const missing = Array.from({ length: 8 }, () => undefined);
    const { intervals, gaps } = energyOf(registers([0, 1, 2, 3, ...missing, 12, 13, 14]));
    expect(gaps).to.deep.equal([{ fromMs: START_MS + 3 * QUARTER_MS, toMs: START_MS + 12 * QUARTER_MS, kwh: 9 }]);
    const buckets = intoBuckets(intervals, bucketsBetween(START_MS, START_MS + 4 * HOUR_MS, HOURS, 10));
    expect(buckets.map((one) => [one.kwh, one.gapKwh])).to.deep.equal([
      [4, 1],
      [4, 4],
      [4, 4],
      [2, 0],
    ]);
  });

  it('counts from zero after a reset, or what the reading says of its period', () => {
    const plain = energyOf(registers([500, 501, 2, 3]));
    expect(plain.falls).to.have.length(1);
    expect(plain.falls[0]).to.include({ kind: 'reset', fromKwh: 501, toKwh: 2, kwh: 2 });
    const told = registers([500, 501, 2, 3]);
    told.periodKwh = [1, 1, 1.25, 1];
    expect(energyOf(told).falls[0]).to.include({ kind: 'reset', kwh: 1.25 });
    // Over a gap the period is the last one only: what the register counted since is more.
    const late = registers([500, 501, 502, 503, ...Array.from({ length: 9 }, () => undefined), 8, 9]);
    late.periodKwh = [1, 1, 1, 1, 0.5, 1];
    expect(energyOf(late).falls[0]).to.include({ kind: 'reset', kwh: 8 });
  });

  it('goes on over the end of the register, and names the end', () => {
    const { falls, intervals } = energyOf(registers([99_998.5, 99_999.5, 0.5, 1.5]));
    expect(falls).to.have.length(1);
    expect(falls[0]).to.include({ kind: 'rollover', capacityKwh: 100_000, kwh: 1 });
    expect(sum(intervals.map((one) => one.kwh))).to.equal(3);
    const watthours = energyOf(registers([4_294_960, 4_294_967, 0.704])).falls[0];
    expect(watthours).to.include({ kind: 'rollover', capacityKwh: 4_294_967.296 });
    expect(watthours?.kwh).to.be.closeTo(1, 1e-6);
    expect(energyOf(registers([94_000, 5])).falls[0]).to.include({ kind: 'reset' });
  });

  it('is a reset near the end of the register where the energy of the period says so, and no reading is missing', () => {
    const reset = registers([9_799, 9_799.5, 9_800, 0.2, 0.7]);
    expect(energyOf(reset).falls[0]).to.include({ kind: 'rollover' });
    reset.periodKwh = [0.5, 0.5, 0.5, 0.2, 0.5];
    expect(energyOf(reset).falls[0]).to.include({ kind: 'reset', kwh: 0.2 });
    // A period that agrees, but for the rounding of a display of whole kWh.
    const rolled = registers([9_997, 9_998, 9_999, 0, 1]);
    rolled.periodKwh = [0.5, 0.5, 0.5, 0.5, 0.5];
    expect(energyOf(rolled).falls[0]).to.include({ kind: 'rollover', kwh: 1 });
    // Behind a gap the period is the last one only.
    const late = registers([9_797, 9_798, 9_799, 9_800, ...Array.from({ length: 9 }, () => undefined), 0.2]);
    late.periodKwh = [1, 1, 1, 1, 0.2];
    expect(energyOf(late).falls[0]).to.include({ kind: 'rollover' });
  });

  it('has a gap where a single reading is missing, and the period is then not taken for all since a reset', () => {
    const { gaps, intervals } = energyOf(registers([0, 1, 2, 3, undefined, 5, 6]));
    expect(gaps).to.deep.equal([{ fromMs: START_MS + 3 * QUARTER_MS, toMs: START_MS + 5 * QUARTER_MS, kwh: 2 }]);
    expect(sum(intervals.map((one) => one.kwh))).to.equal(6);
    const reset = registers([500, 501, 502, 503, undefined, 1.75, 2.75]);
    reset.periodKwh = [1, 1, 1, 1, 1, 1];
    expect(energyOf(reset).falls[0]).to.include({ kind: 'reset', kwh: 1.75 });
    // Readings that come a little late are none that are missing.
    const late = registers([0, 1, 2, 3, 4, 5]);
    late.atMs[3] = (late.atMs[3] ?? 0) + QUARTER_MS * 0.4;
    expect(energyOf(late).gaps).to.deep.equal([]);
  });

  it('takes a fall by next to nothing for rounding, not for a reset of everything counted so far', () => {
    const { falls, intervals } = energyOf(registers([100, 100.02, 100.01, 100.05]));
    expect(falls.map(({ kind }) => kind)).to.deep.equal(['step']);
    expect(sum(intervals.map((one) => one.kwh))).to.be.closeTo(0.05, 1e-9);
    expect(energyOf(registers([0.05, 0])).falls[0]).to.include({ kind: 'reset', kwh: 0 });
  });

  it('leaves out and names a reading given twice, but not an idle meter', () => {
    const readings = registers([1, 2, 2, 2, 3, 4]);
    expect(energyOf(readings).duplicateMs).to.deep.equal([]);
    readings.atMs.splice(2, 0, (readings.atMs[1] ?? 0) + 5_000);
    readings.registerKwh.splice(2, 0, 2);
    readings.periodKwh.splice(2, 0, Number.NaN);
    expect(energyOf(readings).duplicateMs).to.deep.equal([START_MS + QUARTER_MS + 5_000]);
  });

  itWithSeed('adds up to last − first and what resets took away, however the time is cut', (random) => {
    for (let round = 0; round < 60; round++) {
      const readings = randomMeter(random);
      const { intervals, falls, used } = energyOf(readings);
      const registered = (used.at(-1)?.kwh ?? 0) - (used[0]?.kwh ?? 0);
      const begin = (readings.atMs[0] ?? 0) - random.integer(0, HOUR_MS);
      const end = (readings.atMs.at(-1) ?? 0) + random.integer(1, HOUR_MS);
      const zone = ['UTC', 'Europe/Berlin', 'Africa/Douala', 'Australia/Lord_Howe'][random.integer(0, 3)] ?? '';
      const step = random.chance(0.5) ? 'hour' : 'day';
      const filled = intoBuckets(intervals, bucketsBetween(begin, end, { step, zone }, 1e6));
      const takenAway = sum(falls.map(({ fromKwh, toKwh, kwh }) => fromKwh - toKwh + kwh));
      expect(sum(filled.map((one) => one.kwh))).to.be.closeTo(registered + takenAway, 1e-6);
      // Asked for in two parts it is the same.
      const middle = random.integer(begin + 1, end - 1);
      const parts = [
        bucketsBetween(begin, middle, { step, zone }, 1e6),
        bucketsBetween(middle, end, { step, zone }, 1e6),
      ];
      const inParts = parts.flatMap((part) => intoBuckets(intervals, part));
      expect(sum(inParts.map((one) => one.kwh))).to.be.closeTo(sum(filled.map((one) => one.kwh)), 1e-6);
      // And what really flowed, where no meter was replaced.
      if (!readings.wasReplaced) expect(sum(filled.map((one) => one.kwh))).to.be.closeTo(readings.trueKwh, 1e-6);
    }
  });
});

const HOURS = { step: 'hour', zone: 'UTC' } as const;

/** A meter that is read now and then, whose register ends at 10,000 kWh, and that is sometimes replaced. */
function randomMeter(random: SeededRandom): MeterReadings & { trueKwh: number; wasReplaced: boolean } {
  const readings = { ...registers([]), trueKwh: 0, wasReplaced: false };
  let register = random.chance(0.5) ? 9_990 : random.between(0, 100);
  let atMs = START_MS;
  for (let n = random.integer(2, 200); n > 0; n--) {
    readings.atMs.push(atMs);
    readings.registerKwh.push(register);
    readings.periodKwh.push(Number.NaN);
    const isGap = random.chance(0.05);
    atMs += isGap ? random.integer(HOUR_MS, 30 * HOUR_MS) : QUARTER_MS;
    const kwh = random.chance(0.2) ? 0 : random.between(0, 2);
    if (n === 1) break;
    if (random.chance(0.01)) {
      register = 0;
      readings.wasReplaced = true;
    }
    register = (register + kwh) % 10_000;
    readings.trueKwh += kwh;
  }
  return readings;
}

describe('the energy of periods, where there is no register', () => {
  const periods = (values: readonly (number | undefined)[]) => {
    const { atMs, registerKwh, periodKwh } = registers(values);
    return { atMs, registerKwh: periodKwh, periodKwh: registerKwh };
  };

  it('is that of each reading for the time since the one before, and what was missed is missing and named', () => {
    const missing = Array.from({ length: 8 }, () => undefined);
    const energy = meterEnergy(periods([1, 1, 1, 1, 1, ...missing, 2, 2]), 'periodKwh');
    expect(energy?.gaps).to.deep.equal([{ fromMs: START_MS + 4 * QUARTER_MS, toMs: START_MS + 12 * QUARTER_MS }]);
    const filled = intoBuckets(energy?.intervals ?? [], bucketsBetween(START_MS, START_MS + 4 * HOUR_MS, HOURS, 10));
    expect(filled.map((one) => [one.kwh, one.coveredMs / QUARTER_MS])).to.deep.equal([
      [4, 4],
      [0, 0],
      [0, 0],
      [4, 2],
    ]);
  });

  it('is missing where a single reading is, which is named and not covered', () => {
    const energy = meterEnergy(periods([1, 1, 1, 1, undefined, 1, 1, 1, 1]), 'periodKwh');
    expect(energy?.gaps).to.deep.equal([{ fromMs: START_MS + 3 * QUARTER_MS, toMs: START_MS + 4 * QUARTER_MS }]);
    const filled = intoBuckets(energy?.intervals ?? [], bucketsBetween(START_MS, START_MS + 2 * HOUR_MS, HOURS, 10));
    expect(filled.map((one) => [one.kwh, one.coveredMs / QUARTER_MS])).to.deep.equal([
      [3, 3],
      [4, 4],
    ]);
  });

  it('does not count twice what was given twice', () => {
    const readings = periods([1, 1, 1, 1, 1]);
    readings.atMs.splice(3, 0, (readings.atMs[2] ?? 0) + 1_000);
    readings.registerKwh.push(Number.NaN);
    readings.periodKwh.push(1);
    const energy = meterEnergy(readings, 'periodKwh');
    expect(energy?.duplicateMs).to.have.length(1);
    expect(sum((energy?.intervals ?? []).map((one) => one.kwh))).to.equal(5);
  });
});
