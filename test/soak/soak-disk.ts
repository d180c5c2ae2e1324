/**
 * The disk of a soak's node, which somebody else fills and frees: a small file system of its own where the machine lets us
 * make one, kept by a process that does nothing else, so that it outlives the kills of the node; else a plain folder, where
 * only the room of BUFFER_MAX_MB can be taken.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../shared/app-error.js';
import { guardChild } from '../../sim/child-guard.js';
import { asSeenBy, fillDisk, onSmallDisk, whyNoSmallDisk } from '../support/small-disk.js';
import { waitFor } from '../support/wait-for.js';

const DISK_MB = 96;
const FOREIGN = 'foreign';
const MB = 1_000_000;

export interface SoakDiskOptions {
  folder: string;
  /** BUFFER_MAX_MB of the node. */
  bufferMb: number;
}

export class SoakDisk {
  readonly #options: SoakDiskOptions;
  readonly #keeper: ChildProcess | undefined;

  private constructor(options: SoakDiskOptions, keeper: ChildProcess | undefined) {
    this.#options = options;
    this.#keeper = keeper;
  }

  /** `folder` is made. */
  static async open(options: SoakDiskOptions): Promise<SoakDisk> {
    await mkdir(options.folder, { recursive: true });
    if (whyNoSmallDisk() !== undefined) return new SoakDisk(options, undefined);
    const [command = '', ...args] = [
      ...onSmallDisk(options.folder, DISK_MB),
      'sh',
      '-c',
      'mkdir "$0" && exec sleep infinity',
    ];
    const mark = path.join(options.folder, 'mounted');
    const keeper = spawn(command, [...args, mark], { stdio: 'ignore' });
    guardChild(keeper);
    const isMounted = () => stat(asSeenBy(keeper.pid, mark)).then(() => true);
    await waitFor(isMounted, { what: 'the small disk to be there', timeoutMs: 10_000 });
    return new SoakDisk(options, keeper);
  }

  /** True where the disk itself can run full. */
  get isSmall(): boolean {
    return this.#keeper !== undefined;
  }

  /** LOCAL_CACHE_PATH, as the node sees it. */
  get dataPath(): string {
    return path.join(this.#options.folder, 'data');
  }

  /** The command to run the node under. */
  get under(): readonly string[] {
    if (!this.#keeper) return [];
    return ['nsenter', '--preserve-credentials', '--user', '--mount', `--target=${this.#keeper.pid}`];
  }

  /** Takes all room there is: of the disk where there is a small one and that is asked for, else of BUFFER_MAX_MB. */
  async fill(how: 'disk' | 'buffer'): Promise<void> {
    if (how === 'disk' && this.isSmall) await fillDisk(this.#seen(path.join(this.#options.folder, FOREIGN)));
    else await fillDisk(this.#seen(path.join(this.dataPath, FOREIGN)), this.#options.bufferMb * MB);
  }

  async free(): Promise<void> {
    for (const folder of [this.#options.folder, this.dataPath]) {
      await rm(this.#seen(path.join(folder, FOREIGN)), { force: true });
    }
  }

  /** Bytes of the node's files; what somebody else has put there left out. */
  usedBytes(): Promise<number> {
    return bytesBelow(this.#seen(this.dataPath));
  }

  async close(): Promise<void> {
    const keeper = this.#keeper;
    if (!keeper || keeper.exitCode !== null || keeper.signalCode !== null) return;
    const ended = new Promise((resolve) => keeper.once('exit', resolve));
    keeper.kill('SIGKILL');
    await ended;
  }

  #seen(file: string): string {
    return this.#keeper ? asSeenBy(this.#keeper.pid, file) : file;
  }
}

/** Of all files below a folder, but for the foreign one; what goes away meanwhile counts nothing. */
export async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(emptyWhenGone);
  const sizes = entries.map(async (entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return bytesBelow(file);
    return entry.name === FOREIGN ? 0 : (await stat(file).catch(() => ({ size: 0 }))).size;
  });
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

function emptyWhenGone(error: unknown): [] {
  if (codeOf(error) === 'ENOENT') return [];
  throw error;
}
