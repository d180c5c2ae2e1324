/** Names of folders beside a segment's own while something is done to it; a start ends what a crash left half-way. */
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from '../../shared/durable-file.js';

/** Deleted, but for its files. */
export const DROPPED = '.dropped';
/** What could be read; complete once the damaged folder is gone. */
export const REBUILT = '.rebuilt';

/** A segment's own folder. */
export function segmentFolder(root: string, number: number): string {
  return path.join(root, String(number).padStart(6, '0'));
}

/** Deletes a segment's folder so that a crash in between never leaves half a segment. */
export async function dropFolder(folder: string): Promise<void> {
  const dropped = folder + DROPPED;
  await rename(folder, dropped);
  await syncFolder(path.dirname(folder));
  await rm(dropped, { recursive: true, force: true });
}
