/**
 * How much the node's data folder takes, how much the disk has left, and whether there is room for new data.
 *
 * There is none when the folder has reached BUFFER_MAX_MB, when the disk has less than MIN_FREE_MB left, or when it has
 * no more than the node's own bookkeeping needs. Between two looks the figures go on by what is said to have been
 * written, so that a fast import meets the limit when it gets there and not at the next look.
 */
import { statfs } from 'node:fs/promises';
import { AppError, messageOf } from '../../shared/app-error.js';
import type { Service } from '../../shared/service.js';
import { FolderSizes } from './folder-sizes.js';
import { RESERVE_FILES } from './reserve-file.js';

const MB = 1_000_000;
const LOOK_EVERY_MS = 5_000;
/** Once full, room is made until the folder takes less than this share of what is allowed. */
const ROOM_AGAIN = 0.95;
/** Seconds after which a refused request is worth repeating. */
export const STORAGE_RETRY_AFTER_S = 60;

export interface SpaceMonitorOptions {
  folder: string;
  maxMb: number;
  minFreeMb: number;
  /** Percent of BUFFER_MAX_MB above which the level is `warning`; 90 unless given. */
  warnPct?: number;
  /** Bytes the disk must have left for the node's own bookkeeping, beside MIN_FREE_MB. */
  heldBackBytes?: () => number;
  /** Bytes free on the disk that holds a folder; tests fill it. */
  freeBytes?: (folder: string) => Promise<number>;
  /** Bytes of all files below a folder; tests invent them. */
  folderBytes?: (folder: string) => Promise<number>;
}

/** `full`: a limit is reached. `warning`: it is near. */
export type SpaceLevel = 'ok' | 'warning' | 'full';

/** A limit that is reached, in words. */
export interface Shortage {
  /** The beginning of a sentence. */
  reason: string;
  /** What a person can do about it, as the end of one. */
  help: string;
}

export class SpaceMonitor implements Service {
  readonly name = 'space monitor';
  readonly #options: SpaceMonitorOptions;
  readonly #folderBytes: (folder: string) => Promise<number>;
  readonly #listeners = new Set<() => void>();
  /** As measured at the last look. */
  #usedBytes = 0;
  #freeBytes = Number.POSITIVE_INFINITY;
  /** Written since the last look began; what it has seen of it already is corrected by the next one. */
  #notedBytes = 0;
  #looking: Promise<void> = Promise.resolve();
  /** The look that has not begun yet. */
  #nextLook: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(options: SpaceMonitorOptions) {
    this.#options = options;
    const sizes = new FolderSizes({ leaveOut: RESERVE_FILES });
    this.#folderBytes = options.folderBytes ?? ((folder) => sizes.bytesOf(folder));
  }

  /** A folder that cannot be measured keeps its last figures until a look succeeds: it must not keep a node from work. */
  async start(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    await this.#lookAndGoOn();
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    await this.#looking.catch(() => undefined);
  }

  /**
   * Measures anew, after a look under way; whoever asks meanwhile shares the next one. Rejects with `storage_failed`; the
   * last figures are kept then.
   */
  look(): Promise<void> {
    const look = () => {
      this.#nextLook = undefined;
      return this.#look();
    };
    this.#nextLook ??= this.#looking = this.#looking.then(look, look);
    return this.#nextLook;
  }

  /** Calls back after every look that succeeded; returns the way to end that. */
  onLook(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Bytes of the files below a part of the folder, such as a segment. Rejects when they cannot be measured. */
  bytesOf(folder: string): Promise<number> {
    return this.#folderBytes(folder);
  }

  /** Adds bytes just written in the folder to the figures, until the next look measures them. */
  noteWritten(bytes: number): void {
    this.#notedBytes += bytes;
  }

  /** Bytes written since the last look, which the figures only reckon with. */
  get notedBytes(): number {
    return this.#notedBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes + this.#notedBytes;
  }

  get freeBytes(): number {
    return Math.max(0, this.#freeBytes - this.#notedBytes);
  }

  get capacityBytes(): number {
    return this.#options.maxMb * MB;
  }

  /** Percent of BUFFER_MAX_MB, with one decimal. */
  get usedPct(): number {
    return Math.round((this.usedBytes / this.capacityBytes) * 1000) / 10;
  }

  /** `warning` above `warnPct` of BUFFER_MAX_MB, and with less than twice MIN_FREE_MB left on the disk. */
  get level(): SpaceLevel {
    const { minFreeMb, warnPct = 90 } = this.#options;
    if (this.shortage) return 'full';
    return this.usedPct > warnPct || this.freeBytes < 2 * minFreeMb * MB ? 'warning' : 'ok';
  }

  /** The limit that is reached, if one is. */
  get shortage(): Shortage | undefined {
    const { maxMb, minFreeMb } = this.#options;
    if (this.usedBytes >= this.capacityBytes) {
      const help = 'a link to the centre helps, or a larger BUFFER_MAX_MB';
      return { reason: `the store has reached BUFFER_MAX_MB (${maxMb} MB)`, help };
    }
    const help = 'a link to the centre helps, or deleting other files on that disk';
    if (this.freeBytes < minFreeMb * MB) {
      return { reason: `the disk has less than MIN_FREE_MB (${minFreeMb} MB) left`, help };
    }
    if (this.freeBytes < this.#heldBackBytes) {
      return { reason: 'the disk has only left what delivering the stored data takes', help };
    }
    return undefined;
  }

  /** True when enough room has been made: below 95 % of BUFFER_MAX_MB, and no limit of the disk is reached. */
  get hasRoomAgain(): boolean {
    return this.usedBytes < ROOM_AGAIN * this.capacityBytes && this.shortage === undefined;
  }

  get #heldBackBytes(): number {
    return this.#options.heldBackBytes?.() ?? 0;
  }

  async #lookAndGoOn(): Promise<void> {
    await this.look().catch(() => undefined);
    if (this.#running) this.#timer = setTimeout(() => void this.#lookAndGoOn(), LOOK_EVERY_MS).unref();
  }

  async #look(): Promise<void> {
    const { folder, freeBytes = freeBytesOf } = this.#options;
    const notedBefore = this.#notedBytes;
    try {
      const usedBytes = await this.#folderBytes(folder);
      this.#freeBytes = await freeBytes(folder);
      this.#usedBytes = usedBytes;
    } catch (error) {
      const sentence = `the data folder ${folder} cannot be measured: ${messageOf(error)}`;
      throw new AppError('storage_failed', sentence, { cause: error });
    }
    this.#notedBytes -= notedBefore;
    for (const listener of this.#listeners) listener();
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
