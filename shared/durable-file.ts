/**
 * Small files that are either the old or the new content after a power cut, never a mixture: written beside, synced,
 * renamed, and the folder's entry synced.
 */
import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from './app-error.js';

/** Replaces `file` with `content`; when the promise resolves it has reached the disk. `mode` is that of a new file. */
export async function writeFileDurably(file: string, content: string, mode = 0o644): Promise<void> {
  const beside = `${file}.new`;
  const handle = await open(beside, 'w', mode);
  try {
    await handle.writeFile(content, 'utf8');
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
  await syncFolder(path.dirname(file));
}

/** Makes the entries of a folder (files created, renamed or deleted in it) survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The text of a file, or `undefined` where there is none; every other failure is thrown. */
export async function readFileIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
