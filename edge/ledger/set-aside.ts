/** Keeps damaged files for whoever wants to look at them, in bounded space: the newest sets stay. */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from '../../shared/durable-file.js';

/** Moves a folder to `root`, under its name and the time. */
export async function setAside(folder: string, root: string, nowText: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const stamp = nowText.replace(/[-:.]/g, '');
  await rename(folder, await freeName(path.join(root, `${path.basename(folder)}-${stamp}`)));
  await syncFolder(root);
  await syncFolder(path.dirname(folder));
}

/** A clock that stands still, or runs backwards, must not let one set fall upon another. */
async function freeName(wanted: string): Promise<string> {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    try {
      await stat(name);
    } catch {
      return name;
    }
  }
}

/** Deletes the oldest sets in `root` beyond `maxBytes`. */
export async function forgetOldest(root: string, maxBytes: number): Promise<void> {
  const sets: { folder: string; bytes: number; changedMs: number }[] = [];
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const folder = path.join(root, entry.name);
    sets.push({ folder, bytes: await folderBytes(folder), changedMs: (await stat(folder)).ctimeMs });
  }
  sets.sort((a, b) => b.changedMs - a.changedMs);
  let bytes = 0;
  for (const set of sets) {
    bytes += set.bytes;
    if (bytes > maxBytes) await rm(set.folder, { recursive: true, force: true });
  }
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true });
  let bytes = 0;
  for (const entry of entries) if (entry.isFile()) bytes += (await stat(path.join(folder, entry.name))).size;
  return bytes;
}
