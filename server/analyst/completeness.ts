/** What is there and what is missing of villages, day by day. Pure. */
import type { DaysQuery } from './days-query.js';
import type { MissingByDay } from './missing-days.js';

export interface CompletenessDay {
  day: string;
  /** Readings held whose own time lies in that day. */
  readings: number;
  /** Numbers that are not held and were given that day; `null` where that is not known now. */
  missing: number | null;
}

export interface VillageCompleteness {
  village: string;
  /** What a whole day of the village usually holds; `null` where fewer than three tell. */
  typicalPerDay: number | null;
  /** Missing numbers of which no day is known; left out where there are none. */
  undated?: number;
  /** Every day that was asked for, in order. */
  days: CompletenessDay[];
}

export interface Held {
  /** By day. */
  readings: ReadonlyMap<string, number> | undefined;
  /** Undefined where it is not known. */
  missing: MissingByDay | undefined;
}

/** The share of whole days with readings that hold no more than a typical one. */
const TYPICAL_QUANTILE = 0.9;
const MIN_WHOLE_DAYS = 3;

/** `today`: it is not over yet, and tells nothing of whole days; nor do those behind it. */
export function completenessOf(
  village: string,
  { readings, missing }: Held,
  { days }: Pick<DaysQuery, 'days'>,
  today: string,
): VillageCompleteness {
  const counted = days.map((day) => ({
    day,
    readings: readings?.get(day) ?? 0,
    missing: missing ? (missing.days.get(day) ?? 0) : null,
  }));
  const whole = counted.filter((one) => one.day < today && one.readings > 0);
  return {
    village,
    typicalPerDay: typicalOf(whole.map((one) => one.readings)),
    ...(missing && missing.undated > 0 ? { undated: missing.undated } : {}),
    days: counted,
  };
}

/** The nearest rank of the quantile. */
function typicalOf(counts: number[]): number | null {
  if (counts.length < MIN_WHOLE_DAYS) return null;
  const sorted = counts.sort((a, b) => a - b);
  return sorted[Math.ceil(TYPICAL_QUANTILE * sorted.length) - 1] ?? null;
}
