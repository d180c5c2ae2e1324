/**
 * One PouchDB database that stays trustworthy after a failed write and after damage to its files.
 *
 * LevelDB goes on at a wrong offset of its log after a failed append and then loses writes it acknowledged. So at the
 * first failed write the database counts as broken: every write that was under way on it fails too, and it is closed
 * and reopened before the next one. So it does after a failed read, of which PouchDB would make "not found".
 *
 * Where the owner allows it, a database whose files are damaged is repaired as it is opened, and replaced by an empty
 * one when that is not possible; the owner is told, and puts right what it can, before anybody else uses it.
 */
import { AppError, messageOf } from './app-error.js';
import { isDamage } from './database-repair.js';
import { DrainingDatabase } from './draining-database.js';
import { type OnDamage, openOrRepair } from './open-or-repair.js';
import { type Database, type OpenOptions, readably, UnreadableEntry } from './pouchdb.js';

const RETRY_AFTER_S = 5;

export class MendingDatabase {
  readonly #folder: string;
  readonly #options: OpenOptions;
  readonly #onDamage: OnDamage;
  readonly #broken = new WeakSet<DrainingDatabase>();
  #database: DrainingDatabase;
  /** Why files are thought damaged, from a failed read to the reopening. */
  #damage: string | undefined;
  #reopening: Promise<void> | undefined;

  private constructor(folder: string, options: OpenOptions, onDamage: OnDamage, database: DrainingDatabase) {
    this.#folder = folder;
    this.#options = options;
    this.#onDamage = onDamage;
    this.#database = database;
  }

  /** Throws `in_use` when another process has the folder open, and `storage_failed` where it cannot be opened. */
  static async open(folder: string, options: OpenOptions = {}, onDamage: OnDamage = 'throw'): Promise<MendingDatabase> {
    try {
      const database = await openOrRepair(folder, options, onDamage, undefined);
      return new MendingDatabase(folder, options, onDamage, new DrainingDatabase(database));
    } catch (error) {
      throw error instanceof AppError ? error : storageFailed(folder, error);
    }
  }

  /**
   * Answers about documents (404, 409) pass through, provided that everything could be read; every other failure
   * becomes `storage_failed`, and a failed read has the database reopened.
   */
  async read<T>(work: (database: Database) => Promise<T>): Promise<T> {
    await this.#mend();
    const database = this.#database;
    try {
      return await database.use((open) => readably(open, work));
    } catch (error) {
      if (isAnswer(error)) throw error;
      if (error instanceof UnreadableEntry) this.#break(database, error);
      throw storageFailed(this.#folder, error);
    }
  }

  /** As `read`, and any failure has the database reopened. */
  async write<T>(work: (database: Database) => Promise<T>): Promise<T> {
    await this.#mend();
    const database = this.#database;
    try {
      const result = await database.use((open) => readably(open, work));
      if (this.#broken.has(database)) throw new Error('another write on the same log failed');
      return result;
    } catch (error) {
      if (isAnswer(error)) throw error;
      this.#break(database, error);
      throw storageFailed(this.#folder, error);
    }
  }

  async close(): Promise<void> {
    await this.#reopening?.catch(() => undefined);
    await this.#database.close();
  }

  #break(database: DrainingDatabase, error: unknown): void {
    this.#broken.add(database);
    if (error instanceof UnreadableEntry && isDamage(error)) this.#damage ??= error.message;
  }

  async #mend(): Promise<void> {
    if (!this.#broken.has(this.#database)) return;
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    await this.#reopening;
  }

  async #reopen(): Promise<void> {
    // A close that fails leaves the lock held, and opening then says so.
    await this.#database.close().catch(() => undefined);
    try {
      const database = await openOrRepair(this.#folder, this.#options, this.#onDamage, this.#damage);
      this.#database = new DrainingDatabase(database);
      this.#damage = undefined;
    } catch (error) {
      throw storageFailed(this.#folder, error);
    }
  }
}

/** An answer about a document, as opposed to a failure of the database. */
function isAnswer(error: unknown): boolean {
  if (error instanceof AppError) return true;
  const status = typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : 0;
  return status >= 400 && status < 500;
}

function storageFailed(folder: string, error: unknown): AppError {
  return new AppError('storage_failed', `the database in ${folder} failed: ${messageOf(error)}`, {
    retryAfterS: RETRY_AFTER_S,
    cause: error,
  });
}
