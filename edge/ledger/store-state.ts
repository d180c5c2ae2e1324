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
import { randomInt } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf, messageOf } from '../../shared/app-error.js';
import { isHeadless } from '../../shared/database-repair.js';
import type { Logger } from '../../shared/logger.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import type { Mending } from '../../shared/open-or-repair.js';
import type { Database, OpenOptions } from '../../shared/pouchdb.js';
import { type ClockRecord, NEW_CLOCK } from './clock-guard.js';
import { readRecord, writeRecord } from './state-records.js';

const NAME_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const NAME_LENGTH = 6;
const FORMAT = 1;

interface StoreRecord {
  format: number;
  village: string;
  node: string;
  boot: number;
  /** Inode and birth time of the folder the name was given in. */
  place: string;
  createdAt: string;
}

/** The highest number that may have left this node; synced before the documents do. */
interface SentMark {
  node: string;
  seq: number;
}

/** What is worth remembering of synchronisation across restarts. */
export interface SyncHistory {
  lastAttemptAt?: string;
  lastSuccessAt?: string;
  lastForcedSuccessAt?: string;
  docsSent: number;
  bytesSent: number;
  bytesReceived: number;
}

/** By the name of the `_local` document that holds each. */
interface Records {
  store: StoreRecord;
  sent?: SentMark | undefined;
  clock: ClockRecord;
  sync?: Partial<SyncHistory> | undefined;
}

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
  readonly boot: number;
  readonly createdAt: string;
  readonly #database: MendingDatabase;
  #records: Readonly<Records>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(database: MendingDatabase, records: Records) {
    this.#database = database;
    this.#records = records;
    this.village = records.store.village;
    this.boot = records.store.boot;
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
        logMending(log, mending);
        await (state ? writeAll(open, state.#records) : distrust(open));
      },
    }).catch((error) => {
      throw error instanceof AppError && error.code === 'in_use'
        ? new AppError('in_use', `the data folder ${folder} is in use by another running node`, { cause: error })
        : error;
    });
    try {
      const place = await placeOf(stateFolder);
      const records = await database.read((open) => readAll(open, { village, place, nowMs }));
      if (records.store.village !== village) {
        const owner = records.store.village;
        throw new AppError('usage', `the data folder ${folder} belongs to village ${owner}, not to ${village}`);
      }
      await database.write((open) => writeRecord(open, 'store', records.store));
      state = new StoreState(database, records);
      return state;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** Takes a new node name, because the end of the old one's numbers cannot be proven. */
  async rename(): Promise<void> {
    await this.#write('store', { ...this.#records.store, node: newNodeName() });
  }

  async sentMark(): Promise<number> {
    const { sent } = this.#records;
    return sent?.node === this.node ? sent.seq : 0;
  }

  /** Must have resolved before a document with a number up to `seq` is sent. */
  async raiseSentMark(seq: number): Promise<void> {
    await this.#write('sent', { node: this.node, seq });
  }

  get clock(): ClockRecord {
    return this.#records.clock;
  }

  async writeClock(record: ClockRecord): Promise<void> {
    await this.#write('clock', record);
  }

  async syncHistory(): Promise<SyncHistory> {
    const {
      lastAttemptAt,
      lastSuccessAt,
      lastForcedSuccessAt,
      docsSent = 0,
      bytesSent = 0,
      bytesReceived = 0,
    } = this.#records.sync ?? {};
    return {
      docsSent,
      bytesSent,
      bytesReceived,
      ...(lastAttemptAt ? { lastAttemptAt } : {}),
      ...(lastSuccessAt ? { lastSuccessAt } : {}),
      ...(lastForcedSuccessAt ? { lastForcedSuccessAt } : {}),
    };
  }

  async writeSyncHistory(history: SyncHistory): Promise<void> {
    await this.#write('sync', history);
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#database.close();
  }

  /** One at a time: each replaces the revision before it. What could not be written does not count. */
  #write<N extends keyof Records>(name: N, body: NonNullable<Records[N]>): Promise<void> {
    const write = async () => {
      await this.#database.write((database) => writeRecord(database, name, body));
      this.#records = { ...this.#records, [name]: body };
    };
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}

/** What the store remembers, or what a new or copied one begins with. */
async function readAll(
  open: Database,
  { village, place, nowMs }: { village: string; place: string; nowMs: number },
): Promise<Records> {
  const store = intact(await readRecord<StoreRecord>(open, 'store'));
  const sent = await readRecord<SentMark>(open, 'sent');
  // A new store, the copy of one, or one that cannot tell what it sent: nothing may be numbered under the older name.
  const keepsName = store?.place === place && sent !== 'damaged';
  return {
    store: {
      format: FORMAT,
      village: store?.village ?? village,
      node: keepsName ? store.node : newNodeName(),
      boot: (store?.boot ?? 0) + 1,
      place,
      createdAt: store?.createdAt ?? new Date(nowMs).toISOString(),
    },
    sent: intact(sent),
    clock: await readClock(open),
    sync: intact(await readRecord<SyncHistory>(open, 'sync')),
  };
}

async function readClock(open: Database): Promise<ClockRecord> {
  const found = await readRecord<ClockRecord>(open, 'clock');
  if (found === 'damaged') return { ...NEW_CLOCK, unproven: true };
  return {
    lastSeenMs: found?.lastSeenMs ?? NEW_CLOCK.lastSeenMs,
    unsure: found?.unsure ?? NEW_CLOCK.unsure,
    ...(found?.unproven ? { unproven: true } : {}),
  };
}

function intact<T>(record: T | 'damaged' | undefined): T | undefined {
  return record === 'damaged' ? undefined : record;
}

/** After a repair the marks may be older ones: the name they belong to is given up, and the clock must be proven. */
async function distrust(open: Database): Promise<void> {
  const store = intact(await readRecord<StoreRecord>(open, 'store'));
  if (store) await writeRecord(open, 'store', { ...store, node: newNodeName() });
  await writeRecord(open, 'clock', { ...(await readClock(open)), unproven: true });
}

async function writeAll(open: Database, records: Records): Promise<void> {
  for (const [name, body] of Object.entries(records)) if (body !== undefined) await writeRecord(open, name, body);
}

function logMending(log: Logger | undefined, { outcome, reason, setAside }: Mending): void {
  const message =
    outcome === 'repaired'
      ? 'what this store knows of itself was damaged and has been repaired'
      : 'what this store knows of itself could not be read any more and begins anew';
  log?.error(`${message}; if it has lost its marks, new documents are numbered under a new node name`, {
    reason,
    ...(setAside === undefined ? {} : { setAside }),
  });
}

/** A random name: 36^6 are enough that two stores of one village never meet. */
function newNodeName(): string {
  return Array.from({ length: NAME_LENGTH }, () => NAME_ALPHABET[randomInt(NAME_ALPHABET.length)]).join('');
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
  try {
    const state = path.join(folder, 'state');
    return (await isHeadless(state)) || (await stat(path.join(state, 'CURRENT'))).isFile();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
