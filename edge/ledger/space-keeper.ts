/**
 * Keeps the store within its space: deletes what the centre has confirmed, and says when there is no room for new data.
 *
 * Invariants: only sealed segments that are confirmed are deleted, whole, the oldest first, one at a time, and the space
 * is measured after each. For age only while the clock is sure, and on a confirmation of the last 48 hours that is not in
 * doubt; for space on any confirmation. New data is refused only while a limit is reached, and nothing can be deleted nor
 * is being deleted.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Service } from '../../shared/service.js';
import { ageIsUp, isConfirmed, isFreshlyConfirmed, type SegmentTimes } from './deletion-rules.js';
import type { ReserveFile } from './reserve-file.js';
import { type SpaceMonitor, STORAGE_RETRY_AFTER_S } from './space-monitor.js';

/** A roll that was asked for and did not come is asked for again. */
const ROLL_AGAIN_MS = 60_000;

/** What must be known of a segment to decide on its deletion. */
export interface DeletableSegment extends SegmentTimes {
  readonly number: number;
  /** Documents in it. */
  readonly count: number;
  readonly folder: string;
}

/** The ledger as the keeper sees it. */
export interface SegmentShelf {
  /** Oldest first; the last is open for writing. */
  readonly segments: readonly DeletableSegment[];
  /** Deletes a sealed, confirmed segment, files and all; throws when it is neither. */
  drop(segment: DeletableSegment): Promise<void>;
  /** Seals the open segment and opens another; does nothing while it is empty. Takes its turn with ingest. */
  requestRoll(): void;
}

export interface SpaceKeeperOptions {
  shelf: SegmentShelf;
  monitor: SpaceMonitor;
  reserve: Pick<ReserveFile, 'keep'>;
  /** RETENTION_DAYS. */
  retentionDays: number;
  clock: { now(): number; readonly sure: boolean };
  log: Logger;
  /** Milliseconds that only ever grow. */
  monotonicMs?: () => number;
}

export interface CleanupRequest {
  /** Deletes every confirmed segment, whatever its age. */
  allConfirmed: boolean;
}

/** What a cleanup did, and why what is left is kept. */
export interface CleanupReport {
  /** Deleted: segments, documents in them, bytes of their files. */
  segments: number;
  documents: number;
  bytes: number;
  /** Bytes the store takes afterwards. */
  usedBytes: number;
  /** Segments kept: not confirmed, or no longer freshly enough to go for age; confirmed and not due; open for writing. */
  kept: { unconfirmed: number; notDue: number; open: number };
  /** Segments that could not be deleted; absent when there are none. */
  failed?: { segment: number; message: string }[];
}

type Reason = 'age' | 'space' | 'asked for';

/** What one application of the rules deleted, and what it could not delete. */
interface Pass {
  segments: number;
  documents: number;
  bytes: number;
  tried: Set<number>;
  failed: Map<number, string>;
}

export class SpaceKeeper implements Service {
  readonly name = 'space keeper';
  readonly #options: SpaceKeeperOptions;
  #stopListening: (() => void) | undefined;
  #stopping = false;
  /** One pass at a time. */
  #work: Promise<unknown> = Promise.resolve();
  #tidying: Promise<void> | undefined;
  /** From before a segment is gone until the space it leaves is measured. */
  #deleting = false;
  /** Segments the last pass could not delete, with the reason. */
  #failed: ReadonlyMap<number, string> = new Map();
  #rollAsked: { segment: number; atMs: number } | undefined;
  #told: string | undefined;
  /** By segment: the confirmation that is in doubt. */
  #doubted: ReadonlyMap<number, string | undefined> = new Map();

  constructor(options: SpaceKeeperOptions) {
    this.#options = options;
  }

  /** From now on the rules are applied after each look of the monitor; the first time in the background. */
  async start(): Promise<void> {
    if (this.#stopListening) return;
    this.#stopping = false;
    this.#stopListening = this.#options.monitor.onLook(() => this.#tidy());
    this.#tidy();
  }

  /** Ends after the deletion under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stopListening?.();
    this.#stopListening = undefined;
    await this.#work.catch(() => undefined);
  }

  /** Why new data is refused now and what helps, in words; `undefined` while it is taken. */
  get refusal(): string | undefined {
    const { shortage } = this.#options.monitor;
    const canDelete = this.#confirmed.some(({ number }) => !this.#failed.has(number));
    if (!shortage || canDelete || this.#deleting) return undefined;
    return `${shortage.reason}, and nothing the centre has confirmed is left to delete: ${shortage.help}`;
  }

  /**
   * Rejects with `storage_full` while a limit is reached and nothing confirmed can be deleted; where something can, a
   * cleanup is begun and the data may come. Figures that are only reckoned refuse nothing: they are measured first.
   */
  async assertSpace(): Promise<void> {
    const { monitor } = this.#options;
    if (!monitor.shortage) return;
    if (monitor.notedBytes > 0) {
      await monitor.look().catch(() => undefined);
      if (!monitor.shortage) return;
    }
    const { refusal } = this;
    if (refusal === undefined) return this.#tidy({ lookFirst: true });
    throw new AppError('storage_full', `${refusal}; nothing was stored`, { retryAfterS: STORAGE_RETRY_AFTER_S });
  }

  /**
   * From now on the centre may be another, or an older state of itself: for age, which is no hurry, nothing is deleted on
   * what it has said so far.
   */
  doubtConfirmations(): void {
    this.#doubted = new Map(this.#confirmed.map(({ number, confirmedAt }) => [number, confirmedAt]));
  }

  /** Segments whose age is up but whose confirmation will not do to delete them on: the centre is to be asked anew. */
  segmentsToConfirmAgain(): readonly DeletableSegment[] {
    const { clock, retentionDays } = this.#options;
    if (!clock.sure) return [];
    const nowMs = clock.now();
    return this.#confirmed.filter((one) => ageIsUp(one, retentionDays, nowMs) && !this.#isFresh(one, nowMs));
  }

  /**
   * Measures and applies the rules now. Rejects with `storage_failed` when the space cannot be measured; what cannot be
   * deleted is in the report.
   */
  cleanup({ allConfirmed }: CleanupRequest): Promise<CleanupReport> {
    return this.#inTurn(async () => {
      await this.#options.monitor.look();
      const { segments, documents, bytes, failed } = await this.#applyRules(allConfirmed);
      const { usedBytes } = this.#options.monitor;
      const list = [...failed].map(([segment, message]) => ({ segment, message }));
      const report = { segments, documents, bytes, usedBytes, kept: this.#kept() };
      return list.length > 0 ? { ...report, failed: list } : report;
    });
  }

  /** Sealed and confirmed, oldest first; never the last, which is open for writing whatever it says. */
  get #confirmed(): readonly DeletableSegment[] {
    return this.#options.shelf.segments.slice(0, -1).filter(isConfirmed);
  }

  /** Applies the rules in the background; does nothing while that is under way. */
  #tidy({ lookFirst = false } = {}): void {
    if (this.#stopping) return;
    const { monitor, log } = this.#options;
    this.#tidying ??= this.#inTurn(async () => {
      if (lookFirst) await monitor.look();
      await this.#applyRules(false);
    })
      .catch((error: unknown) => log.warn('space cannot be made now', { error: messageOf(error) }))
      .then(() => {
        this.#tidying = undefined;
      });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#work.then(work, work);
    this.#work = turn;
    return turn;
  }

  async #applyRules(allConfirmed: boolean): Promise<Pass> {
    const { monitor, reserve } = this.#options;
    const { freeBytes, usedBytes } = monitor;
    if (await reserve.keep({ freeBytes, usedBytes })) await monitor.look();
    const pass: Pass = { segments: 0, documents: 0, bytes: 0, tried: new Set(), failed: new Map() };
    await this.#dropEach(pass, 'age', () => this.#confirmed.filter((one) => this.#isDue(one)));
    if (monitor.shortage) {
      await this.#dropEach(pass, 'space', () => (monitor.hasRoomAgain ? [] : this.#confirmed));
    }
    if (allConfirmed) await this.#dropEach(pass, 'asked for', () => this.#confirmed);
    this.#failed = pass.failed;
    this.#askForRoll();
    this.#tell();
    return pass;
  }

  #isDue(segment: DeletableSegment): boolean {
    const { clock, retentionDays } = this.#options;
    const nowMs = clock.now();
    return clock.sure && ageIsUp(segment, retentionDays, nowMs) && this.#isFresh(segment, nowMs);
  }

  #isFresh(segment: DeletableSegment, nowMs: number): boolean {
    const isDoubted = this.#doubted.has(segment.number) && this.#doubted.get(segment.number) === segment.confirmedAt;
    return isFreshlyConfirmed(segment, nowMs) && !isDoubted;
  }

  /** Deletes the first of what `choices` names until it names none; one that cannot be deleted is passed by. */
  async #dropEach(pass: Pass, reason: Reason, choices: () => readonly DeletableSegment[]): Promise<void> {
    const next = () => (this.#stopping ? undefined : choices().find(({ number }) => !pass.tried.has(number)));
    for (let segment = next(); segment; segment = next()) {
      this.#deleting = true;
      await this.#drop(pass, reason, segment).finally(() => {
        this.#deleting = false;
      });
    }
  }

  async #drop(pass: Pass, reason: Reason, segment: DeletableSegment): Promise<void> {
    const { shelf, monitor, log } = this.#options;
    const { number, count: documents, folder } = segment;
    let bytes: number;
    pass.tried.add(number);
    try {
      bytes = await monitor.bytesOf(folder);
      await shelf.drop(segment);
    } catch (error) {
      const message = messageOf(error);
      // It is tried again every few seconds: once is enough, unless something else goes wrong with it.
      if (this.#failed.get(number) !== message) {
        log.warn('a confirmed segment could not be deleted', { segment: number, reason, error: message });
      }
      pass.failed.set(number, message);
      return;
    }
    pass.segments++;
    pass.documents += documents;
    pass.bytes += bytes;
    log.info('a confirmed segment was deleted', { segment: number, documents, bytes, reason });
    await monitor.look();
  }

  /** Full, with nothing to delete: what lies in the open segment can only go once that is sealed and confirmed. */
  #askForRoll(): void {
    const { shelf, monitor, monotonicMs = () => performance.now() } = this.#options;
    const open = shelf.segments.at(-1);
    if (!monitor.shortage) this.#rollAsked = undefined;
    if (this.refusal === undefined || !open || open.count === 0) return;
    const asked = this.#rollAsked;
    if (asked?.segment === open.number && monotonicMs() - asked.atMs < ROLL_AGAIN_MS) return;
    this.#rollAsked = { segment: open.number, atMs: monotonicMs() };
    shelf.requestRoll();
  }

  #tell(): void {
    const { log } = this.#options;
    const { refusal } = this;
    if (refusal !== undefined && this.#told === undefined) log.warn(`new data is refused: ${refusal}`);
    if (refusal === undefined && this.#told !== undefined) log.info('there is room again; new data is taken');
    this.#told = refusal;
  }

  #kept(): CleanupReport['kept'] {
    const { segments } = this.#options.shelf;
    const open = Math.min(1, segments.length);
    const toConfirm = new Set(this.segmentsToConfirmAgain());
    const failed = this.#confirmed.filter(({ number }) => this.#failed.has(number));
    const confirmed = this.#confirmed.filter((one) => !this.#failed.has(one.number));
    const notDue = confirmed.filter((one) => !toConfirm.has(one)).length;
    return { open, notDue, unconfirmed: segments.length - open - notDue - failed.length };
  }
}
