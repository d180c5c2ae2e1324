/**
 * Lets something small and urgent pass before the backlog: while it is taken, a push hands nothing more over.
 *
 * Invariant: the push is kept waiting for a minute at a time at most, and for half of the time in the long run, however
 * often the right is taken and for however long.
 */
const LONGEST_MS = 60_000;

export class RightOfWay {
  readonly #monotonicMs: () => number;
  /** How long the push may be kept waiting from `#countedMs` on; grows while it is not. */
  #leftMs = LONGEST_MS;
  #countedMs: number;
  #isTaken = false;

  constructor(monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs;
    this.#countedMs = monotonicMs();
  }

  /** True while the push must wait. */
  get isTaken(): boolean {
    this.#count();
    return this.#isTaken;
  }

  take(): void {
    this.#count();
    if (this.#leftMs >= LONGEST_MS / 2) this.#isTaken = true;
  }

  giveBack(): void {
    this.#count();
    this.#isTaken = false;
  }

  #count(): void {
    const nowMs = this.#monotonicMs();
    const passedMs = nowMs - this.#countedMs;
    this.#countedMs = nowMs;
    this.#leftMs = Math.min(LONGEST_MS, this.#leftMs + (this.#isTaken ? -passedMs : passedMs));
    if (this.#leftMs <= 0) this.#isTaken = false;
  }
}
