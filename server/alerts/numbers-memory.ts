/**
 * What is held of the villages' numbers, remembered: a village's index is asked again only when something of it came, and
 * no more often than whoever asks needs to know. So neither a minute's evaluation nor any number of people asking for
 * alerts makes a thousand villages' indexes be read each time.
 *
 * What came by way of another gateway is known here when that has written its contacts down, some minutes later.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { type Clock, formatInstant } from '../../shared/time.js';
import { type MissingByDay, missingByDay } from '../analyst/missing-days.js';
import { lookAtNumbers, type NumbersQuestion, type NumbersView } from '../analyst/village-numbers.js';
import type { ContactLog } from '../gateway/contact-log.js';
import type { CentralStore, VillageRecord } from '../store/contract.js';

export interface NumbersMemoryOptions {
  store(): CentralStore;
  contacts: Pick<ContactLog, 'arrivalsOf'>;
  clock: Clock;
  log: Logger;
  silentAfterHours: number;
}

export interface Looking {
  /** Younger numbers are good enough, whatever came since. */
  maxAgeMs: number;
  /** No further village is looked at after so long. */
  budgetMs: number;
}

/** `numbers`, or why they cannot be told. */
export type RememberedNumbers = { numbers: NumbersView; missing: MissingByDay } | { unknown: string };

interface Entry {
  mark: string;
  lookedMs: number;
  /** The same by the wall clock. */
  at: string;
  found: RememberedNumbers;
}

/** Villages looked at at the same time. */
const PARALLEL = 4;
/** An operator may have changed what no document tells of. */
const LONGEST_AGE_MS = 86_400_000;

export class NumbersMemory {
  readonly #options: NumbersMemoryOptions;
  readonly #entries = new Map<string, Entry>();
  #looking: Promise<unknown> = Promise.resolve();

  constructor(options: NumbersMemoryOptions) {
    this.#options = options;
  }

  /** As they were looked at last; undefined when they never were. */
  of(village: string): RememberedNumbers | undefined {
    return this.#entries.get(village)?.found;
  }

  /** On which days what is missing was given; undefined where it is not known. */
  missingOf(village: string): MissingByDay | undefined {
    const found = this.of(village);
    return found && 'missing' in found ? found.missing : undefined;
  }

  /** How many numbers were missing, what was left out, and when they were looked at. */
  lookedAt(village: string): (Pick<NumbersView, 'missing' | 'partly'> & { at: string }) | undefined {
    const entry = this.#entries.get(village);
    if (!entry || !('numbers' in entry.found)) return undefined;
    const { missing, partly } = entry.found.numbers;
    return { missing, at: entry.at, ...(partly === undefined ? {} : { partly }) };
  }

  /**
   * Looks at those villages of which something is new, the ones looked at longest ago first, and answers whose numbers
   * hold as of now. Rejects where the store fails in a way that does not pass. One looks at a time, others wait.
   */
  refresh(records: readonly VillageRecord[], looking: Looking): Promise<ReadonlySet<string>> {
    const work = () => this.#refresh(records, looking);
    const done = this.#looking.then(work, work);
    this.#looking = done.catch(() => undefined);
    return done;
  }

  /** Forgets villages that are no more. */
  keepOnly(records: readonly VillageRecord[]): void {
    const present = new Set(records.map(({ id }) => id));
    for (const id of this.#entries.keys()) if (!present.has(id)) this.#entries.delete(id);
  }

  async #refresh(records: readonly VillageRecord[], { maxAgeMs, budgetMs }: Looking): Promise<ReadonlySet<string>> {
    const { clock } = this.#options;
    const startMs = clock.monotonic();
    const current = new Set<string>();
    const due: { record: VillageRecord; lookedMs: number }[] = [];
    for (const record of records) {
      const entry = this.#entries.get(record.id);
      const ageMs = startMs - (entry?.lookedMs ?? Number.NEGATIVE_INFINITY);
      const isUnchanged = entry?.mark === this.#markOf(record) && 'numbers' in entry.found && ageMs < LONGEST_AGE_MS;
      if (isUnchanged) current.add(record.id);
      else if (ageMs >= maxAgeMs) due.push({ record, lookedMs: entry?.lookedMs ?? Number.NEGATIVE_INFINITY });
    }
    due.sort((a, b) => (a.lookedMs < b.lookedMs ? -1 : a.lookedMs > b.lookedMs ? 1 : 0));
    for (let n = 0; n < due.length && clock.monotonic() - startMs < budgetMs; n += PARALLEL) {
      const some = due.slice(n, n + PARALLEL).map(({ record }) => record);
      const found = await Promise.all(some.map((record) => this.#look(record)));
      for (const [at, record] of some.entries()) if (found[at] && 'numbers' in found[at]) current.add(record.id);
    }
    return current;
  }

  async #look(record: VillageRecord): Promise<RememberedNumbers> {
    const { store, clock, silentAfterHours } = this.#options;
    const { id: village, lastDocumentAt, report } = record;
    // Before: what comes meanwhile is looked at the next time.
    const mark = this.#markOf(record);
    const lookedMs = clock.monotonic();
    const at = formatInstant(clock.now());
    const question = { village, lastDocumentAt, report, silentAfterHours };
    const found = await rememberable(store(), question).catch((error: unknown): RememberedNumbers => {
      if (error instanceof AppError && error.retryable) return { unknown: error.message };
      // Others get their turn before it comes to this one again.
      this.#entries.set(village, { mark, lookedMs, at, found: { unknown: messageOf(error) } });
      throw error;
    });
    if (!this.#isPartly(village) && 'numbers' in found && found.numbers.partly !== undefined) {
      this.#options.log.warn('not all numbers of a village are looked at', { village, why: found.numbers.partly });
    }
    this.#entries.set(village, { mark, lookedMs, at, found });
    return found;
  }

  #isPartly(village: string): boolean {
    return this.lookedAt(village)?.partly !== undefined;
  }

  #markOf({ id, lastDocumentAt, report }: VillageRecord): string {
    return [lastDocumentAt, report?.receivedAt, this.#options.contacts.arrivalsOf(id)].join(' ');
  }
}

async function rememberable(store: CentralStore, question: NumbersQuestion): Promise<RememberedNumbers> {
  const { numbers, nodes } = await lookAtNumbers(store, question);
  return { numbers, missing: await missingByDay(store, question.village, nodes, question.report) };
}
