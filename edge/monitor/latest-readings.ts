/**
 * The newest reading of each device, in memory: kept as readings are stored, and filled from the newest ones on the disk
 * when it is first asked for, the older of these afterwards. Bounded: beyond `maxDevices` those not heard of for longest are
 * forgotten.
 *
 * Newest is by the reading's own time; a file imported late changes nothing here. A time that lies ahead of a clock that is
 * sure counts as now, and what once counted so keeps nothing out when the clock was put back.
 */
import type { Logger } from '../../shared/logger.js';
import { type Clock, formatInstant, systemClock } from '../../shared/time.js';
import { type StoredAgain, type StoredNumbers, storedBetween } from './thresholds/stored-between.js';
import { AHEAD_MS } from './thresholds/threshold-book.js';

export interface LatestReading {
  device: string;
  /** Canonical instant. */
  at: string;
  /** Present where the clock could not be trusted. */
  clock?: 'unsure';
  /** What was measured, by name. */
  values: Readonly<Record<string, unknown>>;
}

/** A document as it is stored; only readings are looked at. */
interface Stored {
  type: string;
  fields: Readonly<Record<string, unknown>>;
}

export interface LatestReadingsOptions {
  ledger: StoredNumbers;
  log: Logger;
  maxDevices?: number;
  clock?: Pick<Clock, 'now'>;
}

const MAX_DEVICES = 1_000;
/** A day's heartbeats of fifty meters, or a few hours' of five hundred; read in a fraction of a second. */
const FILLED_AT_ONCE_DOCUMENTS = 5_000;
/** A day's of five hundred meters; the older ones are read while the newer are shown. */
const FILLED_FROM_DOCUMENTS = 50_000;
/** Not measurements. */
const NOT_VALUES: ReadonlySet<string> = new Set([
  ...['_id', '_rev', 'type', 'village', 'node', 'seq', 'boot', 'clock', 'device', 'at'],
]);

interface Kept {
  fields: Readonly<Record<string, unknown>>;
  at: string;
  /** The instant it is ordered by. */
  orderAt: string;
  isUnsure: boolean;
  change: number;
}

export class LatestReadings {
  readonly #options: LatestReadingsOptions;
  /** In the order of their last change. */
  readonly #kept = new Map<string, Kept>();
  #changes = 0;
  #filling: Promise<void> | undefined;
  #fillingOlder: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: LatestReadingsOptions) {
    this.#options = options;
  }

  /** Grows with every change; what `changedSince` takes. */
  get changes(): number {
    return this.#changes;
  }

  /** Documents that were just written, all by a clock that was sure or all by one that was not. Never throws. */
  stored(documents: readonly Stored[], isUnsure: boolean): void {
    const nowMs = this.#nowMs();
    // Made once for all of them: they come by the thousand.
    const [nowAt, aheadAt] = [formatInstant(nowMs), formatInstant(nowMs + AHEAD_MS)];
    for (const document of documents) this.#take(document, isUnsure, aheadAt, nowAt);
  }

  /** All of them, by device; the first call reads what an earlier start has stored. */
  async list(): Promise<LatestReading[]> {
    this.#filling ??= this.#fill();
    await this.#filling;
    return this.changedSince(0).sort((a, b) => (a.device < b.device ? -1 : 1));
  }

  /** Those that changed after `changes` was so much. */
  changedSince(changes: number): LatestReading[] {
    const changed: LatestReading[] = [];
    for (const [device, kept] of this.#kept) if (kept.change > changes) changed.push(readingOf(device, kept));
    return changed;
  }

  /** Reads no more; before the ledger is closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#filling;
    await this.#fillingOlder;
  }

  async #fill(): Promise<void> {
    const { lastSeq } = this.#options.ledger;
    const newest = lastSeq - FILLED_AT_ONCE_DOCUMENTS;
    for await (const document of this.#storedBetween(newest, lastSeq)) this.#takeAgain(document);
    this.#fillingOlder = this.#fillOlder(newest, lastSeq - FILLED_FROM_DOCUMENTS);
  }

  async #fillOlder(lastSeq: number, downTo: number): Promise<void> {
    const { maxDevices = MAX_DEVICES } = this.#options;
    const found = new Map<string, Kept>();
    for (let seq = lastSeq; seq > Math.max(0, downTo) && !this.#isClosed; seq -= FILLED_AT_ONCE_DOCUMENTS) {
      for await (const stored of this.#storedBetween(seq - FILLED_AT_ONCE_DOCUMENTS, seq)) {
        const device = String(stored.document.fields.device);
        const isNew = !this.#kept.has(device);
        // Those heard of later stay.
        if (isNew && this.#kept.size >= maxDevices) continue;
        this.#takeAgain(stored);
        const kept = this.#kept.get(device);
        if (kept && (isNew || found.has(device))) found.set(device, kept);
      }
    }
    // They were not heard of for longest, and are the first to be forgotten.
    const others = [...this.#kept].filter(([device, kept]) => found.get(device) !== kept);
    for (const [device, kept] of others) {
      this.#kept.delete(device);
      this.#kept.set(device, kept);
    }
  }

  /** What was stored behind a number, up to another. */
  async *#storedBetween(after: number, seq: number): AsyncGenerator<StoredAgain, void, undefined> {
    const { ledger, log } = this.#options;
    const { node } = ledger;
    for await (const stored of storedBetween(ledger, { node, seq: Math.max(0, after) }, { node, seq }, log)) {
      if (this.#isClosed) return;
      yield stored;
    }
  }

  /** When one that lies ahead came is not known: any other is believed to be newer. */
  #takeAgain({ document, isUnsure }: StoredAgain): void {
    this.#take(document, isUnsure, formatInstant(this.#nowMs() + AHEAD_MS), '');
  }

  #nowMs(): number {
    return (this.#options.clock ?? systemClock).now();
  }

  /** By a clock that is sure, what lies ahead of `aheadAt` is ordered by `aheadAs`. */
  #take({ type, fields }: Stored, isUnsure: boolean, aheadAt: string, aheadAs: string): void {
    const { device, at } = fields;
    if (type !== 'reading' || typeof device !== 'string' || typeof at !== 'string') return;
    const orderAt = isUnsure || at <= aheadAt ? at : aheadAs;
    const before = this.#kept.get(device);
    const isBeforeAhead = before !== undefined && !isUnsure && before.orderAt > aheadAt;
    if (before && !isBeforeAhead && before.orderAt >= orderAt) return;
    this.#kept.delete(device);
    this.#kept.set(device, { fields, at, orderAt, isUnsure, change: ++this.#changes });
    if (this.#kept.size <= (this.#options.maxDevices ?? MAX_DEVICES)) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}

function readingOf(device: string, { fields, at, isUnsure }: Kept): LatestReading {
  const values = Object.fromEntries(Object.entries(fields).filter(([name]) => !NOT_VALUES.has(name)));
  return { device, at, ...(isUnsure ? { clock: 'unsure' as const } : {}), values };
}
