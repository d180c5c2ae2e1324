/**
 * When each village was last heard of. Kept in memory and written at most once a minute and at stop, so that contacts
 * cost no write each; a crash loses at most that minute.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Service } from '../../shared/service.js';
import { type Clock, formatInstant, sleep } from '../../shared/time.js';
import type { CentralStore, VillageRecord } from '../store/contract.js';

export interface ContactLogOptions {
  store(): CentralStore;
  clock: Clock;
  log: Logger;
  flushIntervalMs?: number;
}

/** The three times of a record that contacts move. */
export type Contact = Pick<VillageRecord, 'lastAttemptAt' | 'lastContactAt' | 'lastDocumentAt'>;

const FLUSH_INTERVAL_MS = 60_000;
/** A database that hangs must not hold up the end; what is not written then is at most a minute of contacts. */
const STOP_WAIT_MS = 2_000;

export class ContactLog implements Service {
  readonly name = 'contact log';
  readonly #options: ContactLogOptions;
  /** What the store does not have yet. */
  readonly #pending = new Map<string, Contact>();
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: ContactLogOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const intervalMs = this.#options.flushIntervalMs ?? FLUSH_INTERVAL_MS;
    this.#timer ??= setInterval(() => void this.flush(), intervalMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const waiting = new AbortController();
    await Promise.race([this.flush(), sleep(STOP_WAIT_MS, waiting.signal)]);
    waiting.abort();
  }

  /** A village asked something; `succeeded` when it got what it asked for, `documents` when documents were taken. */
  note(village: string, { succeeded, documents }: { succeeded: boolean; documents: boolean }): void {
    const at = formatInstant(this.#options.clock.now());
    this.#pending.set(village, {
      ...this.#pending.get(village),
      lastAttemptAt: at,
      ...(succeeded ? { lastContactAt: at } : {}),
      ...(documents ? { lastDocumentAt: at } : {}),
    });
  }

  /** A record with what this process knows better. */
  complete(record: VillageRecord): VillageRecord {
    return later(record, this.#pending.get(record.id));
  }

  /** Writes what is pending; what cannot be written stays pending. Never rejects. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flushAll());
    return this.#flushing;
  }

  async #flushAll(): Promise<void> {
    const { store, log } = this.#options;
    for (const [village, contact] of [...this.#pending]) {
      try {
        await store().villages.update(village, (record) => later(record, contact));
        // A contact that came meanwhile is newer and stays for the next time.
        if (this.#pending.get(village) === contact) this.#pending.delete(village);
      } catch (error) {
        log.warn('contacts of the villages could not be written down; they are kept for the next try', {
          error: messageOf(error),
        });
        return;
      }
    }
  }
}

/** Another gateway may have heard of the village later: each time only moves forward. */
function later(record: VillageRecord, contact: Contact | undefined): VillageRecord {
  const merged = { ...record };
  for (const name of ['lastAttemptAt', 'lastContactAt', 'lastDocumentAt'] as const) {
    const seen = contact?.[name];
    if (seen !== undefined && seen > (merged[name] ?? '')) merged[name] = seen;
  }
  return merged;
}
