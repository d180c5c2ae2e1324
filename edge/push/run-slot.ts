/**
 * The one place a run can be in.
 *
 * Invariants: one run at a time; while one is called off nobody begins another; what does not end when it was called
 * off is left behind, and nothing it does afterwards counts.
 */
import type { Logger } from '../../shared/logger.js';
import { LinkError } from '../link/link-error.js';
import type { PushRun } from './push-run.js';

/** How long a run that was called off may take to notice. */
const CALL_OFF_MS = 10_000;

export class RunSlot {
  readonly #log: Logger;
  #run: PushRun | undefined;
  #callingOff: Promise<void> | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  get run(): PushRun | undefined {
    return this.#run;
  }

  get isCallingOff(): boolean {
    return this.#callingOff !== undefined;
  }

  /** The slot must be free. */
  take(run: PushRun): void {
    if (this.#run) throw new Error('a push is under way already');
    this.#run = run;
  }

  /** Frees the slot of a run that has ended by itself; false for one that was called off or left behind. */
  leave(run: PushRun): boolean {
    if (run !== this.#run || run.calledOff) return false;
    this.#run = undefined;
    return true;
  }

  /** Resolves once no run is being called off. */
  async settled(): Promise<void> {
    while (this.#callingOff) await this.#callingOff;
  }

  /** Resolves once no run is under way but perhaps a forced one. */
  async freeOfOthers(): Promise<void> {
    await this.settled();
    while (this.#run && !this.#run.fresh) {
      await this.#run.done.catch(() => undefined);
      await this.settled();
    }
  }

  /** Ends the run under way, if there is one, and calls `then` with the slot free. True when it has ended indeed. */
  async callOff(reason: string, then: () => void = () => undefined): Promise<boolean> {
    await this.settled();
    const run = this.#run;
    if (!run) return true;
    const ended = run.callOff(new LinkError('REQUEST_ERROR', reason), CALL_OFF_MS);
    this.#callingOff = ended.then(() => {
      this.#callingOff = undefined;
      this.#run = undefined;
      then();
    });
    const hasEnded = await ended;
    await this.settled();
    if (!hasEnded) this.#log.error('a push that was called off did not end, and is left behind');
    return hasEnded;
  }
}
