/**
 * Repairs a closed database of PouchDB's whose files are damaged: everything in them that is whole, by its checksum, is
 * written to a new database in the same folder, and the damaged files are set aside.
 *
 * LevelDB's own repair is not used: it checks no checksums in tables, so that it takes damaged entries for good, and
 * ends the process over keys that the damage has put out of order.
 *
 * A repair is announced by a file in the folder before it begins, and the file stays until the owner has dealt with
 * what may have been lost: a power cut in between cannot hide that there was a repair. One at any moment leaves either
 * the damaged files or all of the new ones, and the repair goes on from there.
 */
import { mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf, messageOf } from './app-error.js';
import { type EntryFix, entryFixes } from './database-entries.js';
import { readFileIfPresent, syncFolder, writeFileDurably } from './durable-file.js';
import { readLevelFolder } from './leveldb/level-folder.js';
import { loadLeveldown } from './pouchdb.js';
import { formatInstant } from './time.js';

/** Present from before a repair until its consequences are dealt with; holds the reason. */
const MARK = 'repair';
/** The new files: while they are written, when they are whole, and when the damaged ones are out of the way. */
const STAGES = { writing: 'rebuilding', whole: 'rebuilt', entering: 'entering' } as const;
const LOCK_PROBE = 'lock-probe';
const KEPT_SETS = 2;
const BATCH = 500;

/** Failures that say something about the machine and nothing about the files. */
const NOT_DAMAGE =
  /no space left|quota exceeded|permission denied|not permitted|read-only file system|too many open files|cannot allocate|disk full/i;

interface RawLevel {
  open(options: { createIfMissing: boolean }, callback: Callback): void;
  close(callback: Callback): void;
  batch(operations: readonly object[], options: { sync: true }, callback: Callback): void;
}

type Callback = (error?: Error | null) => void;
type Leveldown = (location: string) => RawLevel;

export interface RepairOptions {
  /** Folder below which the damaged files are set aside; of sets of one name the newest two are kept. */
  damagedFolder: string;
  /** Milliseconds since 1970; names the set. */
  nowMs: number;
  /** What was found, a sentence for people. */
  reason: string;
  /** Stands in for the real one below a test's disk. */
  leveldown?: unknown;
  /** Writes what is whole to a new database, and tells how much that is; for databases that do not fit into memory. */
  rebuild?: Rebuild | undefined;
}

export type Rebuild = (folder: string, target: string, leveldown: unknown) => Promise<{ isEmpty: boolean }>;

/** True where a failure means damaged files, as opposed to a full disk, a lock, or files that may not be touched. */
export function isDamage(error: unknown): boolean {
  if (error instanceof AppError && error.code !== 'storage_failed') return false;
  // PouchDB writes as it opens: that a disk takes no writes says nothing about what is on it.
  return !NOT_DAMAGE.test(messageOf(error)) && !/cannot be written/.test(messageOf(error));
}

/** What is wrong with the closed database in `folder`, a sentence for people; `undefined` for a sound one or none. */
export async function damageIn(folder: string): Promise<string | undefined> {
  const { entries, damage } = await readLevelFolder(folder);
  if (damage !== undefined) return damage;
  const fixes = entryFixes(entries).length;
  return fixes === 0 ? undefined : `${fixes} entries do not agree with the others`;
}

/** Why the database is being repaired, or was, without its owner having dealt with that; `undefined` when it was not. */
export async function repairUnderWay(folder: string): Promise<string | undefined> {
  return readFileIfPresent(path.join(folder, MARK));
}

/** The consequences of a repair are dealt with. */
export async function concludeRepair(folder: string): Promise<void> {
  await rm(path.join(folder, MARK), { force: true });
  await syncFolder(folder);
}

/**
 * Brings back what is whole of the database in `folder`, which stays the same folder. Resolves with how much that is,
 * and where the damaged files are now. Throws `in_use` when it is open in another process.
 */
export async function repairDatabase(
  folder: string,
  options: RepairOptions,
): Promise<{ isEmpty: boolean; setAside: string | undefined }> {
  await mkdir(folder, { recursive: true });
  await assertClosed(folder);
  await writeFileDurably(path.join(folder, MARK), options.reason);
  const stage = (name: keyof typeof STAGES) => path.join(folder, STAGES[name]);
  const present = new Set(await readdir(folder));
  let isEmpty = false;
  let setAside: string | undefined;
  if (!present.has(STAGES.entering)) {
    if (!present.has(STAGES.whole)) {
      ({ isEmpty } = await (options.rebuild ?? rebuildInMemory)(folder, stage('writing'), options.leveldown));
      await move(stage('writing'), stage('whole'));
    }
    setAside = await setFilesAside(folder, options);
    await move(stage('whole'), stage('entering'));
  }
  const names = await readdir(stage('entering'));
  // A folder without CURRENT is no database yet.
  for (const name of [...names.filter((one) => one !== 'CURRENT'), 'CURRENT'].filter((one) => names.includes(one))) {
    await rename(path.join(stage('entering'), name), path.join(folder, name));
  }
  await syncFolder(folder);
  await rm(stage('entering'), { recursive: true });
  return { isEmpty, setAside };
}

/** Writes what is whole to a new database. */
async function rebuildInMemory(folder: string, target: string, leveldown: unknown): Promise<{ isEmpty: boolean }> {
  await rm(target, { recursive: true, force: true });
  const { entries } = await readLevelFolder(folder);
  const fixes: readonly EntryFix[] = entryFixes(entries);
  const operations = [...entries.map(([key, value]) => ({ type: 'put', key, value })), ...fixes];
  const level = ((leveldown ?? loadLeveldown()) as Leveldown)(target);
  await called((done) => level.open({ createIfMissing: true }, done));
  try {
    for (let from = 0; from < operations.length; from += BATCH) {
      await called((done) => level.batch(operations.slice(from, from + BATCH), { sync: true }, done));
    }
  } finally {
    await called((done) => level.close(done));
  }
  await syncFolder(target);
  return { isEmpty: entries.length === 0 };
}

/** Moves the damaged files to a set of their own. */
async function setFilesAside(folder: string, options: RepairOptions): Promise<string | undefined> {
  const { damagedFolder: root, nowMs, reason } = options;
  const staged: readonly string[] = [MARK, LOCK_PROBE, ...Object.values(STAGES)];
  const names = (await readdir(folder)).filter((name) => !staged.includes(name));
  if (names.length === 0) return undefined;
  const base = path.basename(folder);
  await mkdir(root, { recursive: true, mode: 0o700 });
  await forgetOldSets(root, base, KEPT_SETS - 1);
  const set = await newFolder(path.join(root, `${base}-${formatInstant(nowMs).replaceAll(/[-:.]/g, '')}`));
  // Written first: a disk that takes nothing must not have its files moved about.
  await writeFileDurably(path.join(set, 'reason.txt'), `${reason}\n`);
  for (const name of names) await rename(path.join(folder, name), path.join(set, name));
  for (const changed of [set, root, folder]) await syncFolder(changed);
  return set;
}

async function forgetOldSets(root: string, base: string, keep: number): Promise<void> {
  const names = (await readdir(root)).filter((name) => name.startsWith(`${base}-`));
  const sets: { folder: string; changedMs: number }[] = [];
  for (const name of names) {
    const folder = path.join(root, name);
    sets.push({ folder, changedMs: (await stat(folder)).ctimeMs });
  }
  // Not by name: a board may have named the newest one in 1970.
  sets.sort((a, b) => a.changedMs - b.changedMs);
  for (const { folder } of sets.slice(0, Math.max(0, sets.length - keep))) {
    await rm(folder, { recursive: true, force: true });
  }
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

/**
 * Asks for LevelDB's lock without opening what may be damaged: a folder beside it whose LOCK leads to the same file, and
 * which holds no database.
 */
export async function assertClosed(folder: string): Promise<void> {
  const probe = path.join(folder, LOCK_PROBE);
  await rm(probe, { recursive: true, force: true });
  await mkdir(probe);
  try {
    await symlink(path.join('..', 'LOCK'), path.join(probe, 'LOCK'));
    const level = (loadLeveldown() as Leveldown)(probe);
    await called((done) => level.open({ createIfMissing: false }, done));
    await called((done) => level.close(done));
  } catch (error) {
    if (!/\block \S/.test(messageOf(error))) return;
    throw new AppError('in_use', `the data folder ${folder} is in use by another process`, { cause: error });
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

async function move(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(path.dirname(to));
}

function called(work: (done: Callback) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error ? reject(error) : resolve()));
  });
}
