/**
 * Repairs a closed database of PouchDB's whose LevelDB is damaged, and sets aside one that cannot be repaired.
 *
 * LevelDB's own repair brings back what it can read, entry by entry, and knows nothing of what belongs together; PouchDB
 * trusts what it finds, and ends the process over an entry without its other half. So the entries are held against each
 * other afterwards (`database-entries.ts`) and put right in one synced batch.
 *
 * A repair is announced by a file in the folder before it begins, and the file stays until the owner has dealt with
 * what may have been lost: a power cut in between cannot hide that there was a repair.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf, messageOf } from './app-error.js';
import { readFlaws, type ScannedLevel } from './database-entries.js';
import { readFileIfPresent, syncFolder, writeFileDurably } from './durable-file.js';
import { loadLeveldown } from './pouchdb.js';
import { formatInstant } from './time.js';

/** Present from before a repair until its consequences are dealt with; holds the reason. */
const MARK = 'repair';
/** Where LevelDB's repair puts what it could not use. */
const LOST = 'lost';
const KEPT_SETS = 2;

/** Failures that say something about the machine and nothing about the files. */
const NOT_DAMAGE =
  /no space left|quota exceeded|permission denied|operation not permitted|read-only file system|too many open files|cannot allocate|disk full/i;

interface RawLevel extends ScannedLevel {
  open(options: { createIfMissing: boolean }, callback: Callback): void;
  close(callback: Callback): void;
  batch(operations: readonly object[], options: { sync: true }, callback: Callback): void;
}

type Callback = (error?: Error | null) => void;

interface Leveldown {
  (location: string): RawLevel;
  repair(location: string, callback: Callback): void;
}

/** True where a failure means damaged files, as opposed to a full disk, a lock, or files that may not be touched. */
export function isDamage(error: unknown): boolean {
  if (error instanceof AppError && error.code !== 'storage_failed') return false;
  // PouchDB writes as it opens: that a disk takes no writes says nothing about what is on it.
  return !NOT_DAMAGE.test(messageOf(error)) && !/cannot be written/.test(messageOf(error));
}

/**
 * True for a folder with data of LevelDB's but without the file that says which: opening would make an empty database
 * and delete the data.
 */
export async function isHeadless(folder: string): Promise<boolean> {
  const names = await namesIn(folder);
  return !names.includes('CURRENT') && names.some((name) => /^\d+\.(ldb|sst|log)$/.test(name));
}

/** Why the database is being repaired, or was, without its owner having dealt with that; `undefined` when it was not. */
export async function repairUnderWay(folder: string): Promise<string | undefined> {
  return readFileIfPresent(path.join(folder, MARK));
}

/** Says that a repair begins; `reason` is a sentence for people. */
export async function announceRepair(folder: string, reason: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileDurably(path.join(folder, MARK), reason);
}

/** The consequences of a repair are dealt with. */
export async function concludeRepair(folder: string): Promise<void> {
  await rm(path.join(folder, MARK), { force: true });
  await syncFolder(folder);
}

/**
 * Brings back what can be read of the closed database in `folder`. Throws `in_use` when it is open somewhere, and what
 * LevelDB says when it cannot be repaired. `leveldown` stands in for the real one below a test's disk.
 */
export async function repairDatabase(folder: string, leveldown?: unknown): Promise<void> {
  const real = loadLeveldown() as Leveldown;
  const level = ((leveldown ?? real) as Leveldown)(folder);
  await assertClosed(folder, real);
  await called((done) => real.repair(folder, done));
  await called((done) => level.open({ createIfMissing: false }, done));
  try {
    const fixes = await readFlaws(level);
    if (fixes.length > 0) await called((done) => level.batch(fixes, { sync: true }, done));
  } finally {
    await called((done) => level.close(done));
  }
}

/** LevelDB's repair takes no lock: it would pull the files away from under whoever has them open. */
async function assertClosed(folder: string, leveldown: Leveldown): Promise<void> {
  const level = leveldown(folder);
  try {
    await called((done) => level.open({ createIfMissing: false }, done));
  } catch (error) {
    if (!/\block \S/.test(messageOf(error))) return;
    throw new AppError('in_use', `the data folder ${folder} is in use by another process`, { cause: error });
  }
  await called((done) => level.close(done));
}

/**
 * Moves what LevelDB's repair could not use, or with `everything` the folder's whole content, to a new folder below
 * `root` and resolves with its path; `undefined` when there was nothing. The folder itself stays. Of sets of one name
 * the newest two are kept.
 */
export async function setAside(
  folder: string,
  { root, nowMs, everything, reason }: { root: string; nowMs: number; everything: boolean; reason: string },
): Promise<string | undefined> {
  const source = everything ? folder : path.join(folder, LOST);
  const names = (await namesIn(source)).filter((name) => name !== MARK);
  if (names.length === 0) return undefined;
  const base = path.basename(folder);
  await mkdir(root, { recursive: true, mode: 0o700 });
  await forgetOldSets(root, base, KEPT_SETS - 1);
  const set = await newFolder(path.join(root, `${base}-${formatInstant(nowMs).replaceAll(/[-:.]/g, '')}`));
  // Written first: a disk that takes nothing must not have its files moved about.
  await writeFileDurably(path.join(set, 'reason.txt'), `${reason}\n`);
  for (const name of names) await rename(path.join(source, name), path.join(set, name));
  if (!everything) await rm(source, { recursive: true, force: true });
  for (const changed of [set, root, folder]) await syncFolder(changed);
  return set;
}

/** A clock that stands still must not let one set fall upon another. */
async function newFolder(wanted: string): Promise<string> {
  for (let n = 1; ; n++) {
    const folder = n === 1 ? wanted : `${wanted}-${n}`;
    try {
      await mkdir(folder, { mode: 0o700 });
      return folder;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

async function forgetOldSets(root: string, base: string, keep: number): Promise<void> {
  const sets = (await namesIn(root)).filter((name) => name.startsWith(`${base}-`)).sort();
  for (const name of sets.slice(0, Math.max(0, sets.length - keep))) {
    await rm(path.join(root, name), { recursive: true, force: true });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function called(work: (done: Callback) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error ? reject(error) : resolve()));
  });
}
