/** Waiting for the last of many things, as long as they become fewer: how fast, that is the machine's matter. */
import { messageOf } from '../../shared/app-error.js';
import { sleep } from '../../shared/time.js';

export interface NoneLeftOptions {
  /** What is waited for, completing "waited for …". */
  what: string;
  /** Gives up when none has gone for so long, milliseconds of real time. */
  stillMs: number;
  intervalMs: number;
  signal?: AbortSignal;
}

/** Asks `left` until it answers 0. What it throws counts as no progress, and is named in the end. */
export async function untilNoneLeft(
  left: () => Promise<number>,
  { what, stillMs, intervalMs, signal }: NoneLeftOptions,
): Promise<void> {
  let fewest = Number.POSITIVE_INFINITY;
  let sinceMs = performance.now();
  let failure = '';
  for (;;) {
    const count = await left().catch((error: unknown) => {
      failure = `; the last attempt failed: ${messageOf(error)}`;
      return Number.POSITIVE_INFINITY;
    });
    if (count === 0) return;
    signal?.throwIfAborted();
    if (count < fewest) {
      fewest = count;
      sinceMs = performance.now();
    } else if (performance.now() - sinceMs > stillMs) {
      throw new Error(`waited for ${what}: ${fewest} left, and none has gone for ${stillMs / 1000} s${failure}`);
    }
    await sleep(intervalMs, signal);
  }
}
