/** How fast work of a kind gets done, from what was done lately: the newest pieces count most. */
import type { Clock } from '../../shared/time.js';

/** Weight of everything before, at each piece of work. */
const FADING = 0.95;
/** What is taken for granted before anything is known: two megabytes a second. */
const GUESS = { cost: 4_000_000, tookMs: 2_000 };

export class WorkRate {
  readonly #clock: Clock;
  #cost = GUESS.cost;
  #tookMs = GUESS.tookMs;
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
  }

  /** Work that so many milliseconds are going to be enough for. */
  costIn(ms: number): number {
    return this.#tookMs > 0 ? (ms * this.#cost) / this.#tookMs : Number.POSITIVE_INFINITY;
  }

  /** Milliseconds that work of this cost is going to take. */
  msFor(cost: number): number {
    return (cost * this.#tookMs) / this.#cost;
  }
}
