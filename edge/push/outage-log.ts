/**
 * What the log says of failures to deliver: the first is a warning, an outage of an hour an error, everything between
 * is only for those who look closely; that documents arrive again is said once, with what it took.
 */
import type { Logger } from '../../shared/logger.js';

export interface OutageFacts {
  tag?: string;
  status?: number | undefined;
  pending: number;
}

const LONG_OUTAGE_MS = 3_600_000;

export class OutageLog {
  readonly #log: Logger;
  /** Milliseconds that only ever grow: how long an outage lasted is no matter of what the wall clock was set to. */
  readonly #now: () => number;
  #outage: { sinceMs: number; failures: number; longTold: boolean } | undefined;

  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  failed(message: string, facts: OutageFacts): void {
    if (!this.#outage) {
      this.#outage = { sinceMs: this.#now(), failures: 1, longTold: false };
      this.#log.warn(`data is kept and waits: ${message}`, facts);
      return;
    }
    this.#outage.failures++;
    if (!this.#outage.longTold && this.#now() - this.#outage.sinceMs > LONG_OUTAGE_MS) {
      this.#outage.longTold = true;
      this.#log.error(`data has waited for over an hour: ${message}`, facts);
    } else {
      this.#log.verbose(`still no success: ${message}`, facts);
    }
  }

  /** Documents arrived, or there was nothing to deliver. */
  recovered(pending: number): void {
    if (!this.#outage) return;
    const { sinceMs, failures } = this.#outage;
    this.#outage = undefined;
    const outageS = Math.round((this.#now() - sinceMs) / 1000);
    this.#log.info('documents arrive at the centre again', { outageS, failures, pending });
  }
}
