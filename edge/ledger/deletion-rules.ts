/** When a segment may be deleted: pure questions about its record. */
import { parseInstant } from '../../shared/time.js';

const DAY_MS = 86_400_000;
/** For age, which is no hurry, the centre's proof must be newer than this. */
const FRESH_MS = 2 * DAY_MS;
/** As much as a clock that counts as sure may be off. */
const CLOCK_TOLERANCE_MS = 60_000;

/** RFC 3339 instants of a segment's record. */
export interface SegmentTimes {
  readonly sealedAt: string | undefined;
  readonly confirmedAt: string | undefined;
}

/** Sealed, and proven to be held by the centre. */
export function isConfirmed({ sealedAt, confirmedAt }: SegmentTimes): boolean {
  return sealedAt !== undefined && confirmedAt !== undefined;
}

/** True once whole `retentionDays` of 24 hours have passed since it was sealed. */
export function ageIsUp({ sealedAt }: SegmentTimes, retentionDays: number, nowMs: number): boolean {
  const sealedMs = parseInstant(sealedAt ?? '');
  return sealedMs !== undefined && nowMs >= sealedMs + retentionDays * DAY_MS;
}

/** A confirmation from the future was stamped by a clock that was wrong: nobody knows how old it is. */
export function isFreshlyConfirmed({ confirmedAt }: SegmentTimes, nowMs: number): boolean {
  const confirmedMs = parseInstant(confirmedAt ?? '');
  if (confirmedMs === undefined) return false;
  return confirmedMs <= nowMs + CLOCK_TOLERANCE_MS && nowMs - confirmedMs <= FRESH_MS;
}
