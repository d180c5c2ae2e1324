/** Asks a disk whether there is room to open a LevelDB, by writing as much. */
import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';

/** Opening, LevelDB writes its log anew as a table: up to the write buffer (1 MiB), and as much again for a new log. */
const PROBE_FILES = 32;
const PROBE_FILE_BYTES = 64 * 1024;

/** Rejects with the system's own error, such as ENOSPC, when `folder` cannot take so much. */
export async function probeDisk(folder: string): Promise<void> {
  const probe = path.join(folder, 'probe');
  try {
    await mkdir(probe, { recursive: true });
    for (let n = 0; n < PROBE_FILES; n++) await writeSynced(path.join(probe, String(n)));
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

async function writeSynced(file: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await handle.writeFile(new Uint8Array(PROBE_FILE_BYTES));
    await handle.sync();
  } finally {
    await handle.close();
  }
}
