/**
 * One PouchDB database that stays trustworthy after a failed write.
 *
 * LevelDB goes on at a wrong offset of its log after a failed append and then loses writes it acknowledged. So at the
 * first failed write the database counts as broken: every write that was under way on it fails too, and it is closed
 * and reopened before the next one.
 */
import { AppError, messageOf } from './app-error.js';
import { DrainingDatabase } from './draining-database.js';
import { type Database, type OpenOptions, openDatabase } from './pouchdb.js';

const RETRY_AFTER_S = 5;

export class MendingDatabase {
  readonly #folder: string;
  readonly #options: OpenOptions;
  readonly #broken = new WeakSet<DrainingDatabase>();
  #database: DrainingDatabase;
  #reopening: Promise<void> | undefined;

  private constructor(folder: string, options: OpenOptions, database: DrainingDatabase) {
    this.#folder = folder;
    this.#options = options;
    this.#database = database;
  }

  /** Throws `in_use` when another process has the folder open. */
  static async open(folder: string, options: OpenOptions = {}): Promise<MendingDatabase> {
    return new MendingDatabase(folder, options, new DrainingDatabase(await openDatabase(folder, options)));
  }

  /** Answers about documents (404, 409) pass through; every other failure becomes `storage_failed`. */
  async read<T>(work: (database: Database) => Promise<T>): Promise<T> {
    await this.#mend();
    try {
      return await this.#database.use(work);
    } catch (error) {
      throw isAnswer(error) ? error : storageFailed(this.#folder, error);
    }
  }

  /** As `read`, and a failure has the database reopened. */
  async write<T>(work: (database: Database) => Promise<T>): Promise<T> {
    await this.#mend();
    const database = this.#database;
    try {
      const result = await database.use(work);
      if (this.#broken.has(database)) throw new Error('another write on the same log failed');
      return result;
    } catch (error) {
      if (isAnswer(error)) throw error;
      this.#broken.add(database);
      throw storageFailed(this.#folder, error);
    }
  }

  /** Throws `storage_failed` when a read failed since the database was opened: PouchDB makes "not found" of that. */
  assertReadable(): void {
    const failure = this.#database.readFailure;
    if (failure) throw storageFailed(this.#folder, failure);
  }

  async close(): Promise<void> {
    await this.#reopening?.catch(() => undefined);
    await this.#database.close();
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
      this.#database = new DrainingDatabase(await openDatabase(this.#folder, this.#options));
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
