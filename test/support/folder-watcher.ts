/**
 * A recording for where no system calls can be seen: the folder is looked at after every acknowledgement, and what has
 * changed since the last look is taken for what happened.
 *
 * It cannot see syncs: whatever happened is taken to have reached the disk as soon as something else happened after it,
 * tables before what names them. So it tells how a node copes with a last write that is torn, not whether it syncs what
 * it acknowledges.
 */
import type { BigIntStats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../shared/app-error.js';
import { type DiskEvent, type DiskRecording, type InodeId, ROOT } from './disk-events.js';

/** What lies at a path. */
interface Seen {
  inode: InodeId;
  /** Undefined for a folder. */
  bytes: Uint8Array<ArrayBuffer> | undefined;
}

type Look = ReadonlyMap<string, Seen>;

export class FolderWatcher {
  readonly #root: string;
  readonly #events: DiskEvent[] = [];
  readonly #inodes = new Map<string, InodeId>();
  readonly #contents = new Map<InodeId, { version: string; bytes: Uint8Array<ArrayBuffer> }>();
  readonly #folders = new Set<InodeId>([ROOT]);
  #last: Look = new Map();
  #at = 0;
  /** What the last event changed. */
  #unsynced: readonly InodeId[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  /** To be called when nothing is being asked of the node; `batch` is what was acknowledged last. */
  async acknowledged(batch: number): Promise<void> {
    const now = await this.#stableLook();
    this.#compare(this.#last, now);
    this.#last = now;
    this.#push({ kind: 'acknowledged', batch });
  }

  /** What was seen; the last look included. */
  async recording(): Promise<DiskRecording> {
    this.#compare(this.#last, await this.#stableLook());
    return { events: this.#events, folders: this.#folders };
  }

  #compare(before: Look, now: Look): void {
    // Deletions last: LevelDB deletes what it no longer needs.
    const ordered = [...now].sort(([a], [b]) => rankOf(a) - rankOf(b));
    for (const [name, { inode, bytes }] of ordered) {
      const old = before.get(name);
      const folder = this.#folderOf(now, name);
      if (old?.inode !== inode) this.#push({ kind: 'link', folder, name: path.basename(name), inode });
      if (!bytes) continue;
      const known = [...before.values()].find((one) => one.inode === inode)?.bytes ?? new Uint8Array();
      if (bytes === known) continue;
      if (bytes.length < known.length) this.#push({ kind: 'truncate', inode, size: bytes.length });
      const from = bytes.findIndex((byte, at) => byte !== known[at]);
      const to = bytes.findLastIndex((byte, at) => byte !== known[at]);
      if (from >= 0) this.#push({ kind: 'write', inode, offset: from, bytes: bytes.slice(from, to + 1) });
    }
    for (const name of before.keys()) {
      if (now.has(name) || (path.dirname(name) !== '.' && !now.has(path.dirname(name)))) continue;
      this.#push({ kind: 'unlink', folder: this.#folderOf(now, name), name: path.basename(name) });
    }
  }

  #folderOf(look: Look, name: string): InodeId {
    return look.get(path.dirname(name))?.inode ?? ROOT;
  }

  /** Two looks that saw the same: nothing was going on in between. */
  async #stableLook(): Promise<Look> {
    for (let before = await this.#look(); ; ) {
      const again = await this.#look();
      if (before && again && isSame(before, again)) return again;
      before = again;
    }
  }

  /** Undefined when something went away meanwhile. */
  async #look(): Promise<Look | undefined> {
    const seen = new Map<string, Seen>();
    try {
      const entries = await readdir(this.#root, { recursive: true, withFileTypes: true });
      for (const entry of entries) {
        const file = path.join(entry.parentPath, entry.name);
        const stats = await stat(file, { bigint: true });
        const inode = this.#inodeOf(stats);
        if (entry.isDirectory()) this.#folders.add(inode);
        const bytes = entry.isDirectory() ? undefined : await this.#read(file, inode, stats);
        seen.set(path.relative(this.#root, file), { inode, bytes });
      }
      return seen;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** The very same bytes as at the last look while the file has not changed. */
  async #read(file: string, inode: InodeId, { size, mtimeNs }: BigIntStats): Promise<Uint8Array<ArrayBuffer>> {
    const version = `${size}@${mtimeNs}`;
    const known = this.#contents.get(inode);
    if (known?.version === version) return known.bytes;
    const bytes = new Uint8Array(await readFile(file));
    this.#contents.set(inode, { version, bytes });
    return bytes;
  }

  #inodeOf({ ino, birthtimeNs }: BigIntStats): InodeId {
    // The number of a deleted file is given again.
    const key = `${ino}@${birthtimeNs}`;
    const inode = this.#inodes.get(key) ?? this.#inodes.size + 1;
    this.#inodes.set(key, inode);
    return inode;
  }

  #push(event: Unplaced<DiskEvent>): void {
    for (const inode of this.#unsynced)
      this.#events.push({ kind: 'sync', at: ++this.#at, inode, since: this.#at, folders: [] });
    this.#events.push({ ...event, at: ++this.#at } as DiskEvent);
    this.#unsynced = 'folder' in event ? [event.folder] : 'inode' in event ? [event.inode] : [];
  }
}

type Unplaced<E> = E extends unknown ? Omit<E, 'at'> : never;

/** In this order what was seen at once may have happened; all else, such as the mark of what is acknowledged, behind. */
const ORDER = [/\.ldb$/, /\.log$/, /MANIFEST/, /CURRENT$/];

function rankOf(name: string): number {
  const base = path.basename(name);
  if (/^\d+$|^(state|segments|quarantine)$/.test(base)) return -1;
  const rank = ORDER.findIndex((pattern) => pattern.test(base));
  return rank < 0 ? ORDER.length : rank;
}

function isSame(one: Look, other: Look): boolean {
  if (one.size !== other.size) return false;
  for (const [name, { inode, bytes }] of one) {
    const match = other.get(name);
    if (match?.inode !== inode || match.bytes !== bytes) return false;
  }
  return true;
}
