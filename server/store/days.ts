/** Days in UTC as they stand in texts: `2026-03-01`. Pure. */
import { formatInstant } from '../../shared/time.js';

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DAY_LENGTH = '2026-03-01'.length;
export const MS_PER_DAY = 86_400_000;

/** Milliseconds since 1970 at which a day begins; undefined for what is no day. */
export function startOfDay(day: string): number | undefined {
  if (!DAY.test(day)) return undefined;
  const ms = Date.parse(`${day}T00:00:00.000Z`);
  return Number.isFinite(ms) && dayOf(ms) === day ? ms : undefined;
}

/** The day a moment lies in, which is in the years 0000 to 9999. */
export function dayOf(ms: number): string {
  return formatInstant(ms).slice(0, DAY_LENGTH);
}

/** In order; `to` is left out. */
export function daysBetween(fromMs: number, toMs: number): string[] {
  const days: string[] = [];
  for (let ms = fromMs; ms < toMs; ms += MS_PER_DAY) days.push(dayOf(ms));
  return days;
}
