/**
 * Makes files that LevelDB has begun survive a power cut: it syncs what it writes to a new log, but not the folder's
 * entry of it, without which the file is not there after the cut.
 */
import { readdir } from 'node:fs/promises';
import { syncFolder } from '../../shared/durable-file.js';

export class FolderEntries {
  readonly #syncFolder: (folder: string) => Promise<void>;
  #folder = '';
  #synced: ReadonlySet<string> = new Set();

  /** `sync` makes the entries of a folder reach the disk. */
  constructor(sync: (folder: string) => Promise<void> = syncFolder) {
    this.#syncFolder = sync;
  }

  /** When the promise resolves, the entries of all files that were in the folder are on the disk. */
  async sync(folder: string): Promise<void> {
    const names = await readdir(folder);
    if (folder === this.#folder && names.every((name) => this.#synced.has(name))) return;
    await this.#syncFolder(folder);
    this.#folder = folder;
    this.#synced = new Set(names);
  }
}
