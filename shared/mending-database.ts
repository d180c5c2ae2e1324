/**
 * One PouchDB database that stays trustworthy after a failed write and after damage to its files.
 *
 * LevelDB goes on at a wrong offset of its log after a failed append and then loses writes it acknowledged. So at the
 * first failed write the database counts as broken: every write that was under way on it fails too, and it is closed
 * and reopened before the next one. So it does after a failed read, of which PouchDB would make "not found".
 *
 * Where the owner allows it, a database whose files are damaged is repaired as it is opened, and replaced by an empty
 * one when that is not possible; the owner is told, and puts right what it can, before anybody else uses it. A large one
 * is repaired where a read or a write has shown that it must be, and answers `unavailable` for as long as that takes.
 */
import { AppError, messageOf } from './app-error.js';
import { isDamage } from './database-repair.js';
import { DrainingDatabase } from './draining-database.js';
import {
  damageSinceOpen,
  type LargeDatabase,
  markClosed,
  markOpen,
  type OnDamage,
  openOrRepair,
} from './open-or-repair.js';
import { type Database, type OpenOptions, readably, UnreadableEntry } from './pouchdb.js';
import { sleep } from './time.js';

const RETRY_AFTER_S = 5;
const REPAIR_RETRY_AFTER_S = 30;

export interface MendingOptions extends OpenOptions {
  /** What answers say of its failures in place of the folder, which is for the log. */
  told?: string;
}

export class MendingDatabase {
  readonly #folder: string;
  readonly #options: OpenOptions;
  readonly #told: string | undefined;
  readonly #onDamage: OnDamage;
  readonly #broken = new WeakSet<DrainingDatabase>();
  #database: DrainingDatabase;
  /** Why files are thought damaged, from a failed read to the reopening. */
  #damage: string | undefined;
  #reopening: Promise<void> | undefined;

  private constructor(folder: string, options: MendingOptions, onDamage: OnDamage, database: DrainingDatabase) {
    const { told, ...openOptions } = options;
    this.#folder = folder;
    this.#options = openOptions;
    this.#told = told;
    this.#onDamage = onDamage;
    this.#database = database;
  }

  /** Throws `in_use` when another process has the folder open, and `storage_failed` where it cannot be opened. */
  static async open(
    folder: string,
    options: MendingOptions = {},
    onDamage: OnDamage = 'throw',
  ): Promise<MendingDatabase> {
    const { told, ...openOptions } = options;
    const isLarge = largeIn(onDamage) !== undefined;
    try {
      const damage = isLarge ? await damageSinceOpen(folder) : undefined;
      const database = await openOrRepair(folder, openOptions, onDamage, damage);
      if (isLarge) await markOpen(folder);
      return new MendingDatabase(folder, options, onDamage, new DrainingDatabase(database));
    } catch (error) {
      throw error instanceof AppError ? toldAs(error, told) : storageFailed(folder, error, told);
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
      throw storageFailed(this.#folder, error, this.#told);
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
      throw storageFailed(this.#folder, error, this.#told);
    }
  }

  /** Something read does not make sense: the database is reopened, and repaired where it may be, before it is used again. */
  suspect(reason: string): void {
    this.#break(this.#database, new UnreadableEntry(new Error(reason)));
  }

  /** Ends what is under way first; a repair of a large database must be ended by its signal. */
  async close(): Promise<void> {
    await this.#reopening?.catch(() => undefined);
    await this.#database.close();
    const isSound = !this.#broken.has(this.#database);
    if (isSound && largeIn(this.#onDamage)) await markClosed(this.#folder);
  }

  #break(database: DrainingDatabase, error: unknown): void {
    this.#broken.add(database);
    const isSuspicious = error instanceof UnreadableEntry || /\bcorruption\b/i.test(messageOf(error));
    if (isSuspicious && isDamage(error)) this.#damage ??= messageOf(error);
  }

  async #mend(): Promise<void> {
    if (!this.#broken.has(this.#database)) return;
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    const large = largeIn(this.#onDamage);
    await (large ? this.#within(large.patienceMs, this.#reopening) : this.#reopening);
  }

  async #within(patienceMs: number, reopening: Promise<void>): Promise<void> {
    const waiting = new AbortController();
    const isLate = sleep(patienceMs, waiting.signal).then(() => !waiting.signal.aborted);
    try {
      if (!(await Promise.race([isLate, reopening.then(() => false)]))) return;
      const told = 'the database is being repaired';
      throw new AppError('unavailable', `${told}: ${this.#folder}`, { told, retryAfterS: REPAIR_RETRY_AFTER_S });
    } finally {
      waiting.abort();
    }
  }

  async #reopen(): Promise<void> {
    // A close that fails leaves the lock held, and opening then says so.
    await this.#database.close().catch(() => undefined);
    try {
      const database = await openOrRepair(this.#folder, this.#options, this.#onDamage, this.#damage);
      // A repair has put the old mark aside.
      if (largeIn(this.#onDamage)) await markOpen(this.#folder);
      this.#database = new DrainingDatabase(database);
      this.#damage = undefined;
    } catch (error) {
      const large = largeIn(this.#onDamage);
      if (large && this.#damage !== undefined) {
        large.onFailed(error);
        // What takes minutes must not begin again with every request.
        await sleep(large.retryMs, large.signal);
      }
      throw storageFailed(this.#folder, error, this.#told);
    }
  }
}

function largeIn(onDamage: OnDamage): LargeDatabase | undefined {
  return onDamage === 'throw' ? undefined : onDamage.large;
}

/** An answer about a document, as opposed to a failure of the database. */
function isAnswer(error: unknown): boolean {
  if (error instanceof AppError) return true;
  const status = typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : 0;
  return status >= 400 && status < 500;
}

function storageFailed(folder: string, error: unknown, told: string | undefined): AppError {
  return new AppError('storage_failed', `the database in ${folder} failed: ${messageOf(error)}`, {
    ...(told === undefined ? {} : { told }),
    retryAfterS: RETRY_AFTER_S,
    cause: error,
  });
}

/** Opening names the folder, too. */
function toldAs(error: AppError, told: string | undefined): AppError {
  if (told === undefined) return error;
  const { code, message, retryAfterS, retryable } = error;
  const given = retryAfterS === undefined ? {} : { retryAfterS };
  return new AppError(code, message, { ...given, retryable, told, cause: error });
}
