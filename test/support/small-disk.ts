/**
 * A real file system of a few megabytes for one program: in a mount namespace of its own, where no administrator is
 * needed and nothing stays behind when the program ends.
 */
import { spawnSync } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../shared/app-error.js';

/** The command to run a program under; it sees the small disk, empty, where `folder` is. */
export function onSmallDisk(folder: string, megabytes: number): string[] {
  const script = `mount -t tmpfs -o size=${megabytes}m tmpfs "$0" && exec "$@"`;
  return ['unshare', '--map-root-user', '--mount', 'sh', '-c', script, folder];
}

/** Why no small disk can be had here; undefined where it can. */
export function whyNoSmallDisk(): string | undefined {
  const [command = '', ...args] = [...onSmallDisk('/tmp', 1), 'true'];
  const { error, status, stderr } = spawnSync(command, args);
  if (error) return 'unshare is not installed';
  return status === 0 ? undefined : stderr.toString().trim().split('\n')[0];
}

/** A path as the program sees it, from outside. */
export function asSeenBy(pid: number | undefined, file: string): string {
  return path.join(`/proc/${pid}/root`, file);
}

/** Fills the disk that `file` lies on, or writes `maxBytes`; somebody else's data, as the program sees it. */
export async function fillDisk(file: string, maxBytes = Number.POSITIVE_INFINITY): Promise<void> {
  const handle = await open(file, 'w');
  try {
    let left = maxBytes;
    // The last pieces small, so that nothing worth speaking of is left.
    for (const pieceBytes of [1024 * 1024, 4096]) {
      while (left >= pieceBytes && (await hasWritten(handle, pieceBytes))) left -= pieceBytes;
    }
  } finally {
    await handle.close();
  }
}

/** False when the disk is full. */
async function hasWritten(handle: FileHandle, bytes: number): Promise<boolean> {
  try {
    await handle.appendFile(new Uint8Array(bytes));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOSPC') return false;
    throw error;
  }
}
