/**
 * The CouchDB database of one village's registry, made when it is first used and again when it turns out to be gone. Any
 * number of gateways may do so at once. One shard: a registry is small.
 *
 * Retry: trigger, a request that finds the database gone; bound, once for each request; way out, the database made again.
 */
import { AppError } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { REVS_LIMIT } from '../../shared/registry/leaf-store.js';
import { closeToStrangers, createDatabase } from './couch-bootstrap.js';
import type { CouchAnswer, CouchClient, CouchRequest } from './couch-client.js';

const RETRY_AFTER_S = 2;

/** What the client throws for a database that is not there. */
export class RegistryGone extends AppError {
  constructor(db: string) {
    super('unavailable', `the database ${db} is not in CouchDB and could not be made`, {
      ...{
        retryAfterS: RETRY_AFTER_S,
        told: 'something of the database of the centre is gone; it is being made again',
      },
    });
  }
}

export interface CouchRegistryDatabaseOptions {
  /** Throws `RegistryGone` for a database that is not there. */
  client: CouchClient;
  /** Without the prefix. */
  name: string;
  /** The gateway's user, who is let in. */
  user: string | undefined;
  log: Logger;
}

export class CouchRegistryDatabase {
  readonly #options: CouchRegistryDatabaseOptions;
  #ready: Promise<void> | undefined;
  #wasThere = false;

  constructor(options: CouchRegistryDatabaseOptions) {
    this.#options = options;
  }

  /** As `CouchClient.request`, of this database. */
  async request<T>(request: CouchRequest): Promise<CouchAnswer<T>> {
    const { client, name } = this.#options;
    const ready = this.#prepared();
    await ready;
    try {
      return await client.request<T>({ ...request, db: name });
    } catch (error) {
      if (!(error instanceof RegistryGone)) throw error;
      // Of those who find it gone together the first has it made.
      if (this.#ready === ready) this.#ready = undefined;
      await this.#prepared();
      return client.request<T>({ ...request, db: name });
    }
  }

  #prepared(): Promise<void> {
    if (this.#ready) return this.#ready;
    const ready = this.#prepare();
    this.#ready = ready;
    ready.catch(() => {
      if (this.#ready === ready) this.#ready = undefined;
    });
    return ready;
  }

  async #prepare(): Promise<void> {
    const { client, name, user, log } = this.#options;
    if (!(await this.#isPrepared())) {
      const { copies } = client.placement;
      await createDatabase(client, name, { q: 1, ...(copies === undefined ? {} : { n: copies }) });
      await closeToStrangers(client, name, user);
      // Last, so that it tells that nothing is left to be done. An operator's database may keep its own.
      const limit = { path: '_revs_limit', method: 'PUT', body: REVS_LIMIT, expected: [401, 403] } as const;
      await client.request({ db: name, ...limit });
      if (this.#wasThere) {
        log.error('a registry was gone and has been made again, empty: its village sends again what it holds', {
          database: client.prefix + name,
        });
      }
    }
    this.#wasThere = true;
  }

  async #isPrepared(): Promise<boolean> {
    const { client, name } = this.#options;
    try {
      const { body } = await client.request<unknown>({ db: name, path: '_revs_limit', expected: [401, 403] });
      return Number(body) === REVS_LIMIT;
    } catch (error) {
      if (error instanceof RegistryGone) return false;
      throw error;
    }
  }
}
