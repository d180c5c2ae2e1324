/**
 * The energy between the readings of a meter, in kWh, from its cumulative register; from the energy of each period where
 * it has no register. Pure.
 *
 * - Register: each difference of two readings is energy, whatever was missed in between. A register that falls was reset
 *   and counts from zero again, or rolled over at its end. Where the reading carries the energy of its period and no
 *   reading is missing, that tells a reset from a rollover and is the energy around a reset; else that is what the
 *   register has counted since.
 * - Period: each reading is the energy of the time since the one before; what was missed is missing.
 */

/** A reading's time and what it tells, each in its own list. `NaN` for what it does not tell. In order of time. */
export interface MeterReadings {
  atMs: number[];
  registerKwh: number[];
  periodKwh: number[];
}

export type Source = 'energyKwh' | 'periodKwh';
export type IntervalKind = 'normal' | 'gap';

/** Energy that flowed between two moments. */
export interface EnergyInterval {
  fromMs: number;
  toMs: number;
  kwh: number;
  /** `gap`: readings are missing in between, so that nobody knows when it flowed. */
  kind: IntervalKind;
}

/** A register that fell between two readings. */
export interface RegisterFall {
  /** `step`: by so little that nothing but rounding explains it. */
  kind: 'reset' | 'rollover' | 'step';
  fromMs: number;
  toMs: number;
  fromKwh: number;
  toKwh: number;
  /** What was counted as energy in between. */
  kwh: number;
  /** Of a rollover: the register went on from 0 here. */
  capacityKwh?: number;
}

export interface MeterEnergy {
  source: Source;
  intervals: EnergyInterval[];
  falls: RegisterFall[];
  /** Time without readings; `kwh` only where the register tells it. */
  gaps: { fromMs: number; toMs: number; kwh?: number }[];
  /** Readings given twice, left out: the same values much sooner than readings come. */
  duplicateMs: number[];
  /** The readings used, in order; never none. */
  used: readonly { atMs: number; kwh: number }[];
}

/** A gap is longer than so many times the usual time between readings: a single one that is missing is one. */
const GAP_FACTOR = 1.5;
const DUPLICATE_FACTOR = 0.5;
/** Where registers end: digits on a display, and 2^32 Wh. */
const CAPACITIES_KWH = [1e3, 1e4, 1e5, 1e6, 2 ** 32 / 1000, 1e7, 1e8, 1e9];
/** A rollover is from the last twentieth of the register to its first. */
const ROLLOVER_SHARE = 0.05;
/** By so much, and a tenth, a rollover and the energy of its period may differ: displays of whole kWh. */
const ROLLOVER_TOLERANCE_KWH = 1;
/** Falls up to this are rounding, unless they are most of what there was. */
const STEP_KWH = 0.1;

/**
 * `earlierMs`: times of readings just before, which help to tell how often there are readings. Nothing where no reading
 * tells of energy.
 */
export function meterEnergy(
  readings: MeterReadings,
  source: Source,
  earlierMs: readonly number[] = [],
): MeterEnergy | undefined {
  const { atMs, registerKwh, periodKwh } = readings;
  const values = source === 'energyKwh' ? registerKwh : periodKwh;
  const used = [...atMs.keys()].filter((n) => Number.isFinite(values[n]));
  if (used.length === 0) return undefined;
  const points = used.map((n) => ({ atMs: atMs[n] ?? 0, kwh: values[n] ?? 0, periodKwh: periodKwh[n] ?? Number.NaN }));
  const times = new Set([...earlierMs, ...points.map((point) => point.atMs)]);
  const usualMs = usualInterval([...times].sort((a, b) => a - b));
  const duplicates = new Set(points.filter((point, n) => isDuplicate(point, points[n - 1], usualMs)));
  const kept = points.filter((point) => !duplicates.has(point));
  const energy: MeterEnergy = {
    ...{ source, intervals: [], falls: [], gaps: [] },
    duplicateMs: [...duplicates].map((one) => one.atMs),
    used: kept,
  };
  for (const [n, point] of kept.entries()) {
    const before = kept[n - 1];
    if (source === 'periodKwh') addPeriod(energy, before, point, usualMs);
    else if (before) addDifference(energy, before, point, usualMs);
  }
  return energy;
}

/** The usual time between readings, the median; `undefined` for fewer than three. */
function usualInterval(atMs: readonly number[]): number | undefined {
  const differences = atMs.slice(1).map((ms, n) => ms - (atMs[n] ?? ms));
  if (differences.length < 3) return undefined;
  return differences.sort((a, b) => a - b)[differences.length >> 1];
}

interface Point {
  atMs: number;
  kwh: number;
  periodKwh: number;
}

function isDuplicate(point: Point, before: Point | undefined, usualMs = 0): boolean {
  if (!before || point.atMs - before.atMs >= DUPLICATE_FACTOR * usualMs) return false;
  return point.kwh === before.kwh && Object.is(point.periodKwh, before.periodKwh);
}

function isGap(fromMs: number, toMs: number, usualMs = Number.POSITIVE_INFINITY): boolean {
  return toMs - fromMs > GAP_FACTOR * usualMs;
}

function addDifference(energy: MeterEnergy, before: Point, point: Point, usualMs: number | undefined): void {
  const span = { fromMs: before.atMs, toMs: point.atMs };
  const hasGap = isGap(span.fromMs, span.toMs, usualMs);
  let kwh = point.kwh - before.kwh;
  if (kwh < 0) {
    const fall = fallOf(before, point, hasGap);
    kwh = fall.kwh;
    energy.falls.push({ ...span, fromKwh: before.kwh, toKwh: point.kwh, ...fall });
  }
  energy.intervals.push({ ...span, kwh, kind: hasGap ? 'gap' : 'normal' });
  if (hasGap) energy.gaps.push({ ...span, kwh });
}

function fallOf(before: Point, point: Point, hasGap: boolean): Pick<RegisterFall, 'kind' | 'kwh' | 'capacityKwh'> {
  const difference = point.kwh - before.kwh;
  if (difference >= -STEP_KWH && point.kwh > before.kwh / 2) return { kind: 'step', kwh: difference };
  const capacityKwh = CAPACITIES_KWH.find((capacity) => before.kwh < capacity) ?? 0;
  const isAtEnd = before.kwh >= (1 - ROLLOVER_SHARE) * capacityKwh && point.kwh <= ROLLOVER_SHARE * capacityKwh;
  const isTold = point.periodKwh >= 0 && !hasGap;
  const overEndKwh = capacityKwh + difference;
  const isContradicted = isTold && Math.abs(overEndKwh - point.periodKwh) > ROLLOVER_TOLERANCE_KWH + 0.1 * overEndKwh;
  if (isAtEnd && point.kwh >= 0 && !isContradicted) return { kind: 'rollover', kwh: overEndKwh, capacityKwh };
  return { kind: 'reset', kwh: isTold ? point.periodKwh : Math.max(0, point.kwh) };
}

function addPeriod(energy: MeterEnergy, before: Point | undefined, point: Point, usualMs: number | undefined): void {
  const { atMs: toMs, kwh } = point;
  const hasGap = before !== undefined && isGap(before.atMs, toMs, usualMs);
  const fromMs = before && !hasGap ? before.atMs : toMs - (usualMs ?? 1);
  energy.intervals.push({ fromMs, toMs, kwh, kind: 'normal' });
  if (hasGap) energy.gaps.push({ fromMs: before.atMs, toMs: fromMs });
}
