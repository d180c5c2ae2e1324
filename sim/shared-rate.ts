/**
 * The capacity of one direction of a link, shared by every connection: bytes leave one after the other, as from a
 * modem.
 */
import type { Clock } from '../shared/time.js';

export class SharedRate {
  readonly #bytesPerS: number;
  readonly #clock: Clock;
  #busyUntilMs = 0;

  /** `bytesPerS`: bytes on the wire per second; Infinity where there is no limit. */
  constructor(bytesPerS: number, clock: Clock) {
    this.#bytesPerS = bytesPerS;
    this.#clock = clock;
  }

  get isLimited(): boolean {
    return Number.isFinite(this.#bytesPerS);
  }

  /**
   * Queues so many bytes behind everything queued before; returns when the last of them has left (monotonic
   * milliseconds).
   */
  reserve(bytes: number): number {
    const startMs = Math.max(this.#clock.monotonic(), this.#busyUntilMs);
    this.#busyUntilMs = startMs + (bytes / this.#bytesPerS) * 1000;
    return this.#busyUntilMs;
  }

  /** Milliseconds until everything queued has left. */
  get backlogMs(): number {
    return Math.max(0, this.#busyUntilMs - this.#clock.monotonic());
  }

  /** Forgets what is queued: it was lost with the connections. */
  reset(): void {
    this.#busyUntilMs = 0;
  }
}
