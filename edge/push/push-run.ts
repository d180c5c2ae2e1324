/**
 * One run under way: begun by the controller, ended by itself or called off.
 *
 * Invariant: `done` settles once the run has ended or was given up, even when the work itself never does.
 */
import { sleep } from '../../shared/time.js';

export class PushRun {
  /** A forced run: it covers everything that was stored when it began. */
  readonly fresh: boolean;
  /** Requests of the run when it began, to tell whether it has asked the centre anything. */
  readonly requestsBefore: number;
  /** Settles with the run; rejects with what it failed of. */
  readonly done: Promise<void>;
  readonly #settled: Promise<void>;
  readonly #abort = new AbortController();
  #giveUp: (reason: Error) => void = () => undefined;

  constructor(fresh: boolean, requestsBefore: number, work: (signal: AbortSignal) => Promise<void>) {
    this.fresh = fresh;
    this.requestsBefore = requestsBefore;
    const givenUp = new Promise<never>((_resolve, reject) => {
      this.#giveUp = reject;
    });
    const working = work(this.#abort.signal);
    this.#settled = working.then(
      () => undefined,
      () => undefined,
    );
    this.done = Promise.race([working, givenUp]);
    // Whoever asked for the run hears of its failure; nobody has to.
    this.done.catch(() => undefined);
  }

  /** True once the run was called off, whether it has noticed or not. */
  get calledOff(): boolean {
    return this.#abort.signal.aborted;
  }

  /**
   * Calls the run off: whoever waits for it hears `reason` at once. Resolves when the work has ended, or after
   * `graceMs` without it; true when it has.
   */
  async callOff(reason: Error, graceMs: number): Promise<boolean> {
    this.#abort.abort();
    this.#giveUp(reason);
    const waited = new AbortController();
    const hasEnded = this.#settled.then(() => true);
    const ended = await Promise.race([hasEnded, sleep(graceMs, waited.signal).then(() => false)]);
    waited.abort();
    return ended;
  }
}
