/**
 * The one place that opens PouchDB databases on LevelDB.
 *
 * Every database is opened with `sync: true`: LevelDB then calls fdatasync before a batch is acknowledged. PouchDB's
 * adapter never syncs otherwise and does not document the option; `test/shared/pouchdb.test.ts` pins it.
 *
 * LevelDB below it is watched (`watched-level.ts`): after a failed write it takes no other until it is closed and opened
 * again, and a failed read is remembered, since PouchDB makes "not found" of it.
 */
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import leveldbAdapter from 'pouchdb-adapter-leveldb';
import PouchDB, { type Database as PouchDatabase } from 'pouchdb-core';
import { AppError, messageOf } from './app-error.js';
import { withQuickBatches } from './quick-batches.js';
import { type Health, type Level, type Leveldown, watched } from './watched-level.js';

PouchDB.plugin(leveldbAdapter);

/** A PouchDB database; documents are checked where they enter, so bodies are plain objects here. */
export type Database = PouchDatabase;

export interface OpenOptions {
  /** Bytes LevelDB keeps of blocks read; PouchDB passes it through. */
  cacheSizeBytes?: number;
  /** Bytes of writes LevelDB holds in memory, and in its log, before it makes a table file. */
  writeBufferBytes?: number;
  /** Bytes of documents LevelDB compresses together. */
  blockBytes?: number;
  /** How many generations of a document's revisions are remembered by name; 1,000 unless given. */
  revsLimit?: number;
  /** Drops the bodies of revisions that were replaced. */
  autoCompaction?: boolean;
  /** A replacement for leveldown, so that tests can make the disk fail. */
  leveldown?: unknown;
}

/** What lies below each open database. */
const levels = new WeakMap<Database, { level: Level | undefined; health: Health }>();

/** The LevelDB below an open database. */
export function levelOf(database: Database): Level {
  const level = levels.get(database)?.level;
  if (!level) throw new Error('the database is not one that openDatabase opened');
  return level;
}

/** The first read of the database since it was opened that failed for another reason than that there is nothing. */
export function readFailure(database: Database): Error | undefined {
  return levels.get(database)?.health.readFailure;
}

/** LevelDB could not read something it was asked for. */
export class UnreadableEntry extends Error {
  constructor(failure: Error) {
    super(failure.message, { cause: failure });
  }
}

/**
 * Does the work, and throws UnreadableEntry instead of whatever came of it once a read of the database has failed:
 * PouchDB answers "not found" then, and an iterator ends early.
 */
export async function readably<T>(database: Database, work: (database: Database) => Promise<T>): Promise<T> {
  const [outcome] = await Promise.allSettled([work(database)]);
  const failure = readFailure(database);
  if (failure) throw new UnreadableEntry(failure);
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** Its first write that failed; all later ones fail, too. */
export function writeFailure(database: Database): Error | undefined {
  return levels.get(database)?.health.writeFailure;
}

/**
 * Opens (or creates) the database in `folder` and waits until it can be used.
 * Throws `in_use` when another process has it open (LevelDB admits one) and `storage_failed` for everything else.
 */
export async function openDatabase(folder: string, options: OpenOptions = {}): Promise<Database> {
  if (await isHeadless(folder)) {
    throw new AppError('storage_failed', `the database in ${folder} cannot be opened: its CURRENT file is missing`);
  }
  const below: { level: Level | undefined; health: Health } = { level: undefined, health: {} };
  const { health } = below;
  const settings = {
    adapter: 'leveldb',
    sync: true,
    cacheSize: options.cacheSizeBytes ?? 2 * 1024 * 1024,
    writeBufferSize: options.writeBufferBytes ?? 1024 * 1024,
    blockSize: options.blockBytes ?? 4096,
    revs_limit: options.revsLimit ?? 1000,
    auto_compaction: options.autoCompaction ?? false,
    db: watched((options.leveldown ?? loadLeveldown()) as Leveldown, health, (level) => {
      below.level = level;
    }),
  };
  const database: Database = new PouchDB(folder, settings);
  levels.set(database, below);
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
  // PouchDB reads and writes while it opens and does not look whether that worked.
  const failure = health.writeFailure ?? health.readFailure;
  if (failure !== undefined) {
    await database.close().catch(() => undefined);
    const verb = health.writeFailure ? 'written' : 'read';
    throw new AppError('storage_failed', `the database in ${folder} cannot be ${verb}: ${messageOf(failure)}`, {
      cause: failure,
    });
  }
  // PouchDB adds listeners per open changes feed; forty concurrent readers are normal here, not a leak.
  database.setMaxListeners(0);
  return database;
}

/**
 * True for a folder with LevelDB's data but without the file that says which: LevelDB would make an empty database and
 * delete the data.
 */
async function isHeadless(folder: string): Promise<boolean> {
  // What is wrong with the folder itself LevelDB says.
  const names = await readdir(folder).catch((): string[] => []);
  return !names.includes('CURRENT') && names.some((name) => /^\d+\.(ldb|sst|log)$/.test(name));
}

/** leveldown as PouchDB itself loads it, with quicker batches; for fault-injecting wrappers, too. */
export function loadLeveldown(): unknown {
  const require = createRequire(import.meta.url);
  return withQuickBatches(createRequire(require.resolve('pouchdb-adapter-leveldb'))('leveldown'));
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
