/** The system's wall clock, set forward or back by so much, beside a monotonic one that cannot be. */
import { type Clock, systemClock } from '../../../shared/time.js';

export class SteppedClock implements Clock {
  #offsetMs = 0;

  now(): number {
    return systemClock.now() + this.#offsetMs;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  step(byMs: number): void {
    this.#offsetMs += byMs;
  }
}
