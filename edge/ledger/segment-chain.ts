/**
 * The segments one after the other, and the numbers that run through them: what is written takes the next numbers, in
 * the last segment; a new segment goes on where the last one ends, or at 1 under a new name where that end cannot be
 * proven.
 *
 * Invariants: numbers are contiguous per node name, across crashes and rolls; a number acknowledged is never given to
 * another document; what is acknowledged is on the disk, or counted as lost by its number. Nothing here takes turns: one
 * call that changes the chain at a time is the caller's part.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../shared/app-error.js';
import { syncFolder } from '../../shared/durable-file.js';
import type { Logger } from '../../shared/logger.js';
import type { OpenOptions } from '../../shared/pouchdb.js';
import { formatInstant } from '../../shared/time.js';
import { AcknowledgedMark } from './acknowledged-mark.js';
import { encodeDocuments, type Stamp, type UnnumberedDocument } from './document-encoding.js';
import { FolderEntries } from './folder-entries.js';
import { closeOff, doubtAbout, joinSegments } from './number-continuity.js';
import { OpenDatabases } from './open-databases.js';
import { Segment } from './segment.js';
import { dropFolder, segmentFolder } from './segment-folders.js';
import { loadSegments } from './segment-loading.js';
import type { StoreState } from './store-state.js';

export interface SegmentChainOptions {
  /** LOCAL_CACHE_PATH. */
  folder: string;
  state: StoreState;
  log: Logger;
  /** Milliseconds since 1970. */
  clock: { now(): number };
  database?: OpenOptions;
  /** Makes a little room on a full disk. */
  makeRoom?: () => Promise<void>;
}

export class SegmentChain {
  readonly #options: SegmentChainOptions;
  /** Where the segments' folders are. */
  readonly root: string;
  readonly #databases: OpenDatabases;
  readonly #entries = new FolderEntries();
  #mark: AcknowledgedMark | undefined;
  #segments: Segment[] = [];
  #lastBytes = 0;

  constructor(options: SegmentChainOptions) {
    this.#options = options;
    this.root = path.join(options.folder, 'segments');
    this.#databases = new OpenDatabases({ database: options.database, makeRoom: options.makeRoom });
  }

  /** Finds what is there and makes sure that there is a segment to write to. */
  async load(): Promise<void> {
    const { folder, state } = this.#options;
    await mkdir(this.root, { recursive: true });
    this.#mark = await AcknowledgedMark.open(folder);
    const { node, dropped } = state;
    const store = { node, acknowledged: this.#mark.atLeast, ends: dropped.ends, nowText: this.#nowText() };
    this.#segments = await loadSegments(this.#databases, this.root, store);
    await this.join();
    await this.#askDocuments();
    await this.#continueNumbers();
  }

  /** The state, too, can have lost its end without a sign: the documents tell of boots it does not remember. */
  async #askDocuments(): Promise<void> {
    const { state, log } = this.#options;
    const last = this.#segments.findLast((segment) => segment.count > 0 && !segment.damage);
    // What is damaged is found again below.
    const [newest] = (await last?.entriesAfter(last.count - 1, 1).catch(() => [])) ?? [];
    if (!newest || newest.document.boot < state.boot) return;
    log.error('the store remembers less than was stored; new documents are numbered under a new node name', {
      boot: state.boot,
      stored: newest.document.boot,
    });
    await state.distrust(newest.document.boot);
  }

  /** Oldest first; the last one is open for writing. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** The one open for writing. Throws where nothing is loaded. */
  get last(): Segment {
    const segment = this.#segments.at(-1);
    if (!segment) throw new AppError('storage_failed', 'the store is not open');
    return segment;
  }

  /** Bytes of documents written to the last segment since it was made or loaded. */
  get lastBytes(): number {
    return this.#lastBytes;
  }

  /** How many databases of segments are open now. */
  get openDatabases(): number {
    return this.#databases.count;
  }

  /** True while a failed write makes what a database goes on to write doubtful. */
  get isBroken(): boolean {
    return this.#databases.broken.length > 0;
  }

  /**
   * Numbers documents in the order given, which must be by id, and writes them as one synced batch. Answers how many
   * bytes they are. When it rejects, `reopen` must come before the next write.
   */
  async write(documents: readonly UnnumberedDocument[], stamp: Stamp): Promise<number> {
    const { state } = this.#options;
    const { last } = this;
    const { node } = state;
    const firstSeq = last.lastSeq + 1;
    const encoded = encodeDocuments(documents, { village: state.village, node, firstSeq }, stamp);
    await last.write(encoded);
    // The mark is kept apart from the documents, before anyone is told: a tail that goes missing is then known by its
    // numbers.
    const lastSeq = firstSeq + documents.length - 1;
    await Promise.all([this.#entries.sync(last.folder), this.#mark?.write(node, lastSeq)]);
    last.acknowledge(documents.length);
    const bytes = encoded.reduce((sum, { json }) => sum + json.length, 0);
    this.#lastBytes += bytes;
    return bytes;
  }

  /** Seals the last segment and begins another. Answers the sealed one; an empty one stays as it is. */
  async roll(): Promise<Segment | undefined> {
    const sealed = this.last;
    if (sealed.count === 0) return undefined;
    const { number, lastSeq, node } = sealed;
    if (!sealed.sealed) await sealed.seal(this.#nowText(), lastSeq);
    await this.#add(number + 1, node === this.#options.state.node ? lastSeq + 1 : 1);
    return sealed;
  }

  /** A damaged segment takes no more: numbers go on in a new one, behind what is acknowledged. True when that was so. */
  async leaveDamaged(): Promise<boolean> {
    const left = this.last;
    if (!left.damage) return false;
    left.leave(this.#nowText(), left.lastSeq);
    await this.#add(left.number + 1, left.lastSeq + 1);
    return true;
  }

  /**
   * Closes and opens again what a failed write may have made doubtful, and looks what is stored. Where the last segment
   * is found damaged, `leaveDamaged` must follow.
   */
  async reopen(): Promise<void> {
    const { last } = this;
    const doubtful = new Set([...this.#databases.broken, last.folder]);
    for (const segment of this.#segments.filter(({ folder }) => doubtful.has(folder))) {
      await segment.close();
      await segment.reload();
    }
    if (!last.damage) await this.#continueNumbers();
  }

  /** Holds each segment against the next, and counts what is missing in between. */
  join(): Promise<void> {
    return joinSegments(this.#segments, this.#nowText(), this.#options.state.dropped.ends);
  }

  /** Takes a segment out and deletes its files. */
  async delete(segment: Segment): Promise<void> {
    this.#segments = this.#segments.filter((one) => one !== segment);
    await segment.leaveBehind();
    await dropFolder(segment.folder);
  }

  async close(): Promise<void> {
    this.#segments = [];
    await this.#databases.closeAll();
    await this.#mark?.close();
    this.#mark = undefined;
  }

  /** Decides where numbers go on: behind the last document, or under a new name when that cannot be proven. */
  async #continueNumbers(): Promise<void> {
    const { state, log } = this.#options;
    const last = this.#segments.at(-1);
    const acknowledged = this.#mark?.value;
    if (!last) {
      // Numbers were acknowledged under this name, and the documents are not here.
      if (acknowledged?.node === state.node && acknowledged.seq > 0) await state.rename();
      return this.#add(1, 1);
    }
    const doubt = await doubtAbout(last, state.node, acknowledged);
    if (doubt === 'none' && !last.sealed) {
      // Stored, and the power went before anyone was told: they are taken.
      if (acknowledged?.seq !== last.lastSeq) await this.#mark?.write(last.node, last.lastSeq);
      return;
    }
    if (doubt === 'none') return this.#add(last.number + 1, last.lastSeq + 1);
    if (doubt === 'other name' && this.#isUsed(state.node)) {
      log.error('the name the store remembers was given up before; it takes a new one', { node: state.node });
      await state.rename();
    } else if (doubt !== 'other name') {
      log.error(`${doubt}; new documents are numbered under a new node name`, {
        node: state.node,
        lastSeq: last.lastSeq,
        acknowledged: this.#mark?.atLeast?.seq,
      });
      await state.rename();
    }
    await closeOff(last, this.#mark?.atLeast, this.#nowText());
    await this.#add(last.number + 1, 1);
  }

  /** True where numbers were given under a name. */
  #isUsed(node: string): boolean {
    const names = [...this.#segments, ...this.#options.state.dropped.ends].map((one) => one.node);
    return names.includes(node) || this.#mark?.value?.node === node;
  }

  async #add(number: number, firstSeq: number): Promise<void> {
    const { node } = this.#options.state;
    const record = { number, node, firstSeq, openedAt: this.#nowText() };
    this.#databases.writeTo(segmentFolder(this.root, number));
    const segment = await Segment.create(this.#databases, this.root, record);
    await this.#entries.sync(segment.folder);
    await syncFolder(this.root);
    await this.#mark?.write(node, firstSeq - 1);
    this.#segments.push(segment);
    this.#lastBytes = 0;
  }

  #nowText(): string {
    return formatInstant(this.#options.clock.now());
  }
}
