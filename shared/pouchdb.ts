/**
 * The one place that opens PouchDB databases on LevelDB.
 *
 * Every database is opened with `sync: true`: LevelDB then calls fdatasync before a batch is acknowledged. PouchDB's
 * adapter never syncs otherwise and does not document the option; `test/shared/pouchdb.test.ts` pins it.
 */
import { createRequire } from 'node:module';
import leveldbAdapter from 'pouchdb-adapter-leveldb';
import PouchDB from 'pouchdb-core';
import { AppError, messageOf } from './app-error.js';

PouchDB.plugin(leveldbAdapter);

/** A PouchDB database; documents are checked where they enter, so bodies are plain records here. */
// biome-ignore lint/complexity/noBannedTypes: PouchDB's own types use {} for "any document body".
export type Database = PouchDB.Database<{}>;

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
  const settings = {
    adapter: 'leveldb',
    sync: true,
    cacheSize: options.cacheSizeBytes ?? 2 * 1024 * 1024,
    writeBufferSize: options.writeBufferBytes ?? 1024 * 1024,
    revs_limit: 1000,
    ...(options.leveldown === undefined ? {} : { db: options.leveldown }),
  };
  const database: Database = new PouchDB(folder, settings);
  try {
    await database.info();
  } catch (error) {
    const text = messageOf(error);
    if (/\bLOCK\b|lock /.test(text)) {
      throw new AppError('in_use', `the data folder ${folder} is in use by another process`, { cause: error });
    }
    throw new AppError('storage_failed', `the database in ${folder} cannot be opened: ${text}`, { cause: error });
  }
  // PouchDB adds listeners per open changes feed; forty concurrent readers are normal here, not a leak.
  database.setMaxListeners(0);
  return database;
}

/** leveldown as PouchDB itself loads it, for fault-injecting wrappers. */
export function loadLeveldown(): unknown {
  const require = createRequire(import.meta.url);
  return createRequire(require.resolve('pouchdb-adapter-leveldb'))('leveldown');
}

/** A document PouchDB keeps for itself alone (`_local/…`), never replicated; `undefined` where there is none. */
export async function readLocal<T>(database: Database, name: string): Promise<T | undefined> {
  try {
    return (await database.get(`_local/${name}`)) as unknown as T;
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
  await database.put({ ...body, _id: `_local/${name}`, ...revision } as never);
}

export function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 404;
}
