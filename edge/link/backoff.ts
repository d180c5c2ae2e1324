/** How long to leave a centre alone after failures. */

const CAP_MS = 300_000;
/** A centre that asks for more than this is not believed. */
export const RETRY_AFTER_MAX_MS = 3_600_000;

/** Milliseconds to wait after the n-th failure (from 1): full jitter over 2^n seconds, capped. */
export function backoffMs(failures: number, random: () => number): number {
  return Math.round(random() * Math.min(CAP_MS, 2 ** Math.min(failures, 20) * 1000));
}
