/**
 * Opens a new segment for fresh data when the one being written to holds a backlog, so that the fresh goes first.
 *
 * Not more often than every quarter of an hour: a link that comes and goes must not leave hundreds of small segments.
 */
import type { Ledger } from '../ledger/ledger.js';
import type { BatchSizer } from './batch-sizer.js';

const WORTH_MS = 30_000;
const EVERY_MS = 900_000;
/** Documents a second that are expected of a link nothing is known of: a poor one. */
const ASSUMED_PER_S = 200;

export class FreshLane {
  readonly #ledger: Pick<Ledger, 'segments' | 'roll'>;
  readonly #sizer: Pick<BatchSizer, 'documentsPerS'>;
  readonly #monotonicMs: () => number;
  #openedMs = Number.NEGATIVE_INFINITY;

  constructor(
    ledger: Pick<Ledger, 'segments' | 'roll'>,
    sizer: Pick<BatchSizer, 'documentsPerS'>,
    monotonicMs: () => number = () => performance.now(),
  ) {
    this.#ledger = ledger;
    this.#sizer = sizer;
    this.#monotonicMs = monotonicMs;
  }

  /**
   * To be called when the link is back, when a push begins, and after each batch. What was measured before the link was
   * away says little of the link that is there now. Rejects as `Ledger.roll` does.
   */
  async openForBacklog(wasAway: boolean): Promise<void> {
    const pending = this.#ledger.segments.at(-1)?.pending ?? 0;
    const measuredPerS = this.#sizer.documentsPerS ?? ASSUMED_PER_S;
    const drainMs = (pending / (wasAway ? Math.min(measuredPerS, ASSUMED_PER_S) : measuredPerS)) * 1000;
    const before = this.#openedMs;
    if (drainMs < WORTH_MS || this.#monotonicMs() - before < EVERY_MS) return;
    this.#openedMs = this.#monotonicMs();
    try {
      await this.#ledger.roll();
    } catch (error) {
      this.#openedMs = before;
      throw error;
    }
  }
}
