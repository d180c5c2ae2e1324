/** How fast work of a kind gets done, from what was done lately: the newest pieces count most. */
import type { Clock } from '../../shared/time.js';

/** Weight of everything before, at each piece of work. */
const FADING = 0.95;
/** Of pieces that say little: the first ones. */
const LEAST_PIECES = 4;

export class WorkRate {
  readonly #clock: Clock;
  #cost = 0;
  #tookMs = 0;
  #pieces = 0;
  #lastMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Work begins after a pause, which does not count. */
  begin(): void {
    this.#lastMs = this.#clock.monotonic();
  }

  /** A piece is done; pieces may overlap. */
  done(cost: number): void {
    const nowMs = this.#clock.monotonic();
    this.#cost = this.#cost * FADING + cost;
    this.#tookMs = this.#tookMs * FADING + (nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.#pieces++;
  }

  /** Milliseconds that work of this cost is going to take; 0 while nothing is known. */
  msFor(cost: number): number {
    return this.#pieces < LEAST_PIECES || this.#cost === 0 ? 0 : (cost * this.#tookMs) / this.#cost;
  }
}
