/**
 * What a folder holds after the power was cut at some moment of a recording.
 *
 * Data of a file up to its last sync is there. Of what was written to it later a prefix is, chosen at random, the last
 * write of it torn at any byte or at a sector, and what is missing of it gone or zeros. Entries of a folder (files made,
 * renamed, deleted) up to the folder's last sync are there, and of the later ones a prefix. `strict`: the sync of a file
 * says nothing about its entry. `lenient`, as on ext4: it makes the entries of all folders above it durable as well.
 */
import type { SeededRandom } from '../../sim/random.js';
import type { FolderContent } from './data-folder.js';
import {
  type DataEvent,
  type DiskEvent,
  type DiskRecording,
  type EntryEvent,
  type InodeId,
  ROOT,
} from './disk-events.js';

export type Durability = 'strict' | 'lenient';

/** The folder when everything has reached the disk: what a clean end leaves behind. */
export function folderAfter(recording: DiskRecording): FolderContent {
  const { events } = recording;
  return new CutDisk(recording.folders, events, 'strict', (count) => ({ whole: count })).content();
}

/** The folder after a power cut behind the first `count` events. */
export function folderAfterCut(
  recording: DiskRecording,
  count: number,
  durability: Durability,
  random: SeededRandom,
): FolderContent {
  const survival = (pending: number): Survival => {
    const whole = random.chance(0.5) ? random.integer(0, pending) : random.chance(0.5) ? 0 : pending;
    if (whole === pending || random.chance(0.5)) return { whole };
    const sectorBytes = random.chance(0.5) ? 512 : 1;
    return { whole, torn: { part: random.next(), sectorBytes, zeros: random.chance(0.25) } };
  };
  return new CutDisk(recording.folders, recording.events.slice(0, count), durability, survival).content();
}

/** How much of what was pending has reached the disk. */
interface Survival {
  whole: number;
  /** Of the first that did not reach it whole, this part did. */
  torn?: { part: number; sectorBytes: number; zeros: boolean };
}

class CutDisk {
  readonly #folders: ReadonlySet<InodeId>;
  readonly #data = new Map<InodeId, DataEvent[]>();
  readonly #entries = new Map<InodeId, EntryEvent[]>();
  readonly #synced = new Map<InodeId, number>();
  readonly #survival: (pending: number) => Survival;

  constructor(
    folders: ReadonlySet<InodeId>,
    events: readonly DiskEvent[],
    durability: Durability,
    survival: (pending: number) => Survival,
  ) {
    this.#folders = folders;
    this.#survival = survival;
    for (const event of events) this.#take(event, durability);
  }

  content(): FolderContent {
    const names = this.#survivingEntries();
    const content: FolderContent = { folders: [], files: new Map() };
    const visit = (folder: InodeId, prefix: string): void => {
      for (const [name, inode] of names.get(folder) ?? []) {
        const file = prefix + name;
        if (!this.#folders.has(inode)) content.files.set(file, this.#dataOf(inode));
        else {
          content.folders.push(file);
          visit(inode, `${file}/`);
        }
      }
    };
    visit(ROOT, '');
    return content;
  }

  #take(event: DiskEvent, durability: Durability): void {
    switch (event.kind) {
      case 'write':
      case 'truncate':
        return void listIn(this.#data, event.inode).push(event);
      case 'link':
      case 'unlink':
        return void listIn(this.#entries, event.folder).push(event);
      case 'rename':
        listIn(this.#entries, event.folder).push(event);
        if (event.toFolder !== event.folder) listIn(this.#entries, event.toFolder).push(event);
        return;
      case 'sync':
        for (const inode of [event.inode, ...(durability === 'lenient' ? event.folders : [])]) {
          this.#synced.set(inode, Math.max(event.since, this.#synced.get(inode) ?? 0));
        }
    }
  }

  /** Names by folder. What moved between folders is in one of them: where it came from unless it has arrived. */
  #survivingEntries(): Map<InodeId, Map<string, InodeId>> {
    const surviving = new Map<InodeId, EntryEvent[]>();
    for (const [folder, events] of this.#entries) surviving.set(folder, this.#prefixOf(folder, events).whole);
    const arrived = new Set(
      [...surviving].flatMap(([folder, events]) => events.filter((one) => arrivesIn(one, folder))),
    );
    const names = new Map<InodeId, Map<string, InodeId>>();
    for (const [folder, events] of surviving) {
      const here = new Map<string, InodeId>();
      names.set(folder, here);
      for (const event of events) {
        if (event.kind === 'link') here.set(event.name, event.inode);
        else if (event.kind === 'unlink') here.delete(event.name);
        else {
          if (event.folder === folder && arrived.has(event)) here.delete(event.name);
          if (event.toFolder === folder) here.set(event.toName, event.inode);
        }
      }
    }
    // The folder a thing left may not know of its leaving although it has arrived.
    for (const event of arrived) {
      if (event.kind === 'rename' && names.get(event.folder)?.get(event.name) === event.inode) {
        if (event.folder !== event.toFolder) names.get(event.folder)?.delete(event.name);
      }
    }
    return names;
  }

  #dataOf(inode: InodeId): Uint8Array<ArrayBuffer> {
    const events = this.#data.get(inode) ?? [];
    const { whole, torn } = this.#prefixOf(inode, events);
    const file = new GrowingFile();
    for (const event of whole) file.apply(event);
    const next = events[whole.length];
    if (torn && next?.kind === 'write') {
      const end = next.offset + Math.floor(next.bytes.length * torn.part);
      const length = Math.max(0, end - (end % torn.sectorBytes) - next.offset);
      const bytes = torn.zeros ? new Uint8Array(next.bytes.length) : next.bytes.slice(0, length);
      if (torn.zeros) bytes.set(next.bytes.subarray(0, length));
      file.apply({ ...next, bytes });
    }
    return file.bytes();
  }

  #prefixOf<T extends { at: number }>(inode: InodeId, events: readonly T[]): { whole: T[]; torn: Survival['torn'] } {
    const synced = this.#synced.get(inode) ?? 0;
    const durable = events.findLastIndex(({ at }) => at < synced) + 1;
    const { whole, torn } = this.#survival(events.length - durable);
    return { whole: events.slice(0, durable + whole), torn };
  }
}

function arrivesIn(event: EntryEvent, folder: InodeId): boolean {
  return event.kind === 'rename' && event.toFolder === folder;
}

function listIn<T>(lists: Map<InodeId, T[]>, inode: InodeId): T[] {
  const list = lists.get(inode) ?? [];
  lists.set(inode, list);
  return list;
}

class GrowingFile {
  #bytes = new Uint8Array(4096);
  #length = 0;

  apply(event: DataEvent): void {
    if (event.kind === 'truncate') {
      this.#grow(event.size);
      this.#bytes.fill(0, event.size);
      this.#length = event.size;
      return;
    }
    const end = event.offset + event.bytes.length;
    this.#grow(end);
    this.#bytes.set(event.bytes, event.offset);
    this.#length = Math.max(this.#length, end);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * length);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
