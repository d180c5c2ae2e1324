/**
 * How many documents the next batch takes: what the link carries in a few seconds, on 2G as on a LAN, so that a broken
 * batch costs little, fresh data need not wait long behind one, and round trips are shared by many documents.
 */
const FIRST = 100;
const MIN = 10;
const MAX = 2_000;
/** Documents of as many more steps of a village's meters compress by one byte in a hundred better than in 6 s. */
const TARGET_MS = 8_000;
const MAX_GROWTH = 4;
/** Where larger ones were too large, by so much more is tried each time: rarely enough to cost little. */
const GROWTH_OF_LIMIT = 1.02;
/** As many are offered to a centre that refuses everything. */
const PROBE = 50;
/** Weight of the newest measurement. */
const NEWEST = 0.5;

export class BatchSizer {
  #size = FIRST;
  #documentsPerMs: number | undefined;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #most = MAX;

  /** Documents. */
  get size(): number {
    return this.#size;
  }

  /** Measured, documents a second; undefined before the first full batch. */
  get documentsPerS(): number | undefined {
    return this.#documentsPerMs === undefined ? undefined : this.#documentsPerMs * 1000;
  }

  /**
   * A batch was handed over and answered, by a clock that only ever grows. Where batches overlap, the time between two
   * answers is what the link took for one.
   */
  answered(batch: { documents: number; sentMs: number; answeredMs: number }): void {
    const { documents, sentMs, answeredMs } = batch;
    const tookMs = Math.max(1, answeredMs - Math.max(sentMs, this.#answeredMs));
    this.#answeredMs = answeredMs;
    // A batch smaller than the limit says nothing about a full one, unless it was slow all the same.
    if (documents < this.size && tookMs < TARGET_MS) return;
    const measured = documents / tookMs;
    const before = this.#documentsPerMs ?? measured;
    this.#documentsPerMs = before + NEWEST * (measured - before);
    const wanted = Math.round(this.#documentsPerMs * TARGET_MS);
    this.#most = Math.min(MAX, Math.ceil(this.#most * GROWTH_OF_LIMIT));
    this.#size = Math.max(MIN, Math.min(wanted, this.#size * MAX_GROWTH, this.#most));
  }

  /** Something on the way does not take a request of a whole batch; it took one of so many documents. */
  tooLarge(fits: number): void {
    this.#most = fits;
    this.#size = Math.min(this.#size, fits);
  }

  /** Nothing of a batch was taken: until something is, no more than a few are offered. */
  refused(): void {
    this.#size = Math.min(this.#size, PROBE);
  }

  /** A batch broke: what is lost next time should be less. */
  failed(): void {
    this.#size = Math.max(MIN, Math.floor(this.#size / 2));
  }
}
