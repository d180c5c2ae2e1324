/**
 * How many requests of a village succeeded and failed in each hour of the last weeks, as it is kept: by day, two counts for
 * each hour, at most 12 kB. Pure.
 */
import { dayOf, MS_PER_DAY } from '../store/days.js';

export const MS_PER_HOUR = 3_600_000;
/** Today and the 31 days before it. */
const KEPT_DAYS = 32;
const HOURS_PER_DAY = 24;
/** A higher count is told as this one. */
const MAX_COUNT = 999_999;

export interface HourCount {
  succeeded: number;
  failed: number;
}

/** By the number of the hour since 1970, in UTC. */
export type HourCounts = ReadonlyMap<number, HourCount>;

/** Of each day, `2026-03-01`, the successes and failures of each hour in turn, without the zeros at its end. */
export interface KeptHours {
  days: Record<string, number[]>;
}

export function hourOf(ms: number): number {
  return Math.floor(ms / MS_PER_HOUR);
}

/** The first hour of which anything is kept. */
export function firstKeptHour(nowMs: number): number {
  const today = Math.floor(nowMs / MS_PER_DAY);
  return (today - KEPT_DAYS + 1) * HOURS_PER_DAY;
}

/** Puts these on top of what is kept, and lets go what is older than is kept. */
export function withHours(kept: KeptHours | undefined, added: HourCounts, nowMs: number): KeptHours {
  const firstDay = dayOf(firstKeptHour(nowMs) * MS_PER_HOUR);
  const days = new Map(Object.entries(kept?.days ?? {}).filter(([day]) => day >= firstDay));
  for (const [hour, { succeeded, failed }] of added) {
    const day = dayOf(hour * MS_PER_HOUR);
    if (day < firstDay) continue;
    const counts = [...(days.get(day) ?? [])];
    const at = 2 * (hour % HOURS_PER_DAY);
    while (counts.length < at + 2) counts.push(0);
    counts[at] = Math.min(MAX_COUNT, (counts[at] ?? 0) + succeeded);
    counts[at + 1] = Math.min(MAX_COUNT, (counts[at + 1] ?? 0) + failed);
    days.set(day, counts);
  }
  // A machine whose clock was ahead may have left days that are still to come.
  const inOrder = [...days].sort(([a], [b]) => (a < b ? -1 : 1)).slice(-KEPT_DAYS);
  return { days: Object.fromEntries(inOrder) };
}

export function countIn(kept: KeptHours | undefined, hour: number): HourCount {
  const counts = kept?.days[dayOf(hour * MS_PER_HOUR)] ?? [];
  const at = 2 * (hour % HOURS_PER_DAY);
  return { succeeded: counts[at] ?? 0, failed: counts[at + 1] ?? 0 };
}
