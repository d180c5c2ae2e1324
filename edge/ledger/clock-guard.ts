/**
 * Whether the machine's clock can be believed.
 *
 * It is unsure before the program's build time, before the latest time ever seen (kept on disk), and after a step of
 * more than a minute against the monotonic clock; it is sure again when the centre's `Date` agrees with it.
 */
import type { Clock } from '../../shared/time.js';

const TOLERANCE_MS = 60_000;

export interface ClockStep {
  fromMs: number;
  toMs: number;
}

export interface ClockGuardOptions {
  clock: Clock;
  buildTimeMs: number;
  /** Latest time this store has ever seen. */
  lastSeenMs: number;
}

export class ClockGuard {
  readonly #clock: Clock;
  readonly #buildTimeMs: number;
  #lastSeenMs: number;
  #stepped = false;
  /** Wall minus monotonic time when last looked; a change of it is a step. */
  #offsetMs: number;
  #newStep: ClockStep | undefined;

  constructor({ clock, buildTimeMs, lastSeenMs }: ClockGuardOptions) {
    this.#clock = clock;
    this.#buildTimeMs = buildTimeMs;
    this.#lastSeenMs = lastSeenMs;
    this.#offsetMs = clock.now() - clock.monotonic();
  }

  /** Milliseconds since 1970 as the machine believes; notices steps. */
  now(): number {
    const nowMs = this.#clock.now();
    const offsetMs = nowMs - this.#clock.monotonic();
    const stepMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(stepMs) > TOLERANCE_MS) {
      this.#stepped = true;
      this.#newStep = { fromMs: nowMs - stepMs, toMs: nowMs };
    }
    if (this.#judge(nowMs)) this.#lastSeenMs = Math.max(this.#lastSeenMs, nowMs);
    return nowMs;
  }

  get sure(): boolean {
    return this.#judge(this.now());
  }

  /** What to keep on disk, so that a later start in the past is noticed. */
  get lastSeenMs(): number {
    return this.#lastSeenMs;
  }

  /** A step not told yet; telling it once is the caller's part. */
  takeStep(): ClockStep | undefined {
    const step = this.#newStep;
    this.#newStep = undefined;
    return step;
  }

  /** Holds the clock against the centre's time; agreement makes it sure, whatever happened before. */
  compareWith(centreMs: number): void {
    const nowMs = this.now();
    if (Math.abs(nowMs - centreMs) > TOLERANCE_MS) return;
    this.#stepped = false;
    this.#lastSeenMs = nowMs;
  }

  #judge(nowMs: number): boolean {
    return !this.#stepped && nowMs >= this.#buildTimeMs - TOLERANCE_MS && nowMs >= this.#lastSeenMs - TOLERANCE_MS;
  }
}
