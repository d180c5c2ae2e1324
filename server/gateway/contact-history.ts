/**
 * The hours in which villages asked something, with success or not. Counted in memory and written at most once an hour for
 * each village, and at the end, so that an attempt costs no write: a crash loses that hour, and of what came by way of
 * another gateway the last hour is not known here. Several gateways each add what they saw; an hour whose write was not
 * answered may count twice.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Clock } from '../../shared/time.js';
import type { CentralStore } from '../store/contract.js';
import { countIn, firstKeptHour, type HourCount, hourOf, withHours } from './contact-hours.js';

export interface ContactHistoryOptions {
  store(): CentralStore;
  clock: Clock;
  log: Logger;
}

const WRITE_INTERVAL_MS = 3_600_000;
/** Of a village, while nothing can be written. */
const MAX_PENDING_HOURS = 800;

interface Pending {
  /** When the first of these was counted, by the monotonic clock. */
  sinceMs: number;
  hours: Map<number, HourCount>;
}

export class ContactHistory {
  readonly #options: ContactHistoryOptions;
  readonly #pending = new Map<string, Pending>();
  /** Being written: they count until it is known that they are kept. */
  readonly #writing = new Map<string, Pending>();

  constructor(options: ContactHistoryOptions) {
    this.#options = options;
  }

  /** A request of the village has ended. */
  note(village: string, succeeded: boolean): void {
    const { clock } = this.#options;
    const pending = this.#pending.get(village) ?? { sinceMs: clock.monotonic(), hours: new Map() };
    this.#pending.set(village, pending);
    addCount(pending.hours, hourOf(clock.now()), { succeeded: succeeded ? 1 : 0, failed: succeeded ? 0 : 1 });
  }

  /**
   * The hours `from` to `to`, as numbers since 1970, the last one left out, with what this gateway has not written yet.
   * Throws while the store cannot be read.
   */
  async between(village: string, from: number, to: number): Promise<({ hour: number } & HourCount)[]> {
    const kept = await this.#options.store().contactHours.get(village);
    const unwritten = [this.#writing.get(village), this.#pending.get(village)];
    return Array.from({ length: Math.max(0, to - from) }, (_, n) => {
      const hour = from + n;
      const found = { hour, ...countIn(kept, hour) };
      for (const some of unwritten) {
        found.succeeded += some?.hours.get(hour)?.succeeded ?? 0;
        found.failed += some?.hours.get(hour)?.failed ?? 0;
      }
      return found;
    });
  }

  /** Writes what is an hour old, or all of it. Never rejects: what cannot be written is kept for the next time. */
  async flush(isAll = false): Promise<void> {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonic();
    for (const [village, pending] of [...this.#pending]) {
      if (this.#writing.has(village) || (!isAll && nowMs - pending.sinceMs < WRITE_INTERVAL_MS)) continue;
      try {
        await this.#write(village, pending);
      } catch (error) {
        log.warn('the history of contacts could not be written down; it is kept for the next try', {
          error: messageOf(error),
        });
        return;
      }
    }
  }

  async #write(village: string, pending: Pending): Promise<void> {
    const { store, clock } = this.#options;
    this.#pending.delete(village);
    this.#writing.set(village, pending);
    try {
      await store().contactHours.update(village, (kept) => withHours(kept, pending.hours, clock.now()));
    } catch (error) {
      this.#takeBack(village, pending);
      throw error;
    } finally {
      this.#writing.delete(village);
    }
  }

  #takeBack(village: string, { sinceMs, hours }: Pending): void {
    const first = firstKeptHour(this.#options.clock.now());
    for (const [hour, count] of this.#pending.get(village)?.hours ?? []) addCount(hours, hour, count);
    for (const hour of hours.keys()) if (hour < first || hours.size > MAX_PENDING_HOURS) hours.delete(hour);
    this.#pending.set(village, { sinceMs, hours });
  }
}

function addCount(hours: Map<number, HourCount>, hour: number, { succeeded, failed }: HourCount): void {
  const before = hours.get(hour);
  hours.set(hour, {
    succeeded: (before?.succeeded ?? 0) + succeeded,
    failed: (before?.failed ?? 0) + failed,
  });
}
