/**
 * Turns the recorded system calls of a program into what they did to one folder, and into the moments at which its
 * server acknowledged requests.
 *
 * It is as careful as a disk: a write counts from when it was done, a sync covers what was done before it began, and an
 * acknowledgement counts from when its sending began.
 */
import path from 'node:path';
import { type DiskEvent, type DiskRecording, type InodeId, ROOT } from './disk-events.js';
import { type SystemCall, stringsOf, systemCalls } from './strace.js';

/** The header in which a sender numbers its requests. */
export const BATCH_HEADER = 'X-Batch';

interface OpenFile {
  inode: InodeId;
  position: number;
  appends: boolean;
  /** Opened so that every write is synced. */
  syncs: boolean;
  openedAt: number;
}

const BATCH_PATTERN = new RegExp(`${BATCH_HEADER}: (\\d+)`, 'i');
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('utf8');

/** Reads a recording made with `straceCommand`; `root` must have been empty when it began. */
export async function readRecording(files: readonly string[], root: string): Promise<DiskRecording> {
  const reader = new RecordingReader(root);
  for (const file of files) {
    for await (const call of systemCalls(file)) reader.take(call);
    reader.endOfProcess();
  }
  return reader.recording();
}

class RecordingReader {
  readonly #root: string;
  readonly #events: DiskEvent[] = [];
  readonly #entries = new Map<InodeId, Map<string, InodeId>>([[ROOT, new Map()]]);
  readonly #parents = new Map<InodeId, InodeId>();
  readonly #sizes = new Map<InodeId, number>();
  readonly #open = new Map<number, OpenFile>();
  readonly #batches = new Map<number, number>();
  #inodes = 0;
  /** Lines of the processes before this one. */
  #base = 0;
  #lastLine = 0;

  readonly #takers: ReadonlyMap<string, (call: SystemCall) => void>;

  constructor(root: string) {
    this.#root = root;
    const takers: [string[], (call: SystemCall) => void][] = [
      [['open', 'openat', 'creat'], (call) => this.#takeOpen(call)],
      [['close'], (call) => this.#takeClose(call)],
      [['read'], (call) => this.#takeRead(call)],
      [['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'], (call) => this.#takeWrite(call)],
      [['fsync', 'fdatasync'], (call) => this.#takeSync(call)],
      [['mkdir', 'mkdirat'], (call) => this.#takeMakeFolder(call)],
      [['rename', 'renameat', 'renameat2'], (call) => this.#takeRename(call)],
      [['unlink', 'unlinkat', 'rmdir'], (call) => this.#takeUnlink(call)],
      [['lseek'], (call) => this.#takeSeek(call)],
      [['ftruncate'], (call) => this.#takeTruncate(call)],
    ];
    this.#takers = new Map(takers.flatMap(([names, take]) => names.map((name) => [name, take] as const)));
  }

  endOfProcess(): void {
    this.#base += this.#lastLine;
    this.#lastLine = 0;
    this.#open.clear();
    this.#batches.clear();
  }

  recording(): DiskRecording {
    return { events: this.#events.sort((a, b) => a.at - b.at), folders: new Set(this.#entries.keys()) };
  }

  take(call: SystemCall): void {
    this.#lastLine = Math.max(this.#lastLine, call.endedAt);
    if (call.result < 0) return;
    const take = this.#takers.get(call.name);
    if (take) take(call);
    else this.#refuse(call);
  }

  #takeOpen(call: SystemCall): void {
    const place = this.#placeOf(stringsOf(call)[0]);
    if (!place) return;
    let inode = this.#find(place);
    if (inode === undefined) {
      if (!/O_CREAT/.test(call.args) && call.name !== 'creat')
        throw new Error(`${place.file} was opened but never made`);
      inode = this.#link(place, call);
    } else if (/O_TRUNC/.test(call.args) && this.#sizes.get(inode) !== 0) {
      this.#push({ kind: 'truncate', at: call.endedAt, inode, size: 0 });
      this.#sizes.set(inode, 0);
    }
    const flags = { appends: /O_APPEND/.test(call.args), syncs: /O_D?SYNC/.test(call.args) };
    this.#open.set(call.result, { inode, position: 0, openedAt: call.endedAt, ...flags });
  }

  #takeClose(call: SystemCall): void {
    const descriptor = Number(call.args);
    // Another thread may have been given the same descriptor before the end of the close was written down.
    const file = this.#open.get(descriptor);
    if (file && file.openedAt <= call.beganAt) this.#open.delete(descriptor);
    this.#batches.delete(descriptor);
  }

  #takeRead(call: SystemCall): void {
    const request = /^(\d+), "POST /.exec(call.args)?.[1];
    if (request === undefined) return;
    const batch = BATCH_PATTERN.exec(text(stringsOf(call)[0]))?.[1];
    if (batch !== undefined) this.#batches.set(Number(request), Number(batch));
  }

  #takeWrite(call: SystemCall): void {
    const descriptor = Number.parseInt(call.args, 10);
    const file = this.#open.get(descriptor);
    if (file) this.#takeFileWrite(call, file);
    else this.#takeAnswer(call, descriptor);
  }

  #takeFileWrite(call: SystemCall, file: OpenFile): void {
    const all = new Uint8Array(Buffer.concat(stringsOf(call)));
    const bytes = all.slice(0, call.result);
    const isPlaced = call.name.startsWith('pwrite');
    const end = this.#sizes.get(file.inode) ?? 0;
    const offset = isPlaced ? offsetOf(call) : file.appends ? end : file.position;
    if (!isPlaced) file.position = offset + bytes.length;
    this.#push({ kind: 'write', at: call.endedAt, inode: file.inode, offset, bytes });
    this.#sizes.set(file.inode, Math.max(end, offset + bytes.length));
    if (file.syncs) this.#sync(file.inode, call.endedAt + 1, call.endedAt);
  }

  #takeAnswer(call: SystemCall, descriptor: number): void {
    const batch = this.#batches.get(descriptor);
    if (batch === undefined || !/^\d+, (?:\[\{iov_base=)?"HTTP\/1\.1 /.test(call.args)) return;
    this.#batches.delete(descriptor);
    if (/"HTTP\/1\.1 201 /.test(call.args.slice(0, 60))) this.#push({ kind: 'acknowledged', at: call.beganAt, batch });
  }

  #takeSync(call: SystemCall): void {
    const file = this.#open.get(Number(call.args));
    if (file) this.#sync(file.inode, call.beganAt, call.endedAt);
  }

  #takeMakeFolder(call: SystemCall): void {
    const place = this.#placeOf(stringsOf(call)[0]);
    if (!place || place.file === this.#root) return;
    this.#entries.set(this.#link(place, call), new Map());
  }

  #takeRename(call: SystemCall): void {
    const [from, to] = stringsOf(call).map((one) => this.#placeOf(one));
    if (!from || !to) {
      if (from || to) throw new Error('something was moved into or out of the folder recorded');
      return;
    }
    const inode = this.#find(from);
    if (inode === undefined) throw new Error(`${from.file} was renamed but never made`);
    this.#entries.get(from.folder)?.delete(from.name);
    this.#entries.get(to.folder)?.set(to.name, inode);
    this.#parents.set(inode, to.folder);
    const { folder, name } = from;
    this.#push({ kind: 'rename', at: call.endedAt, folder, name, toFolder: to.folder, toName: to.name, inode });
  }

  #takeUnlink(call: SystemCall): void {
    const place = this.#placeOf(stringsOf(call)[0]);
    if (!place) return;
    this.#entries.get(place.folder)?.delete(place.name);
    this.#push({ kind: 'unlink', at: call.endedAt, folder: place.folder, name: place.name });
  }

  #takeSeek(call: SystemCall): void {
    const file = this.#open.get(Number.parseInt(call.args, 10));
    if (file) file.position = call.result;
  }

  #takeTruncate(call: SystemCall): void {
    const [descriptor, size] = call.args.split(', ').map(Number);
    const file = this.#open.get(descriptor ?? -1);
    if (!file || size === undefined) return;
    this.#push({ kind: 'truncate', at: call.endedAt, inode: file.inode, size });
    this.#sizes.set(file.inode, size);
  }

  /** A call that is not understood must not be passed over when it concerns the folder. */
  #refuse(call: SystemCall): void {
    if (call.name === 'fcntl' && !/F_DUPFD/.test(call.args)) return;
    const isOurs = call.args.includes(this.#root) || this.#open.has(Number.parseInt(call.args, 10));
    if (isOurs)
      throw new Error(`the recording holds a call it cannot play back: ${call.name}(${call.args.slice(0, 80)})`);
  }

  #link(place: Place, call: SystemCall): InodeId {
    const inode = ++this.#inodes;
    this.#entries.get(place.folder)?.set(place.name, inode);
    this.#parents.set(inode, place.folder);
    this.#push({ kind: 'link', at: call.endedAt, folder: place.folder, name: place.name, inode });
    return inode;
  }

  #sync(inode: InodeId, since: number, at: number): void {
    const folders: InodeId[] = [];
    for (let up = this.#parents.get(inode); up !== undefined; up = this.#parents.get(up)) folders.push(up);
    this.#push({ kind: 'sync', at, inode, since: since + this.#base, folders });
  }

  #push(event: DiskEvent): void {
    this.#events.push({ ...event, at: event.at + this.#base });
  }

  #placeOf(name: Uint8Array | undefined): Place | undefined {
    const file = path.normalize(text(name)).replace(/\/$/, '');
    if (file === this.#root) return { file, folder: ROOT, name: '.' };
    if (!file.startsWith(`${this.#root}/`)) return undefined;
    const names = file.slice(this.#root.length + 1).split('/');
    const last = names.pop() ?? '';
    let folder: InodeId | undefined = ROOT;
    for (const one of names) folder = folder === undefined ? undefined : this.#entries.get(folder)?.get(one);
    if (folder === undefined) throw new Error(`${file} lies in a folder that was never made`);
    return { file, folder, name: last };
  }

  #find({ folder, name }: Place): InodeId | undefined {
    return name === '.' ? folder : this.#entries.get(folder)?.get(name);
  }
}

/** A name in a folder; `.` for the recorded folder itself. */
interface Place {
  file: string;
  folder: InodeId;
  name: string;
}

/** The last argument of a `pwrite`, or the one before the flags of a `pwritev2`. */
function offsetOf({ name, args }: SystemCall): number {
  const numbers = args.slice(Math.max(args.lastIndexOf('"'), args.lastIndexOf(']'))).split(', ');
  return Number(name === 'pwritev2' ? numbers.at(-2) : numbers.at(-1));
}
