/**
 * When a refused document is offered again without anyone asking: 1 min, 10 min and 1 h after a refusal, then daily; and
 * what is left out for a while although it is due.
 *
 * A centre that refuses a whole batch again is not asked about the rest for 10 min, and twice as long after each batch
 * more of which it takes nothing, up to a day.
 */
const MINUTE_MS = 60_000;
const WAITS_MS = [MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS] as const;
const DAY_MS = 24 * 60 * MINUTE_MS;
const HOLD_MS = 10 * MINUTE_MS;
/** As much as the clock may be set back without making everything due. */
const TOLERANCE_MS = MINUTE_MS;

/** All times are milliseconds since 1970. */
export interface Tried {
  /** How often it was refused, from 1. */
  tries: number;
  lastTriedMs: number;
  /** The centre gave no verdict last time: whatever else is to be sent goes first until then. */
  notBeforeMs?: number;
}

/** When the document is due; a try in the future was written down by a clock that was wrong, and says nothing. */
export function dueMs({ tries, lastTriedMs, notBeforeMs }: Tried, nowMs: number): number {
  const waitMs = WAITS_MS[tries - 1] ?? DAY_MS;
  const triedDueMs = lastTriedMs > nowMs + TOLERANCE_MS ? nowMs : lastTriedMs + waitMs;
  return Math.max(triedDueMs, postponedMs(notBeforeMs, nowMs));
}

/** True while the document is left out of a retry of everything, too. */
export function isPostponed({ notBeforeMs }: Tried, nowMs: number): boolean {
  return postponedMs(notBeforeMs, nowMs) > nowMs;
}

/** Until when a document without a verdict is left out. */
export function postponedUntilMs(nowMs: number): number {
  return nowMs + HOLD_MS;
}

function postponedMs(notBeforeMs: number | undefined, nowMs: number): number {
  return notBeforeMs !== undefined && notBeforeMs <= nowMs + HOLD_MS + TOLERANCE_MS ? notBeforeMs : 0;
}

/** Remembers that the centre refuses everything, while the process lives. */
export class RefusalHold {
  #fromMs = 0;
  #lengthMs = 0;

  /** A whole batch was refused, and more would have been offered. */
  refusedWhole(nowMs: number): void {
    this.#lengthMs = Math.min(Math.max(HOLD_MS, 2 * this.#lengthMs), DAY_MS);
    this.#fromMs = nowMs;
  }

  /** The centre took one. */
  taken(): void {
    this.#lengthMs = 0;
  }

  holds(nowMs: number): boolean {
    const passedMs = nowMs - this.#fromMs;
    return passedMs > -TOLERANCE_MS && passedMs < this.#lengthMs;
  }
}
