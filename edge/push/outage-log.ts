/**
 * What the log says of failures to deliver: the first is a warning; while it lasts, an error after an hour and then at
 * growing intervals (2 h, 4 h, … , at most a day apart), and everything between only for those who look closely. That
 * documents arrive again is said once, with what it took.
 */
import type { Logger } from '../../shared/logger.js';

export interface OutageFacts {
  tag?: string;
  status?: number | undefined;
  pending: number;
}

interface Outage {
  sinceMs: number;
  attempts: number;
  /** When the next error is due, and how long after the beginning or the last error that is. */
  errorAtMs: number;
  errorAfterMs: number;
}

const FIRST_ERROR_MS = 3_600_000;
const LONGEST_MS = 86_400_000;

export class OutageLog {
  readonly #log: Logger;
  /** Milliseconds that only ever grow: how long an outage lasted is no matter of what the wall clock was set to. */
  readonly #now: () => number;
  #outage: Outage | undefined;

  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  failed(message: string, facts: OutageFacts): void {
    const nowMs = this.#now();
    if (!this.#outage) {
      this.#outage = { sinceMs: nowMs, attempts: 1, errorAtMs: nowMs + FIRST_ERROR_MS, errorAfterMs: FIRST_ERROR_MS };
      this.#log.warn(`data is kept and waits: ${message}`, facts);
      return;
    }
    const outage = this.#outage;
    outage.attempts++;
    if (nowMs < outage.errorAtMs) {
      this.#log.verbose(`still no success: ${message}`, facts);
      return;
    }
    outage.errorAfterMs = Math.min(2 * outage.errorAfterMs, LONGEST_MS);
    outage.errorAtMs = nowMs + outage.errorAfterMs;
    const hours = Math.floor((nowMs - outage.sinceMs) / 3_600_000);
    this.#log.error(`data has waited for ${hours} h: ${message}`, { ...facts, attempts: outage.attempts });
  }

  /** Documents arrived, so many, and so many still wait; or there was nothing left to deliver. */
  recovered({ delivered, pending }: { delivered: number; pending: number }): void {
    if (!this.#outage) return;
    const { sinceMs, attempts } = this.#outage;
    this.#outage = undefined;
    const outageS = Math.round((this.#now() - sinceMs) / 1000);
    const what =
      delivered > 0 ? 'documents arrive at the centre again' : 'the centre answers again, and holds everything';
    this.#log.info(what, { outageS, attempts, delivered, pending });
  }
}
