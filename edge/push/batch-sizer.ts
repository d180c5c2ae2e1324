/**
 * How many documents the next batch takes, from how long the last ones took: a few seconds each, on 2G as on a LAN, so
 * that a broken batch costs little and round trips are shared by many documents.
 */
const FIRST = 100;
const MIN = 10;
const MAX = 2000;
const GROW_BELOW_MS = 2_000;
const SHRINK_ABOVE_MS = 8_000;

export class BatchSizer {
  #size = FIRST;

  get size(): number {
    return this.#size;
  }

  /** A batch of `documents` was answered after `durationMs`. */
  succeeded(documents: number, durationMs: number): void {
    // A batch smaller than the limit says nothing about a full one.
    if (durationMs < GROW_BELOW_MS && documents >= this.#size) this.#size = Math.min(MAX, this.#size * 2);
    else if (durationMs > SHRINK_ABOVE_MS) this.#size = Math.max(MIN, Math.floor(this.#size / 2));
  }

  failed(): void {
    this.#size = Math.max(MIN, Math.floor(this.#size / 2));
  }
}
