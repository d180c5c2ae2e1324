/** Hours and days as the calendar of a time zone has them: days of 23 and 25 hours where clocks change. Pure. */
import { DateTime, IANAZone } from 'luxon';

export type Step = 'hour' | 'day';

/** Milliseconds since 1970; the end belongs to the next one. */
export interface Bucket {
  startMs: number;
  endMs: number;
}

/** True for an IANA name such as `Africa/Douala`, and for UTC. */
export function isTimeZone(name: string): boolean {
  return name.toUpperCase() === 'UTC' || (/^[A-Za-z]/.test(name) && IANAZone.isValidZone(name));
}

/** Milliseconds of the beginning of a date, `2026-03-01`, in the zone; `undefined` for a date there is not. */
export function startOfDate(date: string, zone: string): number | undefined {
  const start = DateTime.fromISO(date, { zone });
  return start.isValid ? startOf('day', start) : undefined;
}

/**
 * What `fromMs` to `toMs` is cut into, the first and the last one shorter where these are no borders. At most `max` and
 * one more, so that too many can be told.
 */
export function bucketsBetween(
  fromMs: number,
  toMs: number,
  { step, zone }: { step: Step; zone: string },
  max: number,
) {
  const buckets: Bucket[] = [];
  for (let startMs = fromMs; startMs < toMs && buckets.length <= max; ) {
    const endMs = Math.min(toMs, borderBehind(startMs, step, zone));
    buckets.push({ startMs, endMs });
    startMs = endMs;
  }
  return buckets;
}

function borderBehind(ms: number, step: Step, zone: string): number {
  const here = DateTime.fromMillis(ms, { zone });
  const next = here.plus(step === 'hour' ? { hours: 1 } : { days: 1 });
  const border = startOf(step, next);
  // Where clocks go back by half an hour the beginning of the hour is behind us already.
  return border > ms ? border : next.toMillis();
}

/** Where clocks go back to midnight it comes twice, and the day begins with the first; where there is none, behind it. */
function startOf(step: Step, moment: DateTime): number {
  const start = moment.startOf(step);
  if (step === 'hour') return start.toMillis();
  return Math.min(...start.getPossibleOffsets().map((one) => one.toMillis()));
}

/** With the offset that holds then, such as `2026-03-29T00:00:00.000+01:00`. */
export function localInstant(ms: number, zone: string): string {
  return DateTime.fromMillis(ms, { zone }).toISO() ?? '';
}
