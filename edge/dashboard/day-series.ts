/** The energy of each hour of a day, from a device's own readings. */
import type { Point } from '../../shared/dashboard/line.js';

export interface HourEnergy {
  fromMs: number;
  /** Undefined where it cannot be told from the readings. */
  kwh: number | undefined;
}

const HOUR_MS = 3_600_000;

/**
 * Energy of each hour that has begun, from a register that only grows: what it grew by between the last readings of two
 * hours. Unknown for an hour without a reading, behind one without, or in which the register fell.
 */
export function energyOfRegister(points: readonly Point[], fromMs: number, toMs: number): HourEnergy[] {
  let before: number | undefined;
  return hours(points, fromMs, toMs).map(({ startMs, within }) => {
    const first = within[0];
    const last = within.at(-1);
    const begin = before ?? first?.value;
    const values = begin === undefined ? [] : [begin, ...within.map(({ value }) => value)];
    const hasFallen = values.some((value, index) => value < (values[index - 1] ?? value));
    // The day's first hour begins with its own first reading; behind a hole what grew in it belongs to no hour.
    const isTold = first !== undefined && last !== undefined && begin !== undefined && !hasFallen;
    const isBehindHole = before === undefined && startMs !== fromMs;
    before = last?.value;
    return { fromMs: startMs, kwh: isTold && !isBehindHole ? last.value - begin : undefined };
  });
}

/** Energy of each hour that has begun, from the energies of single periods. */
export function energyOfPeriods(points: readonly Point[], fromMs: number, toMs: number): HourEnergy[] {
  return hours(points, fromMs, toMs).map(({ startMs, within }) => ({
    fromMs: startMs,
    kwh: within.length === 0 ? undefined : within.reduce((sum, { value }) => sum + value, 0),
  }));
}

function hours(points: readonly Point[], fromMs: number, toMs: number): { startMs: number; within: Point[] }[] {
  const found: { startMs: number; within: Point[] }[] = [];
  for (let startMs = fromMs; startMs < toMs; startMs += HOUR_MS) {
    const within = points.filter(({ atMs }) => atMs >= startMs && atMs < startMs + HOUR_MS);
    found.push({ startMs, within });
  }
  return found;
}
