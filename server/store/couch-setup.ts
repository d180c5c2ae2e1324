/**
 * Keeps a CouchDB set up for the centre while the gateway runs: where a database of ours or our design document turns out
 * to be gone (deleted, made anew by hand, a server begun again from nothing), what is missing is made again without a
 * restart. Whoever asks meanwhile is told to come back in a moment.
 *
 * Retry: trigger, a request that finds something gone; bound, one set-up at a time and none within 5 s of the last one's
 * end; way out, the set-up succeeds.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { type Clock, sleep } from '../../shared/time.js';
import { bootstrapCouch, type CouchIdentity } from './couch-bootstrap.js';
import type { CouchClient } from './couch-client.js';

export interface CouchSetupOptions {
  client: CouchClient;
  /** The gateway's user, who is let into the databases. */
  user: string | undefined;
  clock: Clock;
  log: Logger;
}

/** Something of ours is not there. */
export class GoneFromCouch extends AppError {
  constructor(what: string, origin: string, retryAfterS: number) {
    super('unavailable', `${what} is gone from CouchDB at ${origin}; it is being made again`, {
      ...{ retryAfterS, told: 'something of the database of the centre is gone; it is being made again' },
    });
  }
}

const MIN_GAP_MS = 5_000;
/** A set-up of empty databases takes a fraction of a second. */
const RETRY_AFTER_S = 2;

export class CouchSetup {
  readonly #options: CouchSetupOptions;
  #identity: CouchIdentity;
  #running: Promise<void> | undefined;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  /** Why the last set-up failed, so that the same is not logged every few seconds. */
  #lastFailure: string | undefined;

  private constructor(options: CouchSetupOptions, identity: CouchIdentity) {
    this.#options = options;
    this.#identity = identity;
  }

  /** Throws what `bootstrapCouch` throws. */
  static async begin(options: CouchSetupOptions): Promise<CouchSetup> {
    const { client, user } = options;
    const setup = new CouchSetup(options, await bootstrapCouch(client, user));
    client.onDatabaseGone((db) => setup.again(`the database ${client.prefix}${db}`));
    return setup;
  }

  /** Of the CouchDB as it was last set up: a server begun again from nothing has another. */
  get identity(): CouchIdentity {
    return this.#identity;
  }

  /** Has what is missing made again, in the background; returns what to tell whoever found `what` gone. */
  again(what: string): GoneFromCouch {
    const { client, clock } = this.#options;
    const waitMs = this.#endedAtMs + MIN_GAP_MS - clock.monotonic();
    if (waitMs <= 0) this.#running ??= this.#setUp(what).finally(() => this.#ended());
    const retryAfterS = this.#running ? RETRY_AFTER_S : Math.max(RETRY_AFTER_S, Math.ceil(waitMs / 1000));
    return new GoneFromCouch(what, client.origin, retryAfterS);
  }

  /** Resolves when no set-up is under way, or after `waitMs`. */
  async settled(waitMs: number): Promise<void> {
    if (!this.#running) return;
    const waiting = new AbortController();
    await Promise.race([this.#running, sleep(waitMs, waiting.signal)]);
    waiting.abort();
  }

  #ended(): void {
    this.#running = undefined;
    this.#endedAtMs = this.#options.clock.monotonic();
  }

  async #setUp(what: string): Promise<void> {
    const { client, user, log } = this.#options;
    try {
      this.#identity = await bootstrapCouch(client, user, (db) => this.#tellMade(db));
      this.#lastFailure = undefined;
      log.warn('CouchDB was set up again', { gone: what });
    } catch (error) {
      const failure = messageOf(error);
      if (failure === this.#lastFailure) return;
      this.#lastFailure = failure;
      log.error('CouchDB could not be set up again; the next request tries it anew', { gone: what, error: failure });
    }
  }

  #tellMade(db: string): void {
    const { client, log } = this.#options;
    log.error(
      db === 'villages'
        ? 'a database was gone and has been made again, empty: its villages and their credentials cannot come back by ' +
            'themselves; restore it from a backup, or add each village again with solar-central village add'
        : 'a database was gone and has been made again, empty: nodes send again what they still hold',
      { database: client.prefix + db },
    );
  }
}
