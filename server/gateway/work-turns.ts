/**
 * Serves a herd in turn: bodies that have arrived wait here until they may be decompressed and stored.
 *
 * Invariants: one body at a time is being decompressed, and none is begun while those at work hold more than their
 * memory: so at most one body goes past it. Villages take turns (`fair-queue.ts`). Nobody waits longer than the limit.
 *
 * Who cannot be served within the limit is sent away before sending a body, and is owed a place: those who were not sent
 * away find the house full on account of the places owed, so whoever comes back as told is served before them.
 */
import { AppError } from '../../shared/app-error.js';
import type { Clock } from '../../shared/time.js';
import { FairQueue } from './fair-queue.js';
import { WorkRate } from './work-rate.js';

export interface WorkTurnsOptions {
  atWork: number;
  atWorkBytes: number;
  maxWaitMs: number;
  clock: Clock;
}

interface Waiter {
  begin(): void;
  giveUp(error: AppError): void;
  timer: NodeJS.Timeout;
}

interface Owed {
  cost: number;
  untilMs: number;
}

/** Rates are guesses: whoever comes back too early is told again, whoever comes too late has lost that time. */
const MAX_RETRY_AFTER_S = 10;
/** How long a place is kept beyond the time somebody was told, up to half as long again (`couch-errors.ts`). */
const GRACE_MS = 10_000;

export class WorkTurns {
  readonly #options: WorkTurnsOptions;
  readonly #queue = new FairQueue<Waiter>();
  readonly #rate: WorkRate;
  readonly #owed = new Map<string, Owed>();
  #owedCost = 0;
  /** What has arrived so far of bodies that were let in and are not complete. */
  #comingCost = 0;
  #atWork = 0;
  #atWorkBytes = 0;
  #isDecoding = false;

  constructor(options: WorkTurnsOptions) {
    this.#options = options;
    this.#rate = new WorkRate(options.clock);
  }

  /** Bodies that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  get atWork(): number {
    return this.#atWork;
  }

  /** Bytes of the bodies at work, decompressed. */
  get atWorkBytes(): number {
    return this.#atWorkBytes;
  }

  /**
   * Before a body is read: throws `unavailable` when it would wait for too long. `cost` as for `turn`, by what the body
   * announces: that decides about its own place alone. Others wait for what has arrived, which is to be told to what is
   * returned: an announcement costs nothing.
   */
  expect(village: string, cost: number): Coming {
    const { maxWaitMs, clock } = this.#options;
    this.#forgetOwed(clock.monotonic());
    const owed = this.#owed.get(village);
    if (owed) this.#settle(village, owed);
    // With little to do nobody is sent away, owed places or not.
    const ahead = this.#queue.cost + this.#comingCost;
    if (this.#rate.msFor(ahead) <= maxWaitMs / 5) return this.#coming();
    if (this.#rate.msFor(ahead + (owed ? 0 : this.#owedCost)) <= maxWaitMs) return this.#coming();
    const retryAfterS = this.retryAfterS();
    // Nor does an announcement have a place kept that leaves the others none.
    const owedCost = Math.min(cost, this.#rate.costIn(maxWaitMs / 2));
    this.#owe(village, { cost: owedCost, untilMs: clock.monotonic() + retryAfterS * 1500 + GRACE_MS });
    throw new AppError('unavailable', 'the centre has more to store now than it can at once', { retryAfterS });
  }

  /** Seconds after which somebody who is sent away now may hope for a place. */
  retryAfterS(): number {
    const aheadMs = this.#rate.msFor(this.#queue.cost + this.#comingCost + this.#owedCost);
    return Math.min(Math.max(Math.ceil(aheadMs / 1000), 2), MAX_RETRY_AFTER_S);
  }

  /**
   * Resolves when it is this body's turn; every turn is to be ended. `cost` is about how many bytes it will have. Throws
   * `unavailable` when its turn does not come in time, or when it is called off.
   */
  turn(village: string, cost: number, signal: AbortSignal): Promise<Turn> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        begin: () => {
          settle();
          resolve(this.#begin(cost));
        },
        giveUp: (error) => {
          settle();
          this.#queue.remove(waiter);
          reject(error);
        },
        timer: setTimeout(() => waiter.giveUp(this.#tooLate()), this.#options.maxWaitMs),
      };
      const callOff = () => waiter.giveUp(new AppError('unavailable', 'nobody waits for the answer any more'));
      const settle = () => {
        clearTimeout(waiter.timer);
        signal.removeEventListener('abort', callOff);
      };
      if (signal.aborted) return callOff();
      signal.addEventListener('abort', callOff);
      this.#queue.push({ owner: village, cost, value: waiter });
      this.#next();
    });
  }

  #coming(): Coming {
    let arrivedCost = 0;
    const toCost = (cost: number) => {
      this.#comingCost += cost - arrivedCost;
      arrivedCost = cost;
    };
    return { arrived: toCost, end: () => toCost(0) };
  }

  #tooLate(): AppError {
    return new AppError('unavailable', 'the centre did not come to this body in time', {
      retryAfterS: this.retryAfterS(),
    });
  }

  #next(): void {
    const { atWork, atWorkBytes } = this.#options;
    if (this.#isDecoding || this.#atWork >= atWork || this.#atWorkBytes >= atWorkBytes) return;
    this.#queue.shift()?.value.begin();
  }

  #begin(cost: number): Turn {
    if (this.#atWork === 0) this.#rate.begin();
    this.#atWork++;
    this.#isDecoding = true;
    let heldBytes = 0;
    let isDecoding = true;
    const endDecoding = () => {
      if (isDecoding) this.#isDecoding = false;
      isDecoding = false;
    };
    return {
      decoded: (bytes) => {
        heldBytes = bytes;
        this.#atWorkBytes += bytes;
        endDecoding();
        this.#next();
      },
      end: () => {
        endDecoding();
        this.#atWorkBytes -= heldBytes;
        this.#atWork--;
        this.#rate.done(cost);
        this.#next();
      },
    };
  }

  #owe(village: string, owed: Owed): void {
    this.#owed.set(village, owed);
    this.#owedCost += owed.cost;
  }

  #settle(village: string, { cost }: Owed): void {
    this.#owed.delete(village);
    this.#owedCost -= cost;
  }

  #forgetOwed(nowMs: number): void {
    for (const [village, owed] of this.#owed) if (owed.untilMs < nowMs) this.#settle(village, owed);
  }
}

/** A body on its way in. */
export interface Coming {
  /** So much of it is there, in the unit of its cost. */
  arrived(cost: number): void;
  /** Called once or more often, when it is complete or is not going to be. */
  end(): void;
}

export interface Turn {
  /** The body is decompressed and holds so many bytes from now on. Called at most once. */
  decoded(bytes: number): void;
  /** Called once, whatever came of it. */
  end(): void;
}
