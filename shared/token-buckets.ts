/**
 * Rates by name: each name may do so many things a minute, and as many at once after a quiet minute. Only names that
 * did something in the last minute are kept, and at most `maxNames` of them.
 */
import type { Clock } from './time.js';

export interface TokenBucketsOptions {
  perMinute: number;
  maxNames: number;
  clock: Clock;
}

interface Bucket {
  /** What is left, at `atMs`. */
  tokens: number;
  atMs: number;
}

const MINUTE_MS = 60_000;

export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  /** In order of use: those not used for longest come first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  /** Takes one; false where none is left. */
  take(name: string): boolean {
    const tokens = this.#left(name);
    if (tokens < 1) return false;
    this.#keep(name, tokens - 1);
    return true;
  }

  /** Milliseconds until there is one again; 0 where there is. */
  waitMs(name: string): number {
    const missing = 1 - this.#left(name);
    return missing <= 0 ? 0 : Math.ceil((missing * MINUTE_MS) / this.#options.perMinute);
  }

  #left(name: string): number {
    const { perMinute, clock } = this.#options;
    const bucket = this.#buckets.get(name);
    if (!bucket) return perMinute;
    return Math.min(perMinute, bucket.tokens + ((clock.monotonic() - bucket.atMs) * perMinute) / MINUTE_MS);
  }

  #keep(name: string, tokens: number): void {
    const { maxNames, clock } = this.#options;
    const atMs = clock.monotonic();
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens, atMs });
    for (const [oldest, bucket] of this.#buckets) {
      if (atMs - bucket.atMs < MINUTE_MS && this.#buckets.size <= maxNames) break;
      this.#buckets.delete(oldest);
    }
  }
}
