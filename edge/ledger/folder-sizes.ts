/**
 * How many bytes the files below a folder take, cheap enough to be asked every few seconds for hundreds of databases.
 *
 * Entries made, renamed or deleted change a folder's own time of change, so one that is the same has the same files. A
 * folder none of whose files changed lately is not gone through again until SETTLED_MS have passed: only a file that
 * has grown since, such as the log of a database opened long ago, is told late.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../shared/app-error.js';
import { type Clock, systemClock } from '../../shared/time.js';

/** A folder whose files are all older than this counts as settled. */
const QUIET_MS = 60_000;
/** How long a settled folder's figure is believed. */
const SETTLED_MS = 600_000;

export interface FolderSizesOptions {
  /** Names of files directly in the folder asked for that are not counted. */
  leaveOut?: readonly string[];
  clock?: Clock;
  /** What is in a folder; tests forbid it. */
  entriesOf?: (folder: string) => Promise<Dirent[]>;
}

interface Measured {
  changedMs: number;
  /** Bytes of the files directly in it. */
  ownBytes: number;
  /** Full paths of the folders in it. */
  folders: readonly string[];
  /** On the monotonic clock. */
  believedUntilMs: number;
}

export class FolderSizes {
  readonly #leaveOut: ReadonlySet<string>;
  readonly #clock: Clock;
  readonly #entriesOf: (folder: string) => Promise<Dirent[]>;
  readonly #known = new Map<string, Measured>();

  constructor({ leaveOut = [], clock = systemClock, entriesOf = readEntries }: FolderSizesOptions = {}) {
    this.#entriesOf = entriesOf;
    this.#leaveOut = new Set(leaveOut);
    this.#clock = clock;
  }

  /**
   * Sum of the sizes of all files below a folder, 0 where there is none. What vanishes meanwhile counts as gone, a
   * folder that this user may not read (`lost+found`, say) as empty; every other failure is thrown.
   */
  async bytesOf(folder: string): Promise<number> {
    return this.#bytesBelow(folder, this.#leaveOut);
  }

  async #bytesBelow(folder: string, leaveOut: ReadonlySet<string>): Promise<number> {
    const { ownBytes, folders } = await this.#measure(folder, leaveOut);
    let bytes = ownBytes;
    for (const one of folders) bytes += await this.#bytesBelow(one, NOTHING);
    return bytes;
  }

  async #measure(folder: string, leaveOut: ReadonlySet<string>): Promise<Measured> {
    const known = this.#known.get(folder);
    const { mtimeMs: changedMs } = await stat(folder).catch(zeroWhenGone);
    const nowMs = this.#clock.monotonic();
    if (known && known.changedMs === changedMs && nowMs < known.believedUntilMs) return known;
    const entries = await this.#entriesOf(folder).catch(emptyWhenUnreadable);
    const { newestMs, ...found } = await filesAmong(entries, folder, leaveOut);
    const settled = Math.max(newestMs, changedMs) < this.#clock.now() - QUIET_MS;
    const measured = { ...found, changedMs, believedUntilMs: settled ? nowMs + SETTLED_MS : nowMs };
    for (const gone of known?.folders ?? []) if (!measured.folders.includes(gone)) this.#forget(gone);
    this.#known.set(folder, measured);
    return measured;
  }

  #forget(folder: string): void {
    for (const one of this.#known.get(folder)?.folders ?? []) this.#forget(one);
    this.#known.delete(folder);
  }
}

const NOTHING: ReadonlySet<string> = new Set();

function readEntries(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true });
}

async function filesAmong(
  entries: readonly Dirent[],
  folder: string,
  leaveOut: ReadonlySet<string>,
): Promise<{ ownBytes: number; folders: string[]; newestMs: number }> {
  const found = { ownBytes: 0, folders: [] as string[], newestMs: 0 };
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) found.folders.push(file);
    else if (!leaveOut.has(entry.name)) {
      // LevelDB may delete files meanwhile.
      const { size, mtimeMs } = await stat(file).catch(zeroWhenGone);
      found.ownBytes += size;
      found.newestMs = Math.max(found.newestMs, mtimeMs);
    }
  }
  return found;
}

function emptyWhenUnreadable(error: unknown): [] {
  const code = codeOf(error) ?? '';
  if (['ENOENT', 'EACCES', 'EPERM'].includes(code)) return [];
  throw error;
}

function zeroWhenGone(error: unknown): { size: number; mtimeMs: number } {
  if (codeOf(error) === 'ENOENT') return { size: 0, mtimeMs: 0 };
  throw error;
}
