/**
 * For how long lost documents are told as an alert: on seven days (UTC), and from the beginning again when more are lost.
 * The count of them stays for ever where counts are; what is kept here outlives the alert, so that no loss is told twice.
 *
 * Days are counted on which it was told, not the time since: a clock that is far ahead takes one of them at most, and
 * one that is far behind adds none. Pure.
 */
export interface ToldLoss {
  /** How many were lost when it was told; fewer where some were found since. */
  count: number;
  /** On which it was told, as dates; one more than seven once that is over. */
  days: readonly string[];
}

const MAX_DAYS = 7;

/**
 * What was told once so many are lost; the very same where nothing changes. `day`: of now, as a date; absent where no
 * clock can be believed.
 */
export function steppedLoss(told: ToldLoss | undefined, lost: number, day: string | undefined): ToldLoss | undefined {
  if (lost === 0) return undefined;
  if (!told || lost > told.count) return { count: lost, days: day === undefined ? [] : [day] };
  const isNewDay = day !== undefined && told.days.length <= MAX_DAYS && !told.days.includes(day);
  if (lost === told.count && !isNewDay) return told;
  return { count: lost, days: isNewDay ? [...told.days, day] : told.days };
}

/** Whether so many lost are to be told of, after what was told. */
export function isTellable(told: ToldLoss | undefined, lost: number): boolean {
  return lost > 0 && (!told || lost > told.count || told.days.length <= MAX_DAYS);
}
