/**
 * When each village was last heard of, how often it failed, and what its node reported last. Kept in memory; what is new
 * about a village is written at most every few minutes, and at stop, so that contacts cost no write each. A crash loses at
 * most those minutes. Their history by hour (`contact-history.ts`) is written along, more seldom.
 *
 * Several gateways may hear of the same village: times only move forward, and each adds the failures it saw.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Service } from '../../shared/service.js';
import { type Clock, formatInstant, sleep } from '../../shared/time.js';
import type { NodeReport } from '../registry/node-report.js';
import type { CentralStore, VillageRecord } from '../store/contract.js';
import { ContactHistory } from './contact-history.js';

export interface ContactLogOptions {
  store(): CentralStore;
  clock: Clock;
  log: Logger;
  /** How often what is due is written. */
  flushIntervalMs?: number;
  /** How far two writes for one village are apart at least. */
  writeIntervalMs?: number;
}

/** The fields of a record that contacts move; `failures` are those that came on top. */
export type Contact = Pick<
  VillageRecord,
  'lastAttemptAt' | 'lastContactAt' | 'lastDocumentAt' | 'lastFailureAt' | 'lastFailureStatus' | 'failures' | 'report'
>;

export interface Attempt {
  /** It got what it asked for. */
  succeeded: boolean;
  /** Documents were taken; the request itself is noted when it ends, and counts then. */
  documents: boolean;
  /** HTTP status of the answer, where it did not succeed. */
  status?: number;
}

const FLUSH_INTERVAL_MS = 60_000;
const WRITE_INTERVAL_MS = 300_000;
/** A database that hangs must not hold up the end; what is not written then is at most some minutes of contacts. */
const STOP_WAIT_MS = 2_000;
/** Villages whose last write is remembered. */
const MAX_REMEMBERED = 200_000;

export class ContactLog implements Service {
  readonly name = 'contact log';
  readonly history: ContactHistory;
  readonly #options: ContactLogOptions;
  /** What the store does not have yet. */
  readonly #pending = new Map<string, Contact>();
  readonly #writtenAtMs = new Map<string, number>();
  /** Requests with documents, and reports, since the start. */
  readonly #arrivals = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: ContactLogOptions) {
    this.#options = options;
    this.history = new ContactHistory(options);
  }

  async start(): Promise<void> {
    const intervalMs = this.#options.flushIntervalMs ?? FLUSH_INTERVAL_MS;
    this.#timer ??= setInterval(() => void this.#flushAllDue(), intervalMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const waiting = new AbortController();
    await Promise.race([this.#flushAll(), sleep(STOP_WAIT_MS, waiting.signal)]);
    waiting.abort();
  }

  /** A village asked something, or somebody in its name. */
  note(village: string, { succeeded, documents, status }: Attempt): void {
    const at = formatInstant(this.#options.clock.now());
    if (documents) this.#arrived(village);
    else this.history.note(village, succeeded);
    const before = this.#pending.get(village);
    const failure = {
      lastFailureAt: at,
      ...(status === undefined ? {} : { lastFailureStatus: status }),
      failures: (before?.failures ?? 0) + 1,
    };
    this.#pending.set(village, {
      ...before,
      lastAttemptAt: at,
      ...(succeeded ? { lastContactAt: at } : failure),
      ...(documents ? { lastDocumentAt: at } : {}),
    });
  }

  /** A node's newest report came; written down with the contacts. */
  noteReport(village: string, report: NodeReport): void {
    this.#arrived(village);
    this.#pending.set(village, { ...this.#pending.get(village), report });
  }

  /** Grows whenever something of the village came to this process. */
  arrivalsOf(village: string): number {
    return this.#arrivals.get(village) ?? 0;
  }

  #arrived(village: string): void {
    this.#arrivals.set(village, this.arrivalsOf(village) + 1);
  }

  /** A record with what this process knows better. */
  complete(record: VillageRecord): VillageRecord {
    return later(record, this.#pending.get(record.id));
  }

  /** Writes all that is pending; what cannot be written stays pending. Never rejects. */
  flush(): Promise<void> {
    return this.#flushWhere(() => true);
  }

  /** Writes what is pending of villages whose last write is long enough ago. Never rejects. */
  flushDue(): Promise<void> {
    const { clock, writeIntervalMs = WRITE_INTERVAL_MS } = this.#options;
    return this.#flushWhere((village) => {
      const writtenAtMs = this.#writtenAtMs.get(village);
      return writtenAtMs === undefined || clock.monotonic() - writtenAtMs >= writeIntervalMs;
    });
  }

  async #flushAllDue(): Promise<void> {
    await this.flushDue();
    await this.history.flush();
  }

  /** The history last: it is the one that can be done without. */
  async #flushAll(): Promise<void> {
    await this.flush();
    await this.history.flush(true);
  }

  #flushWhere(isDue: (village: string) => boolean): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write([...this.#pending].filter(([village]) => isDue(village))));
    return this.#flushing;
  }

  async #write(contacts: readonly [string, Contact][]): Promise<void> {
    const { store, log } = this.#options;
    for (const [village, contact] of contacts) {
      try {
        await store().villages.update(village, (record) => later(record, contact));
        this.#written(village, contact);
      } catch (error) {
        log.warn('contacts of the villages could not be written down; they are kept for the next try', {
          error: messageOf(error),
        });
        return;
      }
    }
  }

  /** A contact that came meanwhile is newer and stays for the next time, but for the failures that were written. */
  #written(village: string, written: Contact): void {
    const now = this.#pending.get(village);
    if (now === written) this.#pending.delete(village);
    else if (now) this.#pending.set(village, { ...now, failures: (now.failures ?? 0) - (written.failures ?? 0) });
    this.#writtenAtMs.delete(village);
    this.#writtenAtMs.set(village, this.#options.clock.monotonic());
    for (const oldest of this.#writtenAtMs.keys()) {
      if (this.#writtenAtMs.size <= MAX_REMEMBERED) break;
      this.#writtenAtMs.delete(oldest);
    }
  }
}

/** Another gateway may have heard of the village later: each time only moves forward. */
export function later(record: VillageRecord, contact: Contact | undefined): VillageRecord {
  const merged = { ...record };
  for (const name of ['lastAttemptAt', 'lastContactAt', 'lastDocumentAt'] as const) {
    const seen = contact?.[name];
    if (seen !== undefined && seen > (merged[name] ?? '')) merged[name] = seen;
  }
  const report = contact?.report;
  if (report && report.receivedAt > (merged.report?.receivedAt ?? '')) merged.report = report;
  if (!contact?.failures) return merged;
  merged.failures = (merged.failures ?? 0) + contact.failures;
  const { lastFailureAt = '', lastFailureStatus } = contact;
  if (lastFailureAt <= (merged.lastFailureAt ?? '')) return merged;
  const { lastFailureStatus: earlier, ...rest } = merged;
  return { ...rest, lastFailureAt, ...(lastFailureStatus === undefined ? {} : { lastFailureStatus }) };
}
