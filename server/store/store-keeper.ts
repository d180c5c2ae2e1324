/**
 * Opens the store and keeps it at hand. The embedded store opens or the centre does not start, unless opening takes long,
 * as a repair does; CouchDB may come up later, so it is tried again and again while everything that needs it answers 503.
 *
 * Retry: trigger, any failure of `open`; bound, none (the centre is useless without its store); delay, doubling from
 * 0.5 s to 15 s; way out, success or stop.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Service } from '../../shared/service.js';
import { sleep } from '../../shared/time.js';
import type { CentralStore } from './contract.js';

export interface StoreKeeperOptions {
  /** Gives up when `signal` is aborted. */
  open(signal: AbortSignal): Promise<CentralStore>;
  /** True where a failure to open is expected to pass. */
  retries: boolean;
  log: Logger;
}

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
const RETRY_AFTER_S = 5;
/**
 * How long `start` waits for the first try; a database that does not answer at all must not keep `/healthz` from
 * answering.
 */
const START_WAIT_MS = 2_000;
/** The same where a failure is not expected to pass: it should end the start, and a repair should not hold it up. */
const DECISIVE_START_WAIT_MS = 10_000;

export class StoreKeeper implements Service {
  readonly name = 'store';
  readonly #options: StoreKeeperOptions;
  readonly #stopping = new AbortController();
  #store: CentralStore | undefined;
  #trying: Promise<void> | undefined;

  constructor(options: StoreKeeperOptions) {
    this.#options = options;
  }

  /** The open store. Throws `unavailable` while there is none. */
  get store(): CentralStore {
    if (this.#store) return this.#store;
    const doing = this.#options.retries ? 'connecting to' : 'opening';
    throw new AppError('unavailable', `the centre is still ${doing} its database`, { retryAfterS: RETRY_AFTER_S });
  }

  /**
   * With `retries`, resolves after the first try or 2 s, whatever came of it; without, throws what comes of it within
   * 10 s, and goes on trying after that.
   */
  async start(): Promise<void> {
    if (!this.#options.retries) return this.#startDecisively();
    const first = this.#tryOpen(FIRST_DELAY_MS);
    this.#trying = first.then((isOpen) => (isOpen ? undefined : this.#keepTrying()));
    const waiting = new AbortController();
    await Promise.race([first, sleep(START_WAIT_MS, waiting.signal)]);
    waiting.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#trying;
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }

  async #startDecisively(): Promise<void> {
    const { open, log } = this.#options;
    const opening = open(this.#stopping.signal).then((store) => {
      this.#store = store;
    });
    const waiting = new AbortController();
    await Promise.race([opening, sleep(DECISIVE_START_WAIT_MS, waiting.signal)]).finally(() => waiting.abort());
    if (this.#store) return;
    log.warn('opening the database takes long; whatever needs it answers 503 until then');
    this.#trying = opening.catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return undefined;
      log.error('the database cannot be opened', { error: messageOf(error) });
      return this.#keepTrying();
    });
  }

  async #keepTrying(): Promise<void> {
    const { signal } = this.#stopping;
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
      await sleep(delayMs, signal);
      if (signal.aborted || (await this.#tryOpen(Math.min(2 * delayMs, MAX_DELAY_MS)))) return;
    }
  }

  async #tryOpen(nextDelayMs: number): Promise<boolean> {
    try {
      this.#store = await this.#options.open(this.#stopping.signal);
      this.#options.log.info('the database is ready', { store: this.#store.kind });
      return true;
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      this.#options.log.warn('the database cannot be used yet', { error: messageOf(error), retryInMs: nextDelayMs });
      return false;
    }
  }
}
