/** What a village's day is worth on the heat map: how much of it is missing. Pure. */
import type { Completeness, ShownVillage, VillageDays } from './fleet-answers.js';

export interface HeatCell {
  day: string;
  readings: number;
  /** Numbers known to be missing of that day. */
  missing: number;
  /** What the day should have had by now; undefined where that is not known. */
  expected: number | undefined;
  /** From 0, all is there, to 1, nothing is; undefined where it cannot be told, or nothing was to be expected yet. */
  missingShare: number | undefined;
}

export interface HeatRow {
  village: string;
  cells: HeatCell[];
  /** Days' worth of readings that are missing. */
  missingDays: number;
}

const DAY_MS = 86_400_000;

/** One row for each of `villages`, in the order given or with most missing first. */
export function heatRows(
  { items }: Completeness,
  villages: readonly ShownVillage[],
  { nowMs, order }: { nowMs: number; order: 'given' | 'missing' },
): HeatRow[] {
  const byVillage = new Map(items.map((item) => [item.village, item]));
  const rows = villages.flatMap((village) => {
    const item = byVillage.get(village.id);
    return item ? [rowOf(item, village, nowMs)] : [];
  });
  return order === 'given' ? rows : rows.sort((a, b) => b.missingDays - a.missingDays);
}

function rowOf(
  { village, typicalPerDay, days }: VillageDays,
  { createdAt, disabled }: ShownVillage,
  nowMs: number,
): HeatRow {
  const firstDay = createdAt.slice(0, 10);
  // A day before the village was added may have been imported; where it was not, nothing is missing.
  const firstWithData = days.find(({ readings }) => readings > 0)?.day ?? firstDay;
  const begins = firstWithData < firstDay ? firstWithData : firstDay;
  // Of one that is not let in any more nothing else is to come.
  const ends = disabled ? (days.findLast(({ readings }) => readings > 0)?.day ?? '') : undefined;
  const cells = days.map(({ day, readings, missing }): HeatCell => {
    const isOutside = day < begins || (ends !== undefined && day > ends);
    const expected = isOutside || typicalPerDay === null ? undefined : typicalPerDay * passedShare(day, nowMs);
    const isOver = passedShare(day, nowMs) === 1;
    const share = isOutside ? undefined : missingShare(readings, expected, isOver);
    return { day, readings, missing: missing ?? 0, expected, missingShare: share };
  });
  return { village, cells, missingDays: cells.reduce((sum, cell) => sum + (cell.missingShare ?? 0), 0) };
}

/** Where it is not known what a day has, one that is over and has nothing at all is still missing. */
function missingShare(readings: number, expected: number | undefined, isOver: boolean): number | undefined {
  if (expected === undefined) return readings === 0 && isOver ? 1 : undefined;
  return expected < 1 ? 0 : Math.min(1, Math.max(0, 1 - readings / expected));
}

/** How much of a day (UTC) has passed. */
function passedShare(day: string, nowMs: number): number {
  return Math.min(1, Math.max(0, (nowMs - Date.parse(day)) / DAY_MS));
}

/** The last `count` days (UTC), today included, as `from` and an exclusive `to`. */
export function lastDays(count: number, nowMs: number): { from: string; to: string } {
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return { from: date(nowMs - (count - 1) * DAY_MS), to: date(nowMs + DAY_MS) };
}
