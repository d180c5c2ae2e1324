/**
 * Holds what is stored against the registry's thresholds: events and alerts for readings beyond one.
 *
 * It sees documents after they are on the disk and before they are acknowledged, for the time of a few comparisons, and
 * no failure of its own reaches the request. What it knows is written down now and then together with the number it has
 * come to; at the start it looks again at what was stored behind that, so that a crash neither loses an event nor tells
 * one twice. Thresholds are read anew whenever the registry changes.
 */
import { messageOf } from '../../../shared/app-error.js';
import type { Logger } from '../../../shared/logger.js';
import type { RegistryView } from '../../../shared/registry/registry-view.js';
import type { Service } from '../../../shared/service.js';
import type { Alert } from '../alerts/alert.js';
import { type StoredNumbers, storedBetween } from './stored-between.js';
import { thresholdAlerts } from './threshold-alerts.js';
import { ThresholdBook } from './threshold-book.js';
import type { Place, StoredDocument, ThresholdRecord } from './threshold-records.js';
import { rulesOf } from './threshold-rules.js';

/** What is kept across restarts; nothing while there are no thresholds. */
export interface KeptThresholds {
  place?: Place;
  book?: ThresholdRecord;
}

export interface ThresholdWatchOptions {
  registry: { list(type: string): Promise<RegistryView[]> };
  /** Calls back with the ids of documents that changed, wherever the change came from; returns how to end it. */
  onRegistryChanged: (listener: (change: { ids: readonly string[] }) => void) => () => void;
  ledger: StoredNumbers;
  ingest: { submitEvent(event: string, fields: Record<string, unknown>): Promise<void> };
  state: { readonly thresholds: KeptThresholds; writeThresholds(kept: KeptThresholds): Promise<void> };
  clock: { now(): number; monotonic(): number; readonly sure: boolean };
  log: Logger;
  /** How often what could not be done is tried again. */
  lookEveryMs?: number;
}

const LOOK_EVERY_MS = 5_000;
const MINUTE_MS = 60_000;
const KEPT_EVERY_MS = 3_600_000;
const KEPT_EVERY_DOCUMENTS = 10_000;
const KEPT_AT_MOST_EVERY_MS = 10_000;
const TOLD_AT_ONCE = 100;
/** Rounds of catching up with what is stored meanwhile. */
const MAX_ROUNDS = 10;

export class ThresholdWatch implements Service {
  readonly name = 'thresholds';
  readonly #options: ThresholdWatchOptions;
  readonly #book: ThresholdBook;
  #place: Place | undefined;
  #isFollowing = false;
  /** The registry has to be read. */
  #isStale = true;
  /** Documents looked at, and news, since it was written down. */
  #unkept = 0;
  #hasNews = false;
  #keptMs: number;
  #silenceLookedMs: number;
  #isOverflowTold = false;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;
  #turn: Promise<void> = Promise.resolve();
  #telling: Promise<void> | undefined;
  #isStopped = true;

  constructor(options: ThresholdWatchOptions) {
    this.#options = options;
    const { place, book } = options.state.thresholds;
    this.#book = bookOf(book, options.log);
    this.#place = place;
    this.#keptMs = options.clock.monotonic();
    this.#silenceLookedMs = this.#keptMs;
  }

  /** Does not wait for what was stored meanwhile to be looked at; `stop` does, and has told what there was to tell. */
  async start(): Promise<void> {
    this.#isStopped = false;
    this.#unsubscribe = this.#options.onRegistryChanged(({ ids }) => {
      if (ids.some((id) => id.startsWith('threshold:'))) this.#readAgain();
    });
    this.#timer = setInterval(() => this.#look(), this.#options.lookEveryMs ?? LOOK_EVERY_MS);
    this.#readAgain();
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    clearInterval(this.#timer);
    this.#unsubscribe?.();
    await this.#turn;
    this.#tell();
    await this.#telling;
    this.#isStopped = true;
    if (this.#isFollowing && (this.#unkept > 0 || this.#hasNews)) await this.#keepIfPossible();
    this.#isFollowing = false;
  }

  /** Documents that were just written, all by a clock that was sure or all by one that was not. Never throws. */
  stored(documents: readonly StoredDocument[], isUnsure: boolean): void {
    if (!this.#isFollowing) return;
    if (this.#isIdle) {
      this.#place = undefined;
      return;
    }
    const { node, lastSeq: seq } = this.#options.ledger;
    // Seen already, while catching up.
    if (this.#place?.node === node && seq <= this.#place.seq) return;
    try {
      this.#take(documents, isUnsure);
      this.#place = { node, seq };
      if (this.#book.untold.length > 0) this.#tell();
    } catch (error) {
      this.#options.log.error('readings could not be held against the thresholds', { error: messageOf(error) });
    }
  }

  /** The series that are beyond a threshold now, and the thresholds that cannot be applied. */
  alerts(): Alert[] {
    return thresholdAlerts(this.#book.openSeries(), this.#book.ignored);
  }

  /** There are no thresholds, and nothing is left to tell of those there were. */
  get #isIdle(): boolean {
    return this.#book.isEmpty && this.#book.untold.length === 0;
  }

  #take(documents: readonly StoredDocument[], isUnsure: boolean): void {
    const book = this.#book;
    const before = book.untold.length;
    book.take(documents, { isUnsure, nowMs: this.#options.clock.now() });
    this.#unkept += documents.length;
    if (book.untold.length !== before) this.#hasNews = true;
    if (book.unfollowed > 0 && !this.#isOverflowTold) {
      this.#isOverflowTold = true;
      this.#options.log.warn('more series are beyond their thresholds than can be followed; the others raise no alert');
    }
  }

  /** What is stored from now on is held against the thresholds as they are now, once they have been read. */
  #readAgain(): void {
    const { node, lastSeq: seq } = this.#options.ledger;
    this.#isStale = true;
    this.#isFollowing = false;
    this.#place ??= { node, seq };
    this.#readThresholds();
  }

  #readThresholds(): void {
    const { log } = this.#options;
    this.#turn = this.#turn
      .then(() => this.#applyThresholds())
      .catch((error: unknown) => {
        log.warn('the thresholds could not be read yet', { error: messageOf(error) });
      });
  }

  async #applyThresholds(): Promise<void> {
    if (!this.#isStale || this.#isStopped) return;
    const { registry, clock, log, ledger } = this.#options;
    this.#isStale = false;
    try {
      const thresholds = rulesOf(await registry.list('threshold'));
      for (const { id, reason } of thresholds.ignored) log.warn(`the threshold ${id} is not applied: ${reason}`);
      const wasEmpty = this.#book.isEmpty;
      const before = this.#book.untold.length;
      this.#book.apply(thresholds, clock.now());
      if (this.#book.isEmpty) this.#place = { node: ledger.node, seq: ledger.lastSeq };
      await this.#catchUp();
      const isOther = wasEmpty !== this.#book.isEmpty || this.#book.untold.length !== before;
      if (isOther) await this.#keepIfPossible();
    } catch (error) {
      this.#isStale = true;
      throw error;
    }
    this.#tell();
  }

  /** Looks at what was stored since it was written down last, until nothing is left. */
  async #catchUp(): Promise<void> {
    const { ledger, log } = this.#options;
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const end = { node: ledger.node, seq: ledger.lastSeq };
      for await (const { document, isUnsure } of storedBetween(ledger, this.#place ?? end, end, log)) {
        this.#take([document], isUnsure);
      }
      this.#place = end;
      if (ledger.node === end.node && ledger.lastSeq === end.seq) break;
    }
    if (this.#isStale) return;
    // No await between the last look at the ledger and this: what comes next is told by `stored`.
    this.#isFollowing = true;
    if (this.#isIdle) this.#place = undefined;
  }

  #look(): void {
    const { clock } = this.#options;
    if (this.#isStale) this.#readThresholds();
    if (!this.#isFollowing) return;
    const nowMs = clock.monotonic();
    if (clock.sure && nowMs - this.#silenceLookedMs >= MINUTE_MS) {
      this.#silenceLookedMs = nowMs;
      const before = this.#book.untold.length;
      this.#book.closeSilent(clock.now());
      if (this.#book.untold.length !== before) this.#hasNews = true;
    }
    this.#tell();
    if (!this.#isKeepingDue(nowMs - this.#keptMs)) return;
    this.#turn = this.#turn.then(() => this.#keepIfPossible());
  }

  #isKeepingDue(passedMs: number): boolean {
    if (this.#hasNews && passedMs >= MINUTE_MS) return true;
    if (this.#unkept >= KEPT_EVERY_DOCUMENTS && passedMs >= KEPT_AT_MOST_EVERY_MS) return true;
    return this.#unkept > 0 && passedMs >= KEPT_EVERY_MS;
  }

  /** Not fatal: more is looked at again at the next start. */
  async #keepIfPossible(): Promise<void> {
    await this.#keep().catch((error: unknown) => {
      this.#options.log.warn('the thresholds could not be written down', { error: messageOf(error) });
    });
  }

  async #keep(): Promise<void> {
    const { state, clock } = this.#options;
    this.#unkept = 0;
    this.#hasNews = false;
    this.#keptMs = clock.monotonic();
    await state.writeThresholds(this.#isIdle || !this.#place ? {} : { place: this.#place, book: this.#book.record });
  }

  /** Stores what there is to tell as events; what cannot be stored now is tried again at the next look. */
  #tell(): void {
    if (!this.#isFollowing || this.#isStopped || this.#book.untold.length === 0) return;
    this.#telling ??= this.#tellAll()
      .catch((error: unknown) => {
        this.#options.log.verbose('a threshold could not be told yet', { error: messageOf(error) });
      })
      .finally(() => {
        this.#telling = undefined;
      });
  }

  async #tellAll(): Promise<void> {
    const { ingest } = this.#options;
    while (this.#book.untold.length > 0 && !this.#isStopped) {
      const news = this.#book.untold.slice(0, TOLD_AT_ONCE);
      const told = news.map(async (one) => {
        await ingest.submitEvent('threshold', { ...one });
        this.#book.noteTold(one);
      });
      for (const result of await Promise.allSettled(told)) if (result.status === 'rejected') throw result.reason;
    }
  }
}

/** What another version wrote must not keep the node from starting. */
function bookOf(record: ThresholdRecord | undefined, log: Logger): ThresholdBook {
  try {
    return new ThresholdBook(record);
  } catch (error) {
    log.warn('what was known of the thresholds cannot be read and begins anew', { error: messageOf(error) });
    return new ThresholdBook();
  }
}
