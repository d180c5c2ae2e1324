/**
 * The one place that opens PouchDB databases on LevelDB.
 *
 * Every database is opened with `sync: true`: LevelDB then calls fdatasync before a batch is acknowledged. PouchDB's
 * adapter never syncs otherwise and does not document the option; `test/shared/pouchdb.test.ts` pins it.
 *
 * After a failed write LevelDB goes on at the wrong place of its log: what it acknowledges from then on is gone after a
 * crash. A database therefore refuses everything after its first failed write, until it is closed and opened again.
 */
import { createRequire } from 'node:module';
import leveldbAdapter from 'pouchdb-adapter-leveldb';
import PouchDB, { type Database as PouchDatabase } from 'pouchdb-core';
import { AppError, messageOf } from './app-error.js';

PouchDB.plugin(leveldbAdapter);

/** A PouchDB database; documents are checked where they enter, so bodies are plain objects here. */
export type Database = PouchDatabase;

export interface OpenOptions {
  /** Bytes LevelDB keeps of blocks read; PouchDB passes it through. */
  cacheSizeBytes?: number;
  /** Bytes of writes LevelDB holds in memory before it makes a table file. */
  writeBufferBytes?: number;
  /** A replacement for leveldown, so that tests can make the disk fail. */
  leveldown?: unknown;
}

/**
 * Opens (or creates) the database in `folder` and waits until it can be used.
 * Throws `in_use` when another process has it open (LevelDB admits one) and `storage_failed` for everything else.
 */
export async function openDatabase(folder: string, options: OpenOptions = {}): Promise<Database> {
  const health: Health = { failure: undefined };
  const settings = {
    adapter: 'leveldb',
    sync: true,
    cacheSize: options.cacheSizeBytes ?? 2 * 1024 * 1024,
    writeBufferSize: options.writeBufferBytes ?? 1024 * 1024,
    revs_limit: 1000,
    db: failingForGood((options.leveldown ?? loadLeveldown()) as Leveldown, health),
  };
  const database: Database = new PouchDB(folder, settings);
  try {
    await database.info();
  } catch (error) {
    const text = messageOf(error);
    // "lock …/LOCK: …" is a lock another process holds; "…/LOCK: …" alone a file that cannot be made.
    if (/\block \S/.test(text)) {
      throw new AppError('in_use', `the data folder ${folder} is in use by another process`, { cause: error });
    }
    throw new AppError('storage_failed', `the database in ${folder} cannot be opened: ${text}`, { cause: error });
  }
  // PouchDB writes while it opens and does not look whether that worked.
  if (health.failure !== undefined) {
    await database.close().catch(() => undefined);
    const text = messageOf(health.failure);
    throw new AppError('storage_failed', `the database in ${folder} cannot be written: ${text}`, {
      cause: health.failure,
    });
  }
  // PouchDB adds listeners per open changes feed; forty concurrent readers are normal here, not a leak.
  database.setMaxListeners(0);
  return database;
}

/** The part of leveldown that writes. */
interface OpenLevel {
  _batch(operations: unknown, options: unknown, callback: (error?: unknown) => void): void;
}

interface Leveldown {
  (location: string): OpenLevel;
  destroy(location: string, callback: (error?: unknown) => void): void;
}

/** The first failed write of a database since it was opened. */
interface Health {
  failure: unknown;
}

/** leveldown whose databases fail every write after the first that failed. */
function failingForGood(leveldown: Leveldown, health: Health): Leveldown {
  const open = (location: string): OpenLevel => {
    const level = leveldown(location);
    const write = level._batch;
    level._batch = (operations, options, callback) => {
      if (health.failure !== undefined) return void setImmediate(callback, health.failure);
      write.call(level, operations, options, (error) => {
        if (error) health.failure ??= error;
        callback(error);
      });
    };
    return level;
  };
  return Object.assign(open, { destroy: leveldown.destroy });
}

/** leveldown as PouchDB itself loads it, for fault-injecting wrappers. */
export function loadLeveldown(): unknown {
  const require = createRequire(import.meta.url);
  return createRequire(require.resolve('pouchdb-adapter-leveldb'))('leveldown');
}

/** A document PouchDB keeps for itself alone (`_local/…`), never replicated; `undefined` where there is none. */
export async function readLocal<T>(database: Database, name: string): Promise<T | undefined> {
  try {
    return (await database.get(`_local/${name}`)) as T;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Replaces `_local/<name>`; synced like every write. Two writers of one name must take turns themselves.
 * PouchDB asks for the previous revision, which is read first.
 */
export async function writeLocal(database: Database, name: string, body: object): Promise<void> {
  const previous = await readLocal<{ _rev: string }>(database, name);
  const revision = previous ? { _rev: previous._rev } : {};
  await database.put({ ...body, _id: `_local/${name}`, ...revision });
}

export function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 404;
}
