/**
 * How much the node's data folder takes and whether there is room for more.
 *
 * New data is refused with `storage_full` when the folder has reached BUFFER_MAX_MB or the disk has less than
 * MIN_FREE_MB left; reads and replication go on, and taking data resumes by itself once there is room.
 */
import { readdir, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf } from '../../shared/app-error.js';
import type { Service } from '../../shared/service.js';

const MB = 1_000_000;
const LOOK_EVERY_MS = 5_000;

export interface SpaceMonitorOptions {
  folder: string;
  maxMb: number;
  minFreeMb: number;
  /** Bytes free on the disk that holds a folder; tests fill it. */
  freeBytes?: (folder: string) => Promise<number>;
}

export class SpaceMonitor implements Service {
  readonly name = 'space monitor';
  readonly #options: SpaceMonitorOptions;
  #usedBytes = 0;
  #freeBytes = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SpaceMonitorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.look();
    const lookAgain = () => {
      // A folder that cannot be measured now (a file vanished, the disk hiccuped) keeps its last figure until the next
      // look.
      this.look()
        .catch(() => undefined)
        .finally(() => {
          if (this.#timer) this.#timer = setTimeout(lookAgain, LOOK_EVERY_MS).unref();
        });
    };
    this.#timer = setTimeout(lookAgain, LOOK_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Measures anew. */
  async look(): Promise<void> {
    const { folder, freeBytes = freeBytesOf } = this.#options;
    this.#usedBytes = await folderBytes(folder);
    this.#freeBytes = await freeBytes(folder);
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get capacityBytes(): number {
    return this.#options.maxMb * MB;
  }

  /** Percent of BUFFER_MAX_MB, with one decimal. */
  get usedPct(): number {
    return Math.round((this.#usedBytes / this.capacityBytes) * 1000) / 10;
  }

  /** Throws `storage_full` while there is no room for new data. */
  assertSpace(): void {
    const { maxMb, minFreeMb } = this.#options;
    if (this.#usedBytes >= this.capacityBytes) {
      throw new AppError('storage_full', `the store has reached BUFFER_MAX_MB (${maxMb} MB); nothing was stored`, {
        retryAfterS: 60,
      });
    }
    if (this.#freeBytes < minFreeMb * MB) {
      throw new AppError(
        'storage_full',
        `the disk has less than MIN_FREE_MB (${minFreeMb} MB) left; nothing was stored`,
        {
          retryAfterS: 60,
        },
      );
    }
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Sum of the sizes of all files below a folder; LevelDB may delete files meanwhile. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(emptyWhenGone);
  let bytes = 0;
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) bytes += await folderBytes(file);
    else bytes += (await stat(file).catch(zeroWhenGone)).size;
  }
  return bytes;
}

function emptyWhenGone(error: unknown): [] {
  if (codeOf(error) === 'ENOENT') return [];
  throw error;
}

function zeroWhenGone(error: unknown): { size: number } {
  if (codeOf(error) === 'ENOENT') return { size: 0 };
  throw error;
}
