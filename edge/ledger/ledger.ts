/**
 * The ordered segments of a node: one open for writing, the others sealed.
 *
 * Here is decided when a segment is sealed and deleted, and that nothing is written after a failed write before what
 * failed has been reopened. Invariants: writing, rolling, reopening, deleting and leaving what is damaged take turns; only
 * what is confirmed is deleted. What is promised of numbers is kept by the chain below (`segment-chain.ts`).
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import { formatInstant } from '../../shared/time.js';
import { probeDisk } from './disk-probe.js';
import type { Stamp, UnnumberedDocument } from './document-encoding.js';
import { countNumbers } from './number-ranges.js';
import { storedRevisions } from './revision-lookup.js';
import type { Segment } from './segment.js';
import { SegmentChain, type SegmentChainOptions } from './segment-chain.js';
import { SegmentRepairs } from './segment-repairs.js';
import { storageError } from './storage-error.js';

export interface LedgerOptions extends SegmentChainOptions {
  /** Milliseconds since 1970, and whether they can be believed. */
  clock: { now(): number; readonly sure: boolean };
  /** Documents after which a segment is sealed. */
  segmentMaxDocs: number;
  /** Bytes the whole store may take: a segment is sealed at a part of it, so that dropping one frees little at a time. */
  capacityBytes: number;
  /** Hears how many bytes were written. */
  onWritten?: (bytes: number) => void;
  /** Rejects while nothing can be written to the disk of a folder. */
  probeDisk?: (folder: string) => Promise<void>;
}

/** Parts of the capacity: of one segment, and of the damaged files that are kept for whoever wants to look at them. */
const SEGMENT_PART = 8;
const DAMAGED_PART = 8;

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #chain: SegmentChain;
  readonly #repairs: SegmentRepairs;
  readonly #listeners = new Set<() => void>();
  /** After a failed write, until the open segment has been reopened and numbers can go on. */
  #unsettled = false;
  #rollRequested = false;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;
  #oldestPending: { segment: Segment; deliveredSeq: number; at: string } | undefined;
  readonly #settling = new Set<Promise<void>>();

  constructor(options: LedgerOptions) {
    const { folder, log, capacityBytes } = options;
    this.#options = options;
    this.#chain = new SegmentChain(options);
    this.#repairs = new SegmentRepairs({
      ...{ folder, log, damagedMaxBytes: capacityBytes / DAMAGED_PART },
      nowText: () => this.#nowText(),
      segments: () => this.segments,
      leaveDamaged: () => this.#inTurn(() => this.#leaveDamaged()),
      join: () => this.#inTurn(() => this.#chain.join()),
    });
  }

  /** Opens what is there and makes sure that there is a segment to write to. Repairs begin, and are not waited for. */
  async open(): Promise<void> {
    await this.#chain.load();
    this.#repairs.runSoon();
  }

  /** Name new numbers are given under. */
  get node(): string {
    return this.#options.state.node;
  }

  /** The highest number given under the present name; 0 before the first. */
  get lastSeq(): number {
    return this.#chain.last.lastSeq;
  }

  /** Oldest first. */
  get segments(): readonly Segment[] {
    return this.#chain.segments;
  }

  /** Documents not delivered and not accounted for otherwise, counted from what is stored. */
  get pending(): number {
    return this.segments.reduce((sum, segment) => sum + segment.pending, 0);
  }

  /** Numbers whose documents were lost before they were delivered, those of dropped segments included. */
  get lost(): number {
    return this.segments.reduce((sum, segment) => sum + segment.lost, this.#options.state.dropped.lost);
  }

  /** Documents the centre has proven to hold, those of dropped segments included. */
  get confirmed(): number {
    const { confirmed } = this.#options.state.dropped;
    return this.segments.reduce((sum, segment) => sum + confirmedOf(segment), confirmed);
  }

  /** Segments that were repaired since the start. */
  get repairs(): number {
    return this.#repairs.count;
  }

  /** How many databases of segments are open now. */
  get openDatabases(): number {
    return this.#chain.openDatabases;
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
    return storedRevisions(this.segments, ids, () => this.#repairs.runSoon()).catch((error: unknown) => {
      throw storageError(error);
    });
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
        const bytes = await this.#chain.write(documents, stamp);
        this.#options.onWritten?.(bytes);
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
    return !this.#unsettled && !this.#chain.isBroken;
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
    this.#repairs.runSoon();
  }

  /**
   * Repairs what is damaged, and resolves when that is done. A repair that fails (the disk is full, say) is logged and
   * begun again by the next call.
   */
  repair(): Promise<void> {
    return this.#repairs.run();
  }

  /** Deletes a sealed, confirmed segment, files and all. Throws when it is neither, or when it is not there. */
  async drop(segment: Pick<Segment, 'number'>): Promise<void> {
    await this.#inTurn(async () => {
      const { state } = this.#options;
      const found = this.segments.find(({ number }) => number === segment.number);
      if (!found?.sealed || found.confirmedAt === undefined || found.pending > 0 || found === this.#chain.last) {
        throw new AppError('conflict', `segment ${segment.number} is not confirmed; only confirmed ones are deleted`);
      }
      // First, so that nothing is forgotten when the process ends in between: counting it twice is put right below.
      const { number, node, lost } = found;
      const seq = Math.max(found.lastSeq, found.record.lastSeq ?? 0);
      const { checkpoints = [] } = found.delivery;
      await state.noteDropped({ end: { number, node, seq }, lost, confirmed: confirmedOf(found), checkpoints });
      await this.#chain.delete(found);
    });
  }

  /** The `at` of the oldest document that is not delivered; read once for each state of its segment's delivery. */
  async oldestPendingAt(): Promise<string | undefined> {
    const segment = this.segments.find((candidate) => candidate.pending > 0 && !candidate.damage);
    if (!segment) return undefined;
    const { deliveredSeq } = segment.delivery;
    const known = this.#oldestPending;
    if (known?.segment === segment && known.deliveredSeq === deliveredSeq) return known.at;
    const [entry] = await segment.entriesAfter(deliveredSeq, 1);
    const at = entry?.document.at;
    if (at !== undefined) this.#oldestPending = { segment, deliveredSeq, at };
    return at;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#repairs.stop();
    await this.#turn.catch(() => undefined);
    // It opens the segment again.
    await Promise.all(this.#settling);
    await this.#chain.close();
  }

  #isRollDue(): boolean {
    const { segmentMaxDocs, capacityBytes, clock } = this.#options;
    const { count, openedAt } = this.#chain.last;
    if (count === 0) return false;
    const isFull = count >= segmentMaxDocs || this.#chain.lastBytes >= capacityBytes / SEGMENT_PART;
    const isOtherDay = clock.sure && openedAt.slice(0, 10) !== this.#nowText().slice(0, 10);
    return this.#rollRequested || isFull || isOtherDay;
  }

  async #roll(): Promise<void> {
    this.#rollRequested = false;
    const sealed = await this.#chain.roll();
    if (sealed) this.#settle(sealed);
  }

  /** Not waited for: what it fails at is done without, or at the next look. */
  #settle(sealed: Segment): void {
    const settling = sealed
      .settle()
      .then(() => sealed.close())
      .catch((error: unknown) => {
        if (!this.#closed) this.#options.log.verbose('a sealed segment was left as it is', { error: messageOf(error) });
      })
      .finally(() => this.#settling.delete(settling));
    this.#settling.add(settling);
  }

  async #leaveDamaged(): Promise<void> {
    if (await this.#chain.leaveDamaged()) this.#repairs.runSoon();
  }

  async #healNow(): Promise<void> {
    if (this.writable) return;
    this.#unsettled = true;
    try {
      // A closed LevelDB cannot be opened again on a full disk: as long as nothing can be written, it is better read
      // than closed.
      await (this.#options.probeDisk ?? probeDisk)(this.#chain.root);
      await this.#chain.reopen();
      await this.#leaveDamaged();
      this.#unsettled = false;
    } catch (error) {
      throw storageError(error);
    }
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
}

/** Of a confirmed segment what is neither lost, quarantined, nor held under another number. */
function confirmedOf({ confirmedAt, count, delivery }: Segment): number {
  if (confirmedAt === undefined) return 0;
  const { void: voided, lost, quarantined } = delivery;
  return count - countNumbers(voided) - countNumbers(lost) - countNumbers(quarantined);
}
