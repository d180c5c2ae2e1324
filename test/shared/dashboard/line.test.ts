import { expect } from 'chai';
import { describe, it } from 'mocha';
import { lineOf, type Point, thinned } from '../../../shared/dashboard/line.js';

const HOUR_MS = 3_600_000;

/** One point every 15 minutes of the hours named, with the value given by the time in hours. */
function quarters(hours: readonly number[], value: (hour: number) => number = (hour) => hour): Point[] {
  return hours.flatMap((hour) =>
    [0, 0.25, 0.5, 0.75].map((part) => ({ atMs: (hour + part) * HOUR_MS, value: value(hour + part) })),
  );
}

describe('a line to draw', () => {
  it('has a hole where an hour is missing, not a line', () => {
    const { runs, gaps } = lineOf(quarters([0, 1, 3, 4]), 0, 5 * HOUR_MS);
    expect(runs.map((run) => run.length)).to.deep.equal([8, 8]);
    expect(gaps).to.deep.equal([{ fromMs: 1.75 * HOUR_MS, toMs: 3 * HOUR_MS }]);
  });

  it('has no hole where one reading of fifteen minutes is late', () => {
    const points = quarters([0, 1, 2]).filter((_point, index) => index !== 5);
    const { runs, gaps } = lineOf(points, 0, 3 * HOUR_MS);
    expect([runs.length, gaps]).to.deep.equal([1, []]);
  });

  it('shows what is missing before the first and behind the last reading', () => {
    const { gaps } = lineOf(quarters([2]), 0, 5 * HOUR_MS);
    expect(gaps).to.deep.equal([
      { fromMs: 0, toMs: 2 * HOUR_MS },
      { fromMs: 2.75 * HOUR_MS, toMs: 5 * HOUR_MS },
    ]);
    expect(lineOf([], 0, HOUR_MS)).to.deep.equal({ runs: [], gaps: [{ fromMs: 0, toMs: HOUR_MS }] });
  });

  it('is not one hole where readings come more seldom than every hour, if that is told', () => {
    const points = [0, 2, 4, 6].map((hour) => ({ atMs: hour * HOUR_MS, value: 1 }));
    expect(lineOf(points, 0, 7 * HOUR_MS, 24 * HOUR_MS)).to.deep.equal({ runs: [points], gaps: [] });
  });

  it('keeps every peak, every trough and every hole when it is thinned', () => {
    const points = Array.from({ length: 20_000 }, (_, n) => ({ atMs: n * 1000, value: n === 7_777 ? 99 : n % 10 }));
    points[12_345] = { atMs: 12_345_000, value: -5 };
    const line = { runs: [points.slice(0, 10_000), points.slice(10_000)], gaps: [{ fromMs: 1, toMs: 2 }] };
    const { runs, gaps } = thinned(line, 0, 20_000_000, 300);
    expect(gaps).to.deep.equal(line.gaps);
    expect(runs).to.have.length(2);
    const kept = runs.flat();
    expect(kept.length).to.be.within(500, 602);
    expect(Math.max(...kept.map(({ value }) => value))).to.equal(99);
    expect(Math.min(...kept.map(({ value }) => value))).to.equal(-5);
    const times = kept.map(({ atMs }) => atMs);
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
  });
});
