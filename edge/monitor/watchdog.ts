/**
 * Notices a push that stands still although it should not: "pending, and no progress", which no failure tells of.
 *
 * Only time that was looked at counts, so that a machine that slept, or a process that was stopped, is no stall. What an
 * exchange may take is the link layer's matter, what a repair takes depends on the disk: both are given longer, and a
 * bound all the same. Each stall in a row doubles the time until the next.
 */
export interface PushActivity {
  /** A run is under way. */
  running: boolean;
  /** An exchange with the centre is under way. */
  exchanging: boolean;
  /** Something damaged is being repaired, which a run may wait for. */
  repairing: boolean;
  /**
   * Nothing is under way, something should be, and no timer will see to it: documents wait that can be sent, or the
   * controller waits for nothing.
   */
  forgotten: boolean;
  /** Anything that changes with every step forward. */
  marks: string;
}

export interface WatchdogLimits {
  /** Milliseconds without progress and without an exchange after which a run is called off. */
  stillMs: number;
}

const LONGEST_MS = 3_600_000;
const FORGOTTEN_MS = 60_000;
const EXCHANGE_FACTOR = 5;
const MAX_DOUBLINGS = 5;

export class Watchdog {
  readonly #limits: WatchdogLimits;
  #marks = '';
  #lookedMs: number | undefined;
  #stillMs = 0;
  #inARow = 0;

  constructor(limits: WatchdogLimits) {
    this.#limits = limits;
  }

  /**
   * True when the push must begin anew. To be asked every `lookEveryMs`; `nowMs` is of a clock that only ever grows.
   */
  isStalled(activity: PushActivity, nowMs: number, lookEveryMs: number): boolean {
    const passedMs = Math.min(nowMs - (this.#lookedMs ?? nowMs), 2 * lookEveryMs);
    this.#lookedMs = nowMs;
    const shouldMove = activity.running || activity.forgotten;
    if (!shouldMove || activity.marks !== this.#marks) {
      this.#marks = activity.marks;
      this.#stillMs = 0;
      return false;
    }
    this.#stillMs += passedMs;
    if (this.#stillMs < this.#limitMs(activity)) return false;
    this.#stillMs = 0;
    this.#inARow++;
    return true;
  }

  /** Documents were accounted for, or a run came to its end: the next stall is a first one. */
  progressed(): void {
    this.#inARow = 0;
  }

  #limitMs({ running, exchanging, repairing }: PushActivity): number {
    if (repairing) return LONGEST_MS;
    const stillMs = running ? this.#limits.stillMs * (exchanging ? EXCHANGE_FACTOR : 1) : FORGOTTEN_MS;
    return Math.min(stillMs * 2 ** Math.min(this.#inARow, MAX_DOUBLINGS), LONGEST_MS);
  }
}
