/**
 * Opens a database whose files may be damaged: as it is, or rebuilt from what is whole.
 *
 * Whatever opens here has whole files and entries that agree with each other; LevelDB's own checks do not reach that
 * far, and PouchDB ends the process over what does not. The owner hears of every repair before anybody uses the
 * database.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from './app-error.js';
import {
  assertClosed,
  concludeRepair,
  damageIn,
  isDamage,
  type Rebuild,
  repairDatabase,
  repairUnderWay,
} from './database-repair.js';
import { readFileIfPresent, syncFolder, writeFileDurably } from './durable-file.js';
import { damageOfFiles } from './leveldb/whole-files.js';
import { type Database, type OpenOptions, openDatabase } from './pouchdb.js';
import { type RebuildPlan, type RebuildResult, streamedRebuild } from './streamed-rebuild.js';

/** In the folder while the database is open: who finds it there was not closed in order. */
const OPEN_MARK = 'open';

/** What became of a damaged database. */
export interface Mending {
  /** `repaired`: holds what was whole, the newest of it perhaps missing. `replaced`: is empty. */
  outcome: 'repaired' | 'replaced';
  /** What was found, a sentence for people. */
  reason: string;
  /** Folder with the damaged files, where they were moved now. */
  setAside: string | undefined;
}

export interface RepairOrReplace {
  action: 'repair-or-replace';
  /** Folder below which damaged files are set aside; the newest two sets of each database are kept. */
  damagedFolder: string;
  /** Milliseconds since 1970; names the sets. */
  now(): number;
  /**
   * Hears of a mending before anything else uses the database, and after a power cut in between again at the next
   * opening. When it rejects, the opening fails.
   */
  onMended(mending: Mending, database: Database): Promise<void>;
  /** Present for a database that does not fit into memory. */
  large?: LargeDatabase;
}

/**
 * What there is to know of a database that may have any size. It is not read whole when it is opened, but for one that was
 * not closed in order, whose files are held against their checksums: what harms a table can end the process. It is
 * repaired in bounded memory, and who asks it meanwhile is told to come back.
 */
export interface LargeDatabase {
  plan: RebuildPlan;
  /** How long a request waits for a repair before it is told to come back. */
  patienceMs: number;
  /** Until the next try after a repair has failed. */
  retryMs: number;
  /** Ends a repair, which begins anew at the next opening. */
  signal: AbortSignal;
  onBegin(reason: string): void;
  onRebuilt(result: RebuildResult): void;
  onFailed(error: unknown): void;
}

/** What to do about a database whose files are damaged. */
export type OnDamage = 'throw' | RepairOrReplace;

/** Opens a database; where `onDamage` allows it, a damaged one is repaired first. `damage` is known damage. */
export async function openOrRepair(
  folder: string,
  options: OpenOptions,
  onDamage: OnDamage,
  damage: string | undefined,
): Promise<Database> {
  if (onDamage === 'throw') return openDatabase(folder, options);
  const isLarge = onDamage.large !== undefined;
  const found = damage ?? (await repairUnderWay(folder)) ?? (isLarge ? undefined : await damageIn(folder));
  if (found !== undefined) return repairAndOpen(folder, options, onDamage, found);
  try {
    return await openDatabase(folder, options);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return repairAndOpen(folder, options, onDamage, messageOf(error));
  }
}

async function repairAndOpen(
  folder: string,
  options: OpenOptions,
  { damagedFolder, now, onMended, large }: RepairOrReplace,
  reason: string,
): Promise<Database> {
  const { leveldown } = options;
  large?.onBegin(reason);
  const rebuild = large && rebuilding(large);
  const repair = { damagedFolder, nowMs: now(), reason, leveldown, rebuild };
  const { isEmpty, setAside } = await repairDatabase(folder, repair);
  const database = await openDatabase(folder, options);
  try {
    await onMended({ outcome: isEmpty ? 'replaced' : 'repaired', reason, setAside }, database);
    await concludeRepair(folder);
    return database;
  } catch (error) {
    await database.close().catch(() => undefined);
    throw error;
  }
}

function rebuilding({ plan, signal, onRebuilt }: LargeDatabase): Rebuild {
  return async (folder, target, leveldown) => {
    const result = await streamedRebuild(folder, target, plan, { leveldown, signal });
    onRebuilt(result);
    return { isEmpty: result.bodies === 0 };
  };
}

/**
 * What is wrong with the files of a large database that was not closed in order; `undefined` when nothing is. Throws
 * `in_use` when that is because it is open now.
 */
export async function damageSinceOpen(folder: string): Promise<string | undefined> {
  if ((await readFileIfPresent(path.join(folder, OPEN_MARK))) === undefined) return undefined;
  await assertClosed(folder);
  return damageOfFiles(folder);
}

export async function markOpen(folder: string): Promise<void> {
  await writeFileDurably(path.join(folder, OPEN_MARK), '');
}

export async function markClosed(folder: string): Promise<void> {
  await rm(path.join(folder, OPEN_MARK), { force: true });
  await syncFolder(folder);
}
