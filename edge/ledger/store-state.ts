/**
 * Who this store is: village, node name, boot number, and the marks that must survive a power cut.
 *
 * The database behind it is opened before any other, so its LevelDB lock is the lock of the whole data folder. A node
 * name is given once: a new store, or one whose files were copied or restored elsewhere (the folder is then another
 * inode), takes a new name, since the numbers of the old one may have gone on being used where the copy came from.
 *
 * Damaged files are repaired or replaced as the store opens. What was written last may then be missing, so such a store
 * takes a new name, too, and believes no clock before the centre has agreed with it. While it is open everything is kept
 * in memory, and a repair loses nothing.
 */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf, messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import type { Mending } from '../../shared/open-or-repair.js';
import { type OpenOptions, readLocal, writeLocal } from '../../shared/pouchdb.js';
import type { KeptAlerts } from '../monitor/alerts/alert-book.js';
import type { KeptStats } from '../monitor/stats/stats-book.js';
import type { KeptThresholds } from '../monitor/thresholds/threshold-watch.js';
import type { ClockRecord } from './clock-guard.js';
import {
  type DroppedSegments,
  distrust,
  newNodeName,
  readRecords,
  type StoreRecords,
  type SyncHistory,
  type TargetRecord,
  withDropped,
  writeRecords,
} from './state-records.js';

export interface StoreStateOptions {
  /** LOCAL_CACHE_PATH. */
  folder: string;
  village: string;
  nowMs: number;
  log?: Logger;
  database?: OpenOptions;
}

export class StoreState {
  readonly village: string;
  readonly createdAt: string;
  readonly #database: MendingDatabase;
  #records: Readonly<StoreRecords>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(database: MendingDatabase, records: StoreRecords) {
    this.#database = database;
    this.#records = records;
    this.village = records.store.village;
    this.createdAt = records.store.createdAt;
  }

  /** Name new numbers are given under. */
  get node(): string {
    return this.#records.store.node;
  }

  /**
   * Opens the store in `folder`, or makes one. Throws `in_use` when another process has it and `usage` when it is
   * another village's or the folder cannot be used.
   */
  static async open({ folder, village, nowMs, log, database: options = {} }: StoreStateOptions): Promise<StoreState> {
    const stateFolder = path.join(folder, 'state');
    await makeFolder(stateFolder, folder);
    let state: StoreState | undefined;
    const database = await MendingDatabase.open(stateFolder, options, {
      action: 'repair-or-replace',
      damagedFolder: path.join(folder, 'damaged'),
      now: () => nowMs,
      onMended: async (mending, open) => {
        logMending(log, mending, state !== undefined);
        await (state ? writeRecords(open, state.#records) : distrust(open));
      },
    }).catch((error) => {
      throw error instanceof AppError && error.code === 'in_use'
        ? new AppError('in_use', `the data folder ${folder} is in use by another running node`, { cause: error })
        : error;
    });
    try {
      const place = await placeOf(stateFolder);
      const records = await database.read((open) => readRecords(open, { village, place, nowMs }));
      if (records.store.village !== village) {
        const owner = records.store.village;
        throw new AppError('usage', `the data folder ${folder} belongs to village ${owner}, not to ${village}`);
      }
      await database.write((open) => writeLocal(open, 'store', records.store));
      state = new StoreState(database, records);
      return state;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** How often the store was opened. */
  get boot(): number {
    return this.#records.store.boot;
  }

  /**
   * Documents are stored from a boot the store does not remember: what it remembers is older than they are. It takes a
   * new name, counts on behind that boot, and believes no clock at the next start before the centre has agreed with it.
   */
  async distrust(boot: number): Promise<void> {
    await this.#change('store', (store) => ({ ...store, node: newNodeName(), boot: Math.max(store.boot, boot + 1) }));
    await this.#change('clock', (clock) => ({ ...clock, unproven: true }));
  }

  /** Takes a new node name, because the end of the old one's numbers cannot be proven. */
  async rename(): Promise<void> {
    await this.#change('store', (store) => ({ ...store, node: newNodeName() }));
  }

  /** What is kept of segments that are gone. */
  get dropped(): Readonly<DroppedSegments> {
    return this.#records.dropped;
  }

  /** Must have resolved before a segment's files are deleted. Of the same segment twice, once counts. */
  async noteDropped(segment: Parameters<typeof withDropped>[1]): Promise<void> {
    await this.#change('dropped', (dropped) => withDropped(dropped, segment));
  }

  /** A checkpoint of a dropped segment is gone at the centre, too. */
  async forgetCheckpoint(id: string): Promise<void> {
    await this.#change('dropped', (dropped) => {
      return { ...dropped, checkpoints: dropped.checkpoints.filter((one) => one !== id) };
    });
  }

  get clock(): ClockRecord {
    return this.#records.clock;
  }

  async writeClock(record: ClockRecord): Promise<void> {
    await this.#change('clock', () => record);
  }

  /** Empty before the first word of a centre. */
  get target(): Readonly<Partial<TargetRecord>> {
    return this.#records.target;
  }

  async writeTarget(target: TargetRecord): Promise<void> {
    await this.#change('target', () => target);
  }

  /** Empty while there are no thresholds. */
  get thresholds(): KeptThresholds {
    return this.#records.thresholds;
  }

  async writeThresholds(thresholds: KeptThresholds): Promise<void> {
    await this.#change('thresholds', () => thresholds);
  }

  /** Empty before the first alert. */
  get alerts(): KeptAlerts {
    return this.#records.alerts;
  }

  async writeAlerts(alerts: KeptAlerts): Promise<void> {
    await this.#change('alerts', () => alerts);
  }

  /** Empty before the first figures. */
  get stats(): KeptStats {
    return this.#records.stats;
  }

  async writeStats(stats: KeptStats): Promise<void> {
    await this.#change('stats', () => stats);
  }

  async syncHistory(): Promise<SyncHistory> {
    return this.#records.sync;
  }

  async writeSyncHistory(history: SyncHistory): Promise<void> {
    await this.#change('sync', () => history);
  }

  /** Reads everything; throws `storage_failed` when something cannot be read or is not there. */
  async verify(): Promise<void> {
    for (const name of ['store', 'clock', 'sync', 'dropped', 'target', 'thresholds', 'alerts', 'stats']) {
      const found = await this.#database.read((open) => readLocal<object>(open, name));
      if (name === 'store' && !found) throw new AppError('storage_failed', 'the state does not say whose store it is');
    }
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#database.close();
  }

  /** One at a time, each from what the one before left. What could not be written does not count. */
  #change<N extends keyof StoreRecords>(
    name: N,
    change: (before: StoreRecords[N]) => StoreRecords[N] & object,
  ): Promise<void> {
    const write = async () => {
      const before = this.#records[name];
      const body = change(before);
      if (body === before) return;
      await this.#database.write((database) => writeLocal(database, name, body));
      this.#records = { ...this.#records, [name]: body };
    };
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}

function logMending(log: Logger | undefined, { outcome, reason, setAside }: Mending, isOpen: boolean): void {
  const what = outcome === 'repaired' ? 'was damaged and has been repaired' : 'could not be read and begins anew';
  const consequence = isOpen ? 'nothing of it is lost' : 'new documents are numbered under a new node name';
  const facts = { reason, ...(setAside === undefined ? {} : { setAside }) };
  log?.error(`what the store knows of itself ${what}; ${consequence}`, facts);
}

async function makeFolder(stateFolder: string, folder: string): Promise<void> {
  try {
    // Only the node's own user: readings tell who was at home.
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AppError('usage', `the data folder ${folder} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Inode and birth time of the folder: a copy has others. Where the file system knows no birth time, the inode alone
 * must do.
 */
async function placeOf(stateFolder: string): Promise<string> {
  const { ino, birthtimeNs, ctimeNs } = await stat(stateFolder, { bigint: true });
  // Without a birth time Node tells the time of the last change, which is another after every start.
  const isKnown = birthtimeNs > 0n && birthtimeNs !== ctimeNs;
  return isKnown ? `${ino}@${birthtimeNs / 1_000_000n}` : `${ino}`;
}

/** True where a store of this village lies in `folder`; used by verbs that must not make one. */
export async function storeExists(folder: string): Promise<boolean> {
  // Either may be what a damage has taken away; the opening repairs that.
  return (await isFile(path.join(folder, 'state', 'CURRENT'))) || (await isFile(path.join(folder, 'state', 'LOCK')));
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
