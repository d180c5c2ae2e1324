/**
 * The ordered segments of a node: one open for writing, the others sealed.
 *
 * Invariants: numbers are contiguous per node name, across crashes and rolls; a number that may have left the node is
 * never given to another document; everything acknowledged is on the disk. Writes come one at a time, from the ingest
 * queue.
 */
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf, messageOf } from '../../shared/app-error.js';
import type { TelemetryDocument, TelemetryType } from '../../shared/documents.js';
import type { Logger } from '../../shared/logger.js';
import type { OpenOptions } from '../../shared/pouchdb.js';
import { formatInstant } from '../../shared/time.js';
import { probeDisk } from './disk-probe.js';
import { Segment } from './segment.js';
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
  database?: OpenOptions;
  /** Rejects while nothing can be written to the disk of a folder. */
  probeDisk?: (folder: string) => Promise<void>;
}

/** A telemetry document but for what the node adds. */
export interface UnnumberedDocument {
  _id: string;
  _rev: string;
  type: TelemetryType;
  /** Everything the sender gave, and the time. */
  fields: Readonly<Record<string, unknown>>;
}

/** What the node adds to each document beside its name and number. */
export interface Stamp {
  boot: number;
  clock?: 'unsure';
}

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #root: string;
  /** Oldest first; the last one is open for writing. */
  #segments: Segment[] = [];
  readonly #listeners = new Set<() => void>();
  /** After a failed write, until the open segment has been reopened and numbers can go on. */
  #unsettled = false;
  #healing: Promise<void> | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#root = path.join(options.folder, 'segments');
  }

  /** Opens what is there and makes sure that there is a segment to write to. */
  async open(): Promise<void> {
    await mkdir(this.#root, { recursive: true });
    const names = (await readdir(this.#root)).filter((name) => /^\d{6,}$/.test(name)).sort();
    for (const name of names) {
      const segment = await Segment.open(path.join(this.#root, name), this.#options.database);
      if (segment) this.#segments.push(segment);
    }
    await this.#continueNumbers();
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

  get lost(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.lost, 0);
  }

  /** Calls back after every write; returns the way to end that. */
  onAppended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Revisions of those of the ids that are stored in any segment. Rejects with `storage_failed` while the store cannot
   * be read.
   */
  async revisions(ids: readonly string[]): Promise<Map<string, string>> {
    await this.heal();
    const found = new Map<string, string>();
    for (const segment of this.#segments) {
      for (const [id, revision] of await segment.revisions(ids)) found.set(id, revision);
    }
    return found;
  }

  /**
   * Numbers documents that are stored nowhere yet, in the order given, which must be by id, and writes them as one
   * synced batch. Rejects with `storage_full` or `storage_failed`; then everything acknowledged before is still there
   * and can be read, and nothing is written any more until the segment has been reopened.
   */
  async append(documents: readonly UnnumberedDocument[], stamp: Stamp): Promise<void> {
    await this.heal();
    try {
      await this.#rollIfDue();
      await this.#open.append(this.#numbered(documents, stamp));
    } catch (error) {
      // LevelDB goes on after a failed write and loses what follows: nothing may be acknowledged before it was
      // reopened.
      this.#unsettled = true;
      throw storageError(error);
    }
    for (const listener of this.#listeners) listener();
  }

  /** False after a failed write, until what failed has been reopened. */
  get writable(): boolean {
    return !this.#unsettled && !this.#segments.some((segment) => segment.writeFailed);
  }

  /**
   * Reopens the segments that a failed write has closed to writing; does nothing when there is none. Rejects with
   * `storage_full` or `storage_failed` while that is not possible; reading goes on meanwhile, and the next call tries
   * again.
   */
  async heal(): Promise<void> {
    if (this.writable) return;
    this.#healing ??= this.#settle().finally(() => {
      this.#healing = undefined;
    });
    try {
      await this.#healing;
    } catch (error) {
      throw storageError(error);
    }
  }

  #numbered(documents: readonly UnnumberedDocument[], stamp: Stamp): TelemetryDocument[] {
    const { node, lastSeq } = this;
    const { village } = this.#options.state;
    // The sender's fields first: V8 clones an object fast, and adds a dozen names one by one slowly.
    return documents.map(({ _id, _rev, type, fields }, index) => {
      const seq = lastSeq + 1 + index;
      return { ...fields, _id, _rev, type, village, node, seq, ...stamp } as TelemetryDocument;
    });
  }

  /** Seals the open segment and opens a new one. An empty segment stays as it is. */
  async roll(): Promise<void> {
    if (this.#open.count === 0) return;
    const { number, lastSeq, node } = this.#open;
    await this.#open.seal(this.#nowText());
    await this.#addSegment(number + 1, node === this.node ? lastSeq + 1 : 1);
  }

  /** The `at` of the oldest document that is not delivered. */
  async oldestPendingAt(): Promise<string | undefined> {
    const segment = this.#segments.find((candidate) => candidate.pending > 0);
    const [entry] = segment ? await segment.entriesAfter(segment.delivery.deliveredSeq, 1) : [];
    return entry?.document.at;
  }

  async close(): Promise<void> {
    const segments = this.#segments;
    this.#segments = [];
    for (const segment of segments) await segment.close();
  }

  get #open(): Segment {
    const segment = this.#segments.at(-1);
    if (!segment) throw new AppError('storage_failed', 'the store is not open');
    return segment;
  }

  /** Decides where numbers go on: behind the last document, or under a new name when that cannot be proven. */
  async #continueNumbers(): Promise<void> {
    const { state, log } = this.#options;
    const last = this.#segments.at(-1);
    if (!last) return this.#addSegment(1, 1);
    const sentSeq = await state.sentMark();
    const sameName = last.node === state.node;
    const proven = sameName && last.lastSeq >= sentSeq && (await last.tailIsProven());
    if (!proven) {
      if (sameName) {
        log.error('the end of the store cannot be proven; new documents are numbered under a new node name', {
          node: state.node,
          lastSeq: last.lastSeq,
          sentSeq,
        });
        await state.rename();
      }
      if (!last.sealed) await last.seal(this.#nowText());
      return this.#addSegment(last.number + 1, 1);
    }
    if (last.sealed) await this.#addSegment(last.number + 1, last.lastSeq + 1);
  }

  async #addSegment(number: number, firstSeq: number): Promise<void> {
    const record = { number, node: this.node, firstSeq, openedAt: this.#nowText() };
    this.#segments.push(await Segment.create(this.#root, record, this.#options.database));
  }

  async #rollIfDue(): Promise<void> {
    const { segmentMaxDocs, clock } = this.#options;
    const full = this.#open.count >= segmentMaxDocs;
    const otherDay = clock.sure && this.#open.openedAt.slice(0, 10) !== this.#nowText().slice(0, 10);
    if (full || otherDay) await this.roll();
  }

  async #settle(): Promise<void> {
    this.#unsettled = true;
    // A closed LevelDB cannot be opened again on a full disk: as long as nothing can be written, it is better read than
    // closed.
    await (this.#options.probeDisk ?? probeDisk)(this.#root);
    const last = this.#segments.at(-1);
    for (const segment of this.#segments.filter((one) => one.writeFailed || one === last)) await this.#reopen(segment);
    await this.#continueNumbers();
    this.#unsettled = false;
  }

  async #reopen(before: Segment): Promise<void> {
    // A database that failed may fail to close as well; what counts is whether it can be opened again.
    await before.close().catch(() => undefined);
    const reopened = await Segment.open(before.folder, this.#options.database);
    const lost = before.count - (reopened?.count ?? 0);
    if (lost > 0) {
      const { state, log } = this.#options;
      log.error('a failed write took acknowledged documents with it', { node: before.node, lost });
      if (before.node === state.node) await state.rename();
    }
    this.#segments = this.#segments.flatMap((one) => (one === before ? (reopened ?? []) : one));
  }

  #nowText(): string {
    return formatInstant(this.#options.clock.now());
  }
}

function storageError(error: unknown): AppError {
  if (error instanceof AppError && error.code === 'storage_full') return error;
  const text = messageOf(error);
  if (codeOf(error) === 'ENOSPC' || /no space left|disk full|quota exceeded/i.test(text)) {
    return new AppError('storage_full', 'the disk is full; nothing was stored', { cause: error, retryAfterS: 60 });
  }
  return new AppError('storage_failed', `the store could not write: ${text}`, { cause: error, retryAfterS: 5 });
}
