/**
 * A file that keeps room on the disk for the node's own bookkeeping: given up when the disk is full, so that what is
 * stored can still be delivered, confirmed and deleted, and made again when there is room.
 *
 * Invariants: `reserve` is only ever there whole, since it is written beside, synced and renamed; nothing here throws,
 * for a node works without a reserve; while it is not there, its size is to be left free by those who store new data.
 */
import { randomFillSync } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, messageOf } from '../../shared/app-error.js';
import { syncFolder } from '../../shared/durable-file.js';
import type { Logger } from '../../shared/logger.js';
import { type Clock, systemClock } from '../../shared/time.js';

const MB = 1_000_000;
const FULL_SIZE_BYTES = 16 * MB;
const SHARE_OF_STORE = 0.02;
const SHARE_OF_DISK = 0.1;
/** It is made only where this many times its size are free beyond MIN_FREE_MB: so it is not given up again at once. */
const ROOM_TIMES = 4;
/** After a write that found the disk full: a quota, say, is not seen in the disk's figures. */
const GIVEN_UP_FOR_MS = 600_000;
const CHUNK_BYTES = 1024 * 1024;
const NAME = 'reserve';
const UNFINISHED = 'reserve.new';

/** The files of the reserve in LOCAL_CACHE_PATH, which are not counted as stored. */
export const RESERVE_FILES: readonly string[] = [NAME, UNFINISHED];

export interface ReserveFileOptions {
  /** LOCAL_CACHE_PATH. */
  folder: string;
  /** BUFFER_MAX_MB. */
  maxMb: number;
  minFreeMb: number;
  log: Logger;
  clock?: Clock;
  /** Writes one piece of the file; tests let it fail. */
  write?: (handle: FileHandle, piece: Uint8Array) => Promise<void>;
}

/** What was last measured; the reserve is in neither figure while it is there. */
export interface DiskFigures {
  freeBytes: number;
  usedBytes: number;
}

export class ReserveFile {
  readonly #options: ReserveFileOptions;
  readonly #file: string;
  readonly #unfinished: string;
  readonly #maxBytes: number;
  /** Bytes of the file; 0 while there is none, undefined before it was looked at. */
  #bytes: number | undefined;
  /** What the file should have on this disk. */
  #wantedBytes = 0;
  /** What was given up and is not made again yet. */
  #owedBytes = 0;
  #work: Promise<unknown> = Promise.resolve();
  #givenUp = new AbortController();
  /** On the monotonic clock. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #lastFailure: string | undefined;

  constructor(options: ReserveFileOptions) {
    this.#options = options;
    this.#file = path.join(options.folder, NAME);
    this.#unfinished = path.join(options.folder, UNFINISHED);
    this.#maxBytes = Math.floor(Math.min(FULL_SIZE_BYTES, SHARE_OF_STORE * options.maxMb * MB));
  }

  /** Bytes of the disk that new data must leave free because the reserve does not hold them; 0 while it does. */
  get missingBytes(): number {
    return this.#bytes === 0 ? this.#wantedBytes : 0;
  }

  /**
   * Gives the reserve up when the disk has less left than it takes, or makes it when there is room. True when the disk
   * has another figure now. Never rejects: what goes wrong is logged and tried again at the next call.
   */
  keep(figures: DiskFigures): Promise<boolean> {
    return this.#inTurn(() => this.#keep(figures));
  }

  /** Gives the reserve up, because a write of the node's own found the disk full. Never rejects. */
  async release(): Promise<void> {
    // One that is just being made would go on taking what is needed.
    this.#givenUp.abort();
    this.#notBeforeMs = this.#monotonicMs() + GIVEN_UP_FOR_MS;
    await this.#inTurn(() => this.#delete('a write found the disk full'));
  }

  #inTurn(work: () => Promise<boolean>): Promise<boolean> {
    const turn = this.#work.then(() => work()).catch((error: unknown) => this.#tell(error));
    this.#work = turn;
    return turn;
  }

  async #keep({ freeBytes, usedBytes }: DiskFigures): Promise<boolean> {
    this.#bytes ??= await this.#lookUp();
    const bytes = this.#bytes;
    // With what is stored: a disk that this store has filled is no smaller disk.
    const diskBytes = freeBytes + usedBytes + bytes;
    // Nor is one that others have filled: new data must not take what was given up for delivering.
    this.#wantedBytes = Math.floor(Math.min(this.#maxBytes, Math.max(SHARE_OF_DISK * diskBytes, this.#owedBytes)));
    if (bytes > 0 && freeBytes < bytes) return this.#delete('the disk is nearly full');
    if (bytes > this.#maxBytes) return this.#shorten();
    // One made on a disk that was nearly full stays until it is worth writing it anew.
    if (bytes >= this.#wantedBytes / 2 || !this.#mayBeMade(freeBytes)) return false;
    await this.#make(this.#wantedBytes);
    return true;
  }

  #mayBeMade(freeBytes: number): boolean {
    const isRoom = freeBytes > ROOM_TIMES * this.#wantedBytes + this.#options.minFreeMb * MB;
    return isRoom && this.#monotonicMs() >= this.#notBeforeMs;
  }

  #monotonicMs(): number {
    return (this.#options.clock ?? systemClock).monotonic();
  }

  async #lookUp(): Promise<number> {
    // Left by a crash while it was being made.
    await rm(this.#unfinished, { force: true });
    return (await stat(this.#file).catch(zeroWhenGone)).size;
  }

  async #make(bytes: number): Promise<void> {
    this.#givenUp = new AbortController();
    try {
      await this.#write(bytes, this.#givenUp.signal);
      await rename(this.#unfinished, this.#file);
    } catch (error) {
      await rm(this.#unfinished, { force: true });
      throw error;
    }
    this.#bytes = bytes;
    this.#owedBytes = 0;
    this.#lastFailure = undefined;
    await syncFolder(this.#options.folder);
  }

  async #write(bytes: number, givenUp: AbortSignal): Promise<void> {
    const { write = writeWhole } = this.#options;
    // Zeros, and what compresses, may take no room at all on some file systems.
    const piece = randomFillSync(new Uint8Array(Math.min(CHUNK_BYTES, bytes)));
    const handle = await open(this.#unfinished, 'w', 0o600);
    try {
      for (let left = bytes; left > 0; left -= piece.length) {
        if (givenUp.aborted) throw new Error('the disk became full meanwhile');
        await write(handle, piece.subarray(0, Math.min(left, piece.length)));
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async #shorten(): Promise<boolean> {
    await truncate(this.#file, this.#maxBytes);
    this.#bytes = this.#maxBytes;
    return true;
  }

  async #delete(why: string): Promise<boolean> {
    this.#bytes ??= await this.#lookUp();
    if (this.#bytes === 0) return false;
    const bytes = this.#bytes;
    await rm(this.#file, { force: true });
    this.#bytes = 0;
    this.#owedBytes = bytes;
    this.#wantedBytes = Math.max(this.#wantedBytes, bytes);
    this.#options.log.warn('the reserve on the disk is given up, so that what is stored can be delivered', {
      why,
      bytes,
    });
    return true;
  }

  /** Once for each failure that is another than the one before; it may come every few seconds. */
  #tell(error: unknown): false {
    const message = messageOf(error);
    if (message !== this.#lastFailure) {
      this.#options.log.warn('the reserve on the disk cannot be kept', { error: message });
    }
    this.#lastFailure = message;
    return false;
  }
}

async function writeWhole(handle: FileHandle, piece: Uint8Array): Promise<void> {
  await handle.writeFile(piece);
}

function zeroWhenGone(error: unknown): { size: number } {
  if (codeOf(error) === 'ENOENT') return { size: 0 };
  throw error;
}
