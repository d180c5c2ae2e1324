/** Waiting for something to become true, with a deadline and a failure that says what was waited for. */
import { messageOf } from '../shared/app-error.js';
import { sleep } from '../shared/time.js';

export interface WaitOptions {
  /** What is waited for, completing "waited 5 s for …". */
  what: string;
  timeoutMs?: number;
  intervalMs?: number;
  signal?: AbortSignal;
}

/** The falsy values a predicate may answer while it is not there yet. */
type NotYet = undefined | null | false;

/**
 * Asks `predicate` until it answers something other than undefined, null or false, and returns that. What it throws
 * counts as "not yet" and is named when time runs out. Throws an Error after `timeoutMs` (10 s unless given), or when
 * `signal` is aborted.
 */
export async function waitFor<T>(
  predicate: () => T | NotYet | Promise<T | NotYet>,
  { what, timeoutMs = 10_000, intervalMs = 20, signal }: WaitOptions,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let failure: unknown;
  for (;;) {
    try {
      const answer = await predicate();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (signal?.aborted) throw new Error(`stopped waiting for ${what}`);
    if (performance.now() >= deadlineMs) {
      const why = failure === undefined ? '' : `; the last attempt failed: ${messageOf(failure)}`;
      throw new Error(`waited ${timeoutMs / 1000} s for ${what}${why}`, { cause: failure });
    }
    await sleep(intervalMs, signal);
  }
}
