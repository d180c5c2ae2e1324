/**
 * Opens a database whose files may be damaged: as it is, repaired, or, where nothing can be read, replaced by an empty
 * one.
 *
 * Whatever opens here has entries that agree with each other; LevelDB's own checks do not reach that far, and PouchDB
 * ends the process over what does not. The owner hears of every repair before anybody uses the database.
 */
import { AppError, messageOf } from './app-error.js';
import { readFlaws } from './database-entries.js';
import {
  announceRepair,
  concludeRepair,
  isDamage,
  isHeadless,
  repairDatabase,
  repairUnderWay,
  setAside,
} from './database-repair.js';
import { type Database, levelOf, type OpenOptions, openDatabase, readFailure } from './pouchdb.js';

const HEADLESS = 'the file that names its contents is missing';

/** What became of a damaged database. */
export interface Mending {
  /** `repaired`: holds what could be read, the newest of it perhaps missing. `replaced`: is empty. */
  outcome: 'repaired' | 'replaced';
  /** What was found, a sentence for people. */
  reason: string;
  /** Folder with what could not be used, where there is any. */
  setAside: string | undefined;
}

export interface RepairOrReplace {
  action: 'repair-or-replace';
  /** Folder below which unusable files are set aside; the newest two sets of each database are kept. */
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

/** Opens a database; where `onDamage` allows it, a damaged one is repaired or replaced. `damage` is known damage. */
export async function openOrRepair(
  folder: string,
  options: OpenOptions,
  onDamage: OnDamage,
  damage: string | undefined,
): Promise<Database> {
  const found = damage ?? (await repairUnderWay(folder)) ?? ((await isHeadless(folder)) ? HEADLESS : undefined);
  if (onDamage === 'throw') {
    if (found === HEADLESS) throw new AppError('storage_failed', `the database in ${folder} is damaged: ${found}`);
    return openDatabase(folder, options);
  }
  if (found !== undefined) return mendAndOpen(folder, options, onDamage, found);
  try {
    return await openSound(folder, options);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return mendAndOpen(folder, options, onDamage, messageOf(error));
  }
}

/** Opens a database and holds its entries against each other. Throws when they do not agree. */
async function openSound(folder: string, options: OpenOptions): Promise<Database> {
  const database = await openDatabase(folder, options);
  try {
    const flaws = await readFlaws(levelOf(database));
    const unreadable = readFailure(database);
    if (unreadable) throw unreadable;
    if (flaws.length > 0) throw new Error(`${flaws.length} entries of the database in ${folder} do not agree`);
    return database;
  } catch (error) {
    await database.close().catch(() => undefined);
    throw error;
  }
}

async function mendAndOpen(
  folder: string,
  options: OpenOptions,
  plan: RepairOrReplace,
  reason: string,
): Promise<Database> {
  await announceRepair(folder, reason);
  const { mending, database } = await repairOrReplace(folder, options, plan, reason);
  try {
    await plan.onMended(mending, database);
    await concludeRepair(folder);
    return database;
  } catch (error) {
    await database.close().catch(() => undefined);
    throw error;
  }
}

async function repairOrReplace(
  folder: string,
  options: OpenOptions,
  plan: RepairOrReplace,
  reason: string,
): Promise<{ mending: Mending; database: Database }> {
  const aside = { root: plan.damagedFolder, nowMs: plan.now(), reason };
  const repaired = await repairDatabase(folder, options.leveldown)
    .then(() => openSound(folder, options))
    .catch((error: unknown) => {
      if (!isDamage(error)) throw error;
      return messageOf(error);
    });
  if (typeof repaired !== 'string') {
    // Remains that cannot be moved stay where they are; the next repair tries again.
    const remains = await setAside(folder, { ...aside, everything: false }).catch(() => undefined);
    return { mending: { outcome: 'repaired', reason, setAside: remains }, database: repaired };
  }
  const files = await setAside(folder, { ...aside, everything: true });
  const mending: Mending = { outcome: 'replaced', reason: `${reason}; ${repaired}`, setAside: files };
  return { mending, database: await openSound(folder, options) };
}
