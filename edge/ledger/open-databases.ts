/**
 * The databases of segments that are open: a handful, however many segments there are.
 *
 * A database is opened when it is needed; when there are more than the limit, those used longest ago are closed, and so
 * are those that were not used for a while: LevelDB keeps the tables it has read mapped. One in use, the one being written
 * to, and one that a failed write made doubtful (it can still be read, and on a full disk it could not be opened again)
 * stay open.
 */

import { damageOfFiles } from '../../shared/leveldb/whole-files.js';
import type { OpenOptions } from '../../shared/pouchdb.js';
import { DamagedError } from './damaged-error.js';
import { SegmentDatabase } from './segment-database.js';
import { storageError } from './storage-error.js';

/** How the database that takes new data is opened: few, large tables spare the SD card. */
const FOR_WRITING: OpenOptions = {
  writeBufferBytes: 8 * 1024 * 1024,
  blockBytes: 16 * 1024,
  cacheSizeBytes: 2 * 1024 * 1024,
};
/** The others are read, and told how far they are delivered. */
const FOR_READING: OpenOptions = {
  writeBufferBytes: 256 * 1024,
  blockBytes: 16 * 1024,
  cacheSizeBytes: 1024 * 1024,
};
const OPEN_AT_MOST = 4;
/** Looked at whenever any of them has been used: in quiet times they may stay. */
const IDLE_MS = 10_000;

interface Entry {
  opening: Promise<SegmentDatabase>;
  database: SegmentDatabase | undefined;
  /** What is under way, from the first read to the last. */
  work: Set<Promise<unknown>>;
  /** Monotonic milliseconds. */
  usedAtMs: number;
}

export interface OpenDatabasesOptions {
  /** Replace what is given to LevelDB, such as leveldown itself. */
  database?: OpenOptions | undefined;
  /** Makes a little room on a full disk: LevelDB writes while it opens, if only to be read. */
  makeRoom?: (() => Promise<void>) | undefined;
  /** Monotonic milliseconds. */
  now?: (() => number) | undefined;
}

export class OpenDatabases {
  readonly #options: OpenDatabasesOptions;
  /** By folder, the one used longest ago first. */
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new Map<string, Promise<void>>();
  /** Folders whose files were whole when they were opened first. */
  readonly #checked = new Set<string>();
  #written: string | undefined;

  constructor(options: OpenDatabasesOptions = {}) {
    this.#options = options;
  }

  /** How many are open now. */
  get count(): number {
    return this.#entries.size;
  }

  /** Says which database takes new data from now on. */
  writeTo(folder: string): void {
    this.#written = folder;
  }

  /** Opens the database in `folder` unless it is open, and does the work with it. */
  async use<T>(folder: string, work: (database: SegmentDatabase) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(folder) ?? this.#open(folder);
    this.#entries.delete(folder);
    this.#entries.set(folder, entry);
    const running = entry.opening.then(work);
    entry.work.add(running);
    try {
      return await running;
    } finally {
      entry.work.delete(running);
      entry.usedAtMs = this.#now();
      this.#closeIdle();
    }
  }

  /** Folders of the databases that a failed write has made doubtful. */
  get broken(): string[] {
    return [...this.#entries].filter(([, { database }]) => database?.writeFailure).map(([folder]) => folder);
  }

  /** Closes the database in `folder`, after what is under way with it. A failure to close is passed over. */
  async close(folder: string): Promise<void> {
    const entry = this.#entries.get(folder);
    if (entry) {
      this.#entries.delete(folder);
      // One that waits to be opened until another is closed can be told to close before that has happened.
      const closing = this.#closeUnused(entry)
        .catch(() => undefined)
        .finally(() => {
          if (this.#closing.get(folder) === closing) this.#closing.delete(folder);
        });
      this.#closing.set(folder, closing);
    }
    await this.#closing.get(folder);
  }

  /**
   * Closes the database in `folder` after what is under way with it, unless it is being written to or doubtful; whoever
   * needs it next waits until it is open again.
   */
  release(folder: string): void {
    if (this.#mayClose(folder)) void this.close(folder);
  }

  async closeAll(): Promise<void> {
    this.#written = undefined;
    await Promise.all([...this.#entries.keys()].map((folder) => this.close(folder)));
    await Promise.all(this.#closing.values());
  }

  #open(folder: string): Entry {
    const opening = this.#openDatabase(folder);
    const entry: Entry = { opening, database: undefined, work: new Set(), usedAtMs: this.#now() };
    opening.then(
      (database) => {
        entry.database = database;
      },
      () => {
        if (this.#entries.get(folder) === entry) this.#entries.delete(folder);
      },
    );
    return entry;
  }

  async #openDatabase(folder: string): Promise<SegmentDatabase> {
    const { database, makeRoom } = this.#options;
    const options = { ...(folder === this.#written ? FOR_WRITING : FOR_READING), ...database };
    await this.#closing.get(folder);
    await this.#check(folder);
    try {
      return await SegmentDatabase.open(folder, options);
    } catch (error) {
      if (!makeRoom || storageError(error).code !== 'storage_full') throw error;
      await makeRoom();
      return SegmentDatabase.open(folder, options);
    }
  }

  async #closeUnused({ opening, work }: Entry): Promise<void> {
    const database = await opening;
    await Promise.allSettled(work);
    await database.close();
  }

  /** Once for each segment and start: LevelDB may end the process over a damaged table, and would not say a word of it. */
  async #check(folder: string): Promise<void> {
    if (this.#checked.has(folder)) return;
    const damage = await damageOfFiles(folder);
    if (damage !== undefined) throw new DamagedError(folder, damage);
    this.#checked.add(folder);
  }

  #closeIdle(): void {
    const idleSinceMs = this.#now() - IDLE_MS;
    let surplus = this.#entries.size - OPEN_AT_MOST;
    for (const [folder, { usedAtMs, work }] of this.#entries) {
      if (surplus <= 0 && usedAtMs > idleSinceMs) continue;
      if (work.size > 0 || !this.#mayClose(folder)) continue;
      void this.close(folder);
      surplus--;
    }
  }

  #mayClose(folder: string): boolean {
    const database = this.#entries.get(folder)?.database;
    return folder !== this.#written && database !== undefined && !database.writeFailure;
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now();
  }
}
