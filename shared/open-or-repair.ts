/**
 * Opens a database whose files may be damaged: as it is, or rebuilt from what is whole.
 *
 * Whatever opens here has whole files and entries that agree with each other; LevelDB's own checks do not reach that
 * far, and PouchDB ends the process over what does not. The owner hears of every repair before anybody uses the
 * database.
 */
import { messageOf } from './app-error.js';
import { concludeRepair, damageIn, isDamage, repairDatabase, repairUnderWay } from './database-repair.js';
import { type Database, type OpenOptions, openDatabase } from './pouchdb.js';

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
  const found = damage ?? (await repairUnderWay(folder)) ?? (await damageIn(folder));
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
  { damagedFolder, now, onMended }: RepairOrReplace,
  reason: string,
): Promise<Database> {
  const { leveldown } = options;
  const { isEmpty, setAside } = await repairDatabase(folder, { damagedFolder, nowMs: now(), reason, leveldown });
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
