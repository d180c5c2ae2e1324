/**
 * Who this store is: village, node name, boot number, and the marks that must survive a power cut.
 *
 * The database behind it is opened before any other, so its LevelDB lock is the lock of the whole data folder. A node
 * name is given once: a new store, or one whose files were copied or restored elsewhere (the folder is then another
 * inode), takes a new name, since the numbers of the old one may have gone on being used where the copy came from.
 */
import { randomInt } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf, messageOf } from '../../shared/app-error.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import { type OpenOptions, readLocal, writeLocal } from '../../shared/pouchdb.js';

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

/** What is kept of segments that were confirmed and deleted. */
export interface DroppedSegments {
  /** Number of the one dropped last. */
  last: number;
  /** Numbers lost in them before they were delivered. */
  lost: number;
  /** Their checkpoints at the centre, until these are deleted. */
  checkpoints: readonly string[];
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

export interface StoreStateOptions {
  /** LOCAL_CACHE_PATH. */
  folder: string;
  village: string;
  nowMs: number;
  database?: OpenOptions;
}

export class StoreState {
  readonly village: string;
  readonly boot: number;
  readonly createdAt: string;
  #node: string;
  readonly #database: MendingDatabase;
  readonly #record: StoreRecord;
  #dropped: DroppedSegments;
  #writing: Promise<void> = Promise.resolve();

  private constructor(database: MendingDatabase, record: StoreRecord, dropped: DroppedSegments | undefined) {
    this.#database = database;
    this.#record = record;
    this.#dropped = dropped ?? { last: 0, lost: 0, checkpoints: [] };
    this.#node = record.node;
    this.village = record.village;
    this.boot = record.boot;
    this.createdAt = record.createdAt;
  }

  /** Name new numbers are given under. */
  get node(): string {
    return this.#node;
  }

  /**
   * Opens the store in `folder`, or makes one. Throws `in_use` when another process has it and `usage` when it is
   * another village's or the folder cannot be used.
   */
  static async open({ folder, village, nowMs, database: options = {} }: StoreStateOptions): Promise<StoreState> {
    const stateFolder = path.join(folder, 'state');
    await makeFolder(stateFolder, folder);
    const database = await MendingDatabase.open(stateFolder, options).catch((error) => {
      throw error instanceof AppError && error.code === 'in_use'
        ? new AppError('in_use', `the data folder ${folder} is in use by another running node`, { cause: error })
        : error;
    });
    try {
      const found = await database.read((open) => readLocal<StoreRecord>(open, 'store'));
      if (found && found.village !== village) {
        throw new AppError('usage', `the data folder ${folder} belongs to village ${found.village}, not to ${village}`);
      }
      const place = await placeOf(stateFolder);
      // A new store, or the copy of one: nothing may be numbered under the older name.
      const keepsName = found?.place === place;
      const record: StoreRecord = {
        format: FORMAT,
        village,
        node: keepsName ? found.node : newNodeName(),
        boot: (found?.boot ?? 0) + 1,
        place,
        createdAt: found?.createdAt ?? new Date(nowMs).toISOString(),
      };
      await database.write((open) => writeLocal(open, 'store', record));
      const dropped = await database.read((open) => readLocal<DroppedSegments>(open, 'dropped'));
      return new StoreState(database, record, dropped);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** Takes a new node name, because the end of the old one's numbers cannot be proven. */
  async rename(): Promise<void> {
    this.#node = newNodeName();
    await this.#write('store', { ...this.#record, node: this.#node });
  }

  /** What is kept of segments that are gone. */
  get dropped(): Readonly<DroppedSegments> {
    return this.#dropped;
  }

  /** Must have resolved before a segment's files are deleted. Of the same segment twice, once counts. */
  async noteDropped(number: number, lost: number, checkpoints: readonly string[]): Promise<void> {
    if (this.#dropped.last === number) return;
    const { lost: before, checkpoints: others } = this.#dropped;
    await this.#writeDropped({ last: number, lost: before + lost, checkpoints: [...others, ...checkpoints] });
  }

  /** A checkpoint of a dropped segment is gone at the centre, too. */
  async forgetCheckpoint(id: string): Promise<void> {
    await this.#writeDropped({ ...this.#dropped, checkpoints: this.#dropped.checkpoints.filter((one) => one !== id) });
  }

  async #writeDropped(dropped: DroppedSegments): Promise<void> {
    this.#dropped = dropped;
    await this.#write('dropped', dropped);
  }

  async clockLastSeenMs(): Promise<number> {
    return (await this.#read<{ lastSeenMs: number }>('clock'))?.lastSeenMs ?? 0;
  }

  async writeClockLastSeen(lastSeenMs: number): Promise<void> {
    await this.#write('clock', { lastSeenMs });
  }

  async syncHistory(): Promise<SyncHistory> {
    const found = await this.#read<SyncHistory>('sync');
    const {
      lastAttemptAt,
      lastSuccessAt,
      lastForcedSuccessAt,
      docsSent = 0,
      bytesSent = 0,
      bytesReceived = 0,
    } = found ?? {};
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

  #read<T>(name: string): Promise<T | undefined> {
    return this.#database.read((database) => readLocal<T>(database, name));
  }

  /** One at a time: each replaces the revision before it. */
  #write(name: string, body: object): Promise<void> {
    const write = () => this.#database.write((database) => writeLocal(database, name, body));
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
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
    return (await stat(path.join(folder, 'state', 'CURRENT'))).isFile();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
