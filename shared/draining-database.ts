/**
 * A PouchDB database that ends what is under way before it closes: PouchDB never answers what it is asked while it
 * closes.
 */
import { AppError } from './app-error.js';
import type { Database } from './pouchdb.js';

export class DrainingDatabase {
  readonly #database: Database;
  /** Reads and writes under way. */
  readonly #work = new Set<Promise<unknown>>();
  #closing = false;
  #closed: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Throws `busy` once closing has begun. */
  async use<T>(work: (database: Database) => Promise<T>): Promise<T> {
    if (this.#closing) throw new AppError('busy', 'the store is being closed or reopened', { retryAfterS: 1 });
    const running = work(this.#database);
    this.#work.add(running);
    try {
      return await running;
    } finally {
      this.#work.delete(running);
    }
  }

  /** Closing it once more does nothing, unless it failed. */
  close(): Promise<void> {
    this.#closing = true;
    this.#closed ??= this.#end().catch((error: unknown) => {
      this.#closed = undefined;
      throw error;
    });
    return this.#closed;
  }

  async #end(): Promise<void> {
    await Promise.allSettled(this.#work);
    await this.#database.close();
  }
}
