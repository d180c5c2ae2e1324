/** A period that charts, energy and downloads are about. Pure. */

export interface Period {
  fromMs: number;
  /** Exclusive. */
  toMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LABEL_PX = 70;
/** Of a custom period; longer ones are for the API. */
export const MAX_DAYS = 366;

/** The last `hours` up to now. */
export function lastHours(hours: number, nowMs: number): Period {
  return { fromMs: nowMs - hours * HOUR_MS, toMs: nowMs };
}

/** From the begin of one day to the end of another, in this machine's zone; undefined where they are no such days. */
export function daysBetween(first: string, last: string): Period | undefined {
  const fromMs = startOfDay(first);
  const lastMs = startOfDay(last);
  if (fromMs === undefined || lastMs === undefined) return undefined;
  const toMs = new Date(lastMs).setHours(24, 0, 0, 0);
  return toMs > fromMs && toMs - fromMs <= (MAX_DAYS + 1) * DAY_MS ? { fromMs, toMs } : undefined;
}

/** The date of a moment in this machine's zone. */
export function dateOf(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Its times of day matter; of a longer one only dates are shown. */
export function isShort({ fromMs, toMs }: Period): boolean {
  return toMs - fromMs <= 2 * DAY_MS;
}

/** Whole hours, days or weeks of this machine's zone to label an axis with, as many as find room in its width. */
export function ticksOf(period: Period, widthPx: number): number[] {
  const { fromMs, toMs } = period;
  const most = Math.max(2, Math.floor(widthPx / LABEL_PX));
  // Where dates are shown, one date is shown once.
  const steps = isShort(period) ? [1, 3, 6, 12, 24] : [24, 48, 168, 336, 744];
  const hours = steps.find((step) => (toMs - fromMs) / (step * HOUR_MS) <= most) ?? 1488;
  const ticks: number[] = [];
  const midnight = new Date(fromMs);
  midnight.setHours(0, 0, 0, 0);
  // By the calendar: days on which clocks change are longer or shorter.
  const after = (n: number) => new Date(midnight).setHours(n * hours);
  for (let n = 0, ms = after(0); ms <= toMs; ms = after(++n)) if (ms >= fromMs && ms !== ticks.at(-1)) ticks.push(ms);
  return ticks;
}

function startOfDay(date: string): number | undefined {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date) ?? [];
  if (day === undefined) return undefined;
  return new Date(Number(year), Number(month) - 1, Number(day)).getTime();
}
