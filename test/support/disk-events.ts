/**
 * What a program did to a folder, as a power cut sees it: changes of data, changes of folders' entries, and the syncs
 * between them, in the order in which they happened.
 *
 * Files and folders are told apart by a number of their own (an inode), not by name; the folder itself is 0.
 */

export type InodeId = number;

export const ROOT: InodeId = 0;

/** The place of an event in the recording; whatever ends later has a higher one. */
interface Placed {
  at: number;
}

export type DataEvent = Placed & { inode: InodeId } & (
    | { kind: 'write'; offset: number; bytes: Uint8Array<ArrayBuffer> }
    | { kind: 'truncate'; size: number }
  );

export type EntryEvent = Placed &
  (
    | { kind: 'link'; folder: InodeId; name: string; inode: InodeId }
    | { kind: 'unlink'; folder: InodeId; name: string }
    | { kind: 'rename'; folder: InodeId; name: string; toFolder: InodeId; toName: string; inode: InodeId }
  );

/** Everything done to `inode` before `since` has reached the disk. */
export interface SyncEvent extends Placed {
  kind: 'sync';
  inode: InodeId;
  since: number;
  /** The folders it lay in at the time, innermost first. */
  folders: readonly InodeId[];
}

/** A request was answered with 201; `batch` is the number its sender gave it. */
export interface AcknowledgedEvent extends Placed {
  kind: 'acknowledged';
  batch: number;
}

export type DiskEvent = DataEvent | EntryEvent | SyncEvent | AcknowledgedEvent;

export interface DiskRecording {
  /** By `at`. */
  events: readonly DiskEvent[];
  folders: ReadonlySet<InodeId>;
}
