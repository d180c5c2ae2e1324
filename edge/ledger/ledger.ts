/**
 * The ordered segments of a node: one open for writing, the others sealed.
 *
 * Invariants: numbers are contiguous per node name, across crashes and rolls; a number acknowledged is never given to
 * another document; what is acknowledged is on the disk, or counted as lost by its number. Writing, rolling, reopening
 * and the last step of a repair take turns.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { AppError, messageOf } from '../../shared/app-error.js';
import { parseTelemetryId } from '../../shared/documents.js';
import { syncFolder } from '../../shared/durable-file.js';
import type { Logger } from '../../shared/logger.js';
import type { OpenOptions } from '../../shared/pouchdb.js';
import { ReaderGone } from '../../shared/range-reader.js';
import { formatInstant } from '../../shared/time.js';
import { AcknowledgedMark } from './acknowledged-mark.js';
import { DamagedError } from './damaged-error.js';
import { probeDisk } from './disk-probe.js';
import { encodeDocuments, type Stamp, type UnnumberedDocument } from './document-encoding.js';
import { FolderEntries } from './folder-entries.js';
import { closeOff, doubtAbout, joinSegments } from './number-continuity.js';
import { countNumbers } from './number-ranges.js';
import { OpenDatabases } from './open-databases.js';
import { Segment, segmentFolder } from './segment.js';
import { dropFolder } from './segment-folders.js';
import { loadSegments } from './segment-loading.js';
import { repairSegment } from './segment-repair.js';
import { storageError } from './storage-error.js';
import type { StoreState } from './store-state.js';

export interface LedgerOptions {
  /** LOCAL_CACHE_PATH. */
  folder: string;
  state: StoreState;
  log: Logger;
  /** Milliseconds since 1970, and whether they can be believed. */
  clock: { now(): number; readonly sure: boolean };
  /** Documents after which a segment is sealed. */
  segmentMaxDocs: number;
  /** Bytes the whole store may take: a segment is sealed at a part of it, so that dropping one frees little at a time. */
  capacityBytes: number;
  /** Hears how many bytes were written. */
  onWritten?: (bytes: number) => void;
  database?: OpenOptions;
  /** Makes a little room on a full disk. */
  makeRoom?: () => Promise<void>;
  /** Rejects while nothing can be written to the disk of a folder. */
  probeDisk?: (folder: string) => Promise<void>;
}

/** Parts of the capacity: of one segment, and of the damaged files that are kept for whoever wants to look at them. */
const SEGMENT_PART = 8;
const DAMAGED_PART = 8;

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #root: string;
  readonly #databases: OpenDatabases;
  readonly #entries = new FolderEntries();
  #mark: AcknowledgedMark | undefined;
  /** Oldest first; the last one is open for writing. */
  #segments: Segment[] = [];
  readonly #listeners = new Set<() => void>();
  /** After a failed write, until the open segment has been reopened and numbers can go on. */
  #unsettled = false;
  #rollRequested = false;
  #openBytes = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #repairing: Promise<void> | undefined;
  #closed = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#root = path.join(options.folder, 'segments');
    this.#databases = new OpenDatabases({ database: options.database, makeRoom: options.makeRoom });
  }

  /** Opens what is there and makes sure that there is a segment to write to. Repairs begin, and are not waited for. */
  async open(): Promise<void> {
    const { folder, state } = this.#options;
    await mkdir(this.#root, { recursive: true });
    this.#mark = await AcknowledgedMark.open(folder);
    const store = { node: state.node, acknowledged: this.#mark.value, nowText: this.#nowText() };
    this.#segments = await loadSegments(this.#databases, this.#root, store);
    await joinSegments(this.#segments, store.nowText);
    await this.#continueNumbers();
    this.#repairSoon();
  }

  /** Name new numbers are given under. */
  get node(): string {
    return this.#options.state.node;
  }

  /** The highest number given under the present name; 0 before the first. */
  get lastSeq(): number {
    return this.#open.lastSeq;
  }

  /** Oldest first. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Documents not delivered and not accounted for otherwise, counted from what is stored. */
  get pending(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.pending, 0);
  }

  /** Numbers whose documents were lost before they were delivered, those of dropped segments included. */
  get lost(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.lost, this.#options.state.dropped.lost);
  }

  /** How many databases of segments are open now. */
  get openDatabases(): number {
    return this.#databases.count;
  }

  /** Calls back after every write; returns the way to end that. */
  onAppended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Revisions of those of the ids that are stored in any segment that can be read: while one is repaired, what it holds
   * is taken for new. Rejects with `storage_failed` while the store cannot be read for another reason.
   */
  async revisions(ids: readonly string[]): Promise<Map<string, string>> {
    await this.heal();
    const found = new Map<string, string>();
    const places = ids.flatMap((id) => {
      const parsed = parseTelemetryId(id);
      // An event's id is made of the node, the boot and a counter: it never comes again.
      return parsed ? [{ id, type: parsed.type, time: parsed.time }] : [];
    });
    for (const segment of [...this.#segments]) {
      if (segment.damage) continue;
      const possible = places.filter(({ type, time }) => segment.mayHold(type, time)).map(({ id }) => id);
      if (possible.length === 0) continue;
      try {
        for (const [id, revision] of await segment.revisions(possible)) found.set(id, revision);
      } catch (error) {
        if (error instanceof ReaderGone) continue;
        if (!(error instanceof DamagedError)) throw storageError(error);
        this.#repairSoon();
      }
    }
    return found;
  }

  /**
   * Numbers documents that are stored nowhere yet, in the order given, which must be by id, and writes them as one
   * synced batch. Rejects with `storage_full` or `storage_failed`; then everything acknowledged before is still there
   * and can be read, and nothing is written any more until the segment has been reopened.
   */
  async append(documents: readonly UnnumberedDocument[], stamp: Stamp): Promise<void> {
    await this.#inTurn(async () => {
      await this.#healNow();
      try {
        await this.#leaveDamaged();
        if (this.#isRollDue()) await this.#roll();
        await this.#write(documents, stamp);
      } catch (error) {
        // LevelDB goes on after a failed write and loses what follows: nothing may be acknowledged before it was
        // reopened.
        this.#unsettled = true;
        throw storageError(error);
      }
    });
    for (const listener of this.#listeners) listener();
  }

  /** False after a failed write, until what failed has been reopened. */
  get writable(): boolean {
    return !this.#unsettled && this.#databases.broken.length === 0;
  }

  /**
   * Reopens the segments that a failed write has closed to writing; does nothing when there is none. Rejects with
   * `storage_full` or `storage_failed` while that is not possible; reading goes on meanwhile, and the next call tries
   * again.
   */
  async heal(): Promise<void> {
    if (!this.writable) await this.#inTurn(() => this.#healNow());
  }

  /** Seals the open segment with the next document, or soon; an empty one stays as it is. */
  requestRoll(): void {
    this.#rollRequested = true;
  }

  /** Seals the open segment now and opens another. An empty one stays as it is. */
  roll(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#healNow();
      await this.#roll();
    });
  }

  /** What is due without anybody asking: reopening, rolling by day or on request, repairing. */
  async keepUp(): Promise<void> {
    await this.heal();
    if (this.#isRollDue()) await this.roll();
    this.#repairSoon();
  }

  /**
   * Repairs what is damaged, and resolves when that is done. A repair that fails (the disk is full, say) is logged and
   * begun again by the next call.
   */
  repair(): Promise<void> {
    this.#repairing ??= this.#repairAll().finally(() => {
      this.#repairing = undefined;
    });
    return this.#repairing;
  }

  /** Deletes a sealed, confirmed segment, files and all. Throws when it is neither, or when it is not there. */
  async drop(segment: Pick<Segment, 'number'>): Promise<void> {
    await this.#inTurn(async () => {
      const { state } = this.#options;
      const found = this.#segments.find(({ number }) => number === segment.number);
      if (!found?.sealed || found.confirmedAt === undefined || found.pending > 0 || found === this.#open) {
        throw new AppError('conflict', `segment ${segment.number} is not confirmed; only confirmed ones are deleted`);
      }
      // First, so that nothing is forgotten when the process ends in between: counting it twice is put right below.
      await state.noteDropped(found.number, found.lost, found.delivery.checkpoints ?? []);
      this.#segments = this.#segments.filter((one) => one !== found);
      await found.leaveBehind();
      await dropFolder(found.folder);
    });
  }

  /** The `at` of the oldest document that is not delivered. */
  async oldestPendingAt(): Promise<string | undefined> {
    const segment = this.#segments.find((candidate) => candidate.pending > 0 && !candidate.damage);
    const [entry] = segment ? await segment.entriesAfter(segment.delivery.deliveredSeq, 1) : [];
    return entry?.document.at;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#repairing?.catch(() => undefined);
    await this.#turn.catch(() => undefined);
    this.#segments = [];
    await this.#databases.closeAll();
    await this.#mark?.close();
    this.#mark = undefined;
  }

  get #open(): Segment {
    const segment = this.#segments.at(-1);
    if (!segment) throw new AppError('storage_failed', 'the store is not open');
    return segment;
  }

  async #write(documents: readonly UnnumberedDocument[], stamp: Stamp): Promise<void> {
    const open = this.#open;
    const { node } = this;
    const firstSeq = open.lastSeq + 1;
    const encoded = encodeDocuments(documents, { village: this.#options.state.village, node, firstSeq }, stamp);
    await open.write(encoded);
    await this.#entries.sync(open.folder);
    // Kept apart from the documents, before anyone is told: a tail that goes missing is then known by its numbers.
    await this.#mark?.write(node, firstSeq + documents.length - 1);
    open.acknowledge(documents.length);
    const bytes = encoded.reduce((sum, { json }) => sum + json.length, 0);
    this.#openBytes += bytes;
    this.#options.onWritten?.(bytes);
  }

  #isRollDue(): boolean {
    const { segmentMaxDocs, capacityBytes, clock } = this.#options;
    const { count, openedAt } = this.#open;
    if (count === 0) return false;
    const isFull = count >= segmentMaxDocs || this.#openBytes >= capacityBytes / SEGMENT_PART;
    const isOtherDay = clock.sure && openedAt.slice(0, 10) !== this.#nowText().slice(0, 10);
    return this.#rollRequested || isFull || isOtherDay;
  }

  async #roll(): Promise<void> {
    this.#rollRequested = false;
    const sealed = this.#open;
    if (sealed.count === 0) return;
    const { number, lastSeq, node } = sealed;
    if (!sealed.sealed) await sealed.seal(this.#nowText(), lastSeq);
    await this.#addSegment(number + 1, node === this.node ? lastSeq + 1 : 1);
    this.#settle(sealed);
  }

  /** Not waited for: what it fails at is done without, or at the next look. */
  #settle(sealed: Segment): void {
    sealed
      .settle()
      .then(() => sealed.close())
      .catch((error: unknown) => {
        if (!this.#closed) this.#options.log.verbose('a sealed segment was left as it is', { error: messageOf(error) });
      });
  }

  /** Decides where numbers go on: behind the last document, or under a new name when that cannot be proven. */
  async #continueNumbers(): Promise<void> {
    const { state, log } = this.#options;
    const last = this.#segments.at(-1);
    const acknowledged = this.#mark?.value;
    if (!last) {
      // Numbers were acknowledged under this name, and the documents are not here.
      if (acknowledged?.node === state.node && acknowledged.seq > 0) await state.rename();
      return this.#addSegment(1, 1);
    }
    const doubt = await doubtAbout(last, state.node, acknowledged);
    if (doubt === 'none' && !last.sealed) {
      // Stored, and the power went before anyone was told: they are taken.
      if (acknowledged?.seq !== last.lastSeq) await this.#mark?.write(last.node, last.lastSeq);
      return;
    }
    if (doubt === 'none') return this.#addSegment(last.number + 1, last.lastSeq + 1);
    if (doubt !== 'other name') {
      log.error(`${doubt}; new documents are numbered under a new node name`, {
        node: state.node,
        lastSeq: last.lastSeq,
        acknowledged: acknowledged?.seq,
      });
      await state.rename();
    }
    await closeOff(last, acknowledged, this.#nowText());
    await this.#addSegment(last.number + 1, 1);
  }

  /** A damaged segment takes no more: numbers go on in a new one, behind what is acknowledged. */
  async #leaveDamaged(): Promise<void> {
    const left = this.#open;
    if (!left.damage) return;
    left.leave(this.#nowText(), left.lastSeq);
    await this.#addSegment(left.number + 1, left.lastSeq + 1);
    this.#repairSoon();
  }

  async #healNow(): Promise<void> {
    if (this.writable) return;
    this.#unsettled = true;
    try {
      // A closed LevelDB cannot be opened again on a full disk: as long as nothing can be written, it is better read
      // than closed.
      await (this.#options.probeDisk ?? probeDisk)(this.#root);
      const open = this.#open;
      const doubtful = new Set([...this.#databases.broken, open.folder]);
      for (const segment of this.#segments.filter(({ folder }) => doubtful.has(folder))) {
        await segment.close();
        await segment.reload();
      }
      if (open.damage) await this.#leaveDamaged();
      else await this.#continueNumbers();
      this.#unsettled = false;
    } catch (error) {
      throw storageError(error);
    }
  }

  #repairSoon(): void {
    if (this.#closed || !this.#segments.some(({ damage }) => damage)) return;
    this.repair().catch((error: unknown) => {
      this.#options.log.error('a damaged segment could not be repaired yet', { error: messageOf(error) });
    });
  }

  async #repairAll(): Promise<void> {
    const { log, folder, capacityBytes } = this.#options;
    for (const segment of this.#segments.filter(({ damage }) => damage)) {
      if (this.#closed) return;
      await this.#inTurn(() => this.#leaveDamaged());
      // Reopened meanwhile and found sound; and what is written to is never exchanged.
      if (!segment.damage || segment === this.#open) continue;
      log.warn(messageOf(segment.damage), { segment: segment.number });
      await segment.close();
      const { kept, lost } = await repairSegment({
        folder: segment.folder,
        damagedRoot: path.join(folder, 'damaged'),
        damagedMaxBytes: capacityBytes / DAMAGED_PART,
        expected: segment.record,
        nowText: this.#nowText(),
      });
      await segment.reload();
      log.warn('a damaged segment is repaired', { segment: segment.number, kept, lost: countNumbers(lost) });
      await segment.settle();
    }
    // Where two in a row were damaged, only now it is known how far the numbers of the first one reached.
    await this.#inTurn(() => joinSegments(this.#segments, this.#nowText()));
  }

  /** One after the other; the failure of one is not the next one's. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #nowText(): string {
    return formatInstant(this.#options.clock.now());
  }

  async #addSegment(number: number, firstSeq: number): Promise<void> {
    const record = { number, node: this.node, firstSeq, openedAt: this.#nowText() };
    this.#databases.writeTo(segmentFolder(this.#root, number));
    const segment = await Segment.create(this.#databases, this.#root, record);
    await this.#entries.sync(segment.folder);
    await syncFolder(this.#root);
    await this.#mark?.write(this.node, firstSeq - 1);
    this.#segments.push(segment);
    this.#openBytes = 0;
  }
}
