import { expect } from 'chai';
import { describe, it } from 'mocha';
import { energyOfPeriods, energyOfRegister } from '../../../edge/dashboard/day-series.js';
import type { Point } from '../../../shared/dashboard/line.js';

const HOUR_MS = 3_600_000;

/** One point every 15 minutes of the hours named, with the value given by the time in hours. */
function quarters(hours: readonly number[], value: (hour: number) => number = (hour) => hour): Point[] {
  return hours.flatMap((hour) =>
    [0, 0.25, 0.5, 0.75].map((part) => ({ atMs: (hour + part) * HOUR_MS, value: value(hour + part) })),
  );
}

describe('a day’s energy by the hour', () => {
  it('tells energy by hour from the register, and none where it cannot be told', () => {
    const points = quarters([0, 1, 3, 4], (hour) => 100 + 2 * hour);
    const kwh = energyOfRegister(points, 0, 5 * HOUR_MS).map((one) => one.kwh);
    expect(kwh).to.deep.equal([1.5, 2, undefined, undefined, 2]);
  });

  it('makes no energy of a register that fell', () => {
    const points = quarters([0, 1, 2], (hour) => (hour < 1.5 ? 100 + hour : hour));
    const kwh = energyOfRegister(points, 0, 3 * HOUR_MS).map((one) => one.kwh);
    expect(kwh).to.deep.equal([0.75, undefined, 1]);
  });

  it('adds up the energies of periods', () => {
    const kwh = energyOfPeriods(
      quarters([0, 2], () => 0.5),
      0,
      3 * HOUR_MS,
    ).map((one) => one.kwh);
    expect(kwh).to.deep.equal([2, undefined, 2]);
  });
});
