/** A machine's clock that can be set: time passes on both clocks, setting changes the wall clock alone. */
import type { Clock } from '../../shared/time.js';

export class SettableClock implements Clock {
  wallMs: number;
  #monotonicMs = 500;

  constructor(wallMs: number) {
    this.wallMs = wallMs;
  }

  now(): number {
    return this.wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  pass(ms: number): void {
    this.wallMs += ms;
    this.#monotonicMs += ms;
  }
}
