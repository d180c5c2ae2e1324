/** A wall clock that runs with real time and can be set, beside a monotonic one that cannot. */
import type { Clock } from '../../shared/time.js';

export class RunningClock implements Clock {
  #offsetMs: number;

  /** `at`: the time it begins with, RFC 3339. */
  constructor(at: string) {
    this.#offsetMs = Date.parse(at) - performance.now();
  }

  now(): number {
    return Math.floor(performance.now() + this.#offsetMs);
  }

  monotonic(): number {
    return performance.now();
  }

  set(at: string): void {
    this.#offsetMs = Date.parse(at) - performance.now();
  }
}
