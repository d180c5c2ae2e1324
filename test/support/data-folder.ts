/**
 * The content of a data folder as a value, read from one and put into one.
 *
 * A node knows its store by the inode of the folder `state`: a copy of it is another store and takes another name. So a
 * folder is filled again in place, and the inode of `state` is kept, also while the folder is to be without it.
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

export interface FolderContent {
  /** Relative paths, parents before their children. */
  folders: string[];
  files: Map<string, Uint8Array>;
}

const IDENTITY = 'state';

export async function readFolder(folder: string): Promise<FolderContent> {
  const content: FolderContent = { folders: [], files: new Map() };
  const visit = async (prefix: string): Promise<void> => {
    const entries = await readdir(path.join(folder, prefix), { withFileTypes: true });
    for (const entry of entries) {
      const name = prefix + entry.name;
      if (entry.isDirectory()) {
        content.folders.push(name);
        await visit(`${name}/`);
      } else content.files.set(name, new Uint8Array(await readFile(path.join(folder, name))));
    }
  };
  await visit('');
  return content;
}

/**
 * Moves the store from one folder to another, which must not exist, and makes it hold exactly `content`. It moves so
 * that nothing a process still keeps of the old path can matter.
 */
export async function refillFolder(from: string, to: string, content: FolderContent): Promise<void> {
  const state = path.join(to, IDENTITY);
  const aside = path.join(path.dirname(to), IDENTITY);
  await rename(from, to);
  // Put aside already when the folder was to be without it; what lies there now is another one.
  if (!(await exists(aside))) await rename(state, aside);
  await empty(to);
  await empty(aside);
  if (content.folders.includes(IDENTITY)) await rename(aside, state);
  for (const name of content.folders) await mkdir(path.join(to, name), { recursive: true });
  for (const [name, bytes] of content.files) await writeFile(path.join(to, name), bytes);
}

async function exists(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  );
}

async function empty(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(path.join(folder, name), { recursive: true, force: true });
}
