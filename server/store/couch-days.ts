/**
 * How many readings a CouchDB holds of each village and day: a view of its own with the built-in `_count`, brought up to
 * date before each answer. While it is far behind (a new one over years of documents) it is not waited for, and CouchDB
 * goes on building it.
 *
 * Counting thousands of villages and days takes CouchDB seconds, counting whole days a moment. So the villages of a day are
 * asked for again only when the day as a whole holds another number of readings than when they were asked for last, and
 * after ten minutes in any case: an operator may have deleted as many as came.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import type { Clock } from '../../shared/time.js';
import type { AskedDays, DayIndex } from './contract.js';
import { type CouchClient, notCouch } from './couch-client.js';
import { ensureDesign } from './couch-design.js';
import { type CouchSetup, GoneFromCouch } from './couch-setup.js';
import { addCount, type ReadingsByDay } from './day-counts.js';
import { daysBetween, startOfDay } from './days.js';
import { FewAtOnce } from './few-at-once.js';

const DB = 'telemetry';
/** Another definition gets another name, as with receipts. */
const DESIGN = '_design/days-1';
const VIEW = `${DESIGN}/_view/readings`;
const RETRY_AFTER_S = 10;
const PARALLEL = 4;
const LONGEST_AGE_MS = 600_000;
/** Villages' counts that are remembered, of some hundred bytes each. */
const MAX_REMEMBERED = 200_000;

/** One row per reading, told by its id as everywhere. In JavaScript as old as CouchDB's engines. */
const MAP = `function (doc) {
  var parts = doc._id.split(':');
  if (parts[1] === 'r' && parts.length > 3) emit([parts[3].slice(0, 10), parts[0]], null);
}`;

const DEFINITION = {
  language: 'javascript',
  options: { partitioned: false },
  views: { readings: { map: MAP, reduce: '_count' } },
};

export function ensureDayIndex(client: CouchClient): Promise<void> {
  return ensureDesign(client, DB, DESIGN, DEFINITION);
}

interface Row {
  key?: unknown;
  value?: unknown;
}

/** The villages of a day, as they were when the whole day held `total`. */
interface KnownDay {
  total: number;
  askedMs: number;
  villages: ReadonlyMap<string, number>;
}

export class CouchDays implements DayIndex {
  readonly #client: CouchClient;
  readonly #setup: CouchSetup;
  readonly #clock: Clock;
  /** Those asked for last come last. */
  readonly #known = new Map<string, KnownDay>();
  #asking: Promise<unknown> = Promise.resolve();

  constructor(client: CouchClient, setup: CouchSetup, clock: Clock) {
    this.#client = client;
    this.#setup = setup;
    this.#clock = clock;
  }

  readings({ from, to, village }: AskedDays): Promise<ReadingsByDay> {
    if (village !== undefined) return this.#ofVillage(village, from, to);
    // One after the other: the second finds the days that the first has asked for.
    const asked = this.#asking.then(() => this.#ofAll(from, to));
    this.#asking = asked.catch(() => undefined);
    return asked;
  }

  async #ofVillage(village: string, from: string, to: string): Promise<ReadingsByDay> {
    const keys = daysBetween(startOfDay(from) ?? 0, startOfDay(to) ?? 0).map((day) => [day, village]);
    const found: ReadingsByDay = new Map();
    for (const { key, value } of await this.#ask({ group: true }, { keys })) {
      addCount(found, village, dayIn(key), countIn(value));
    }
    return found;
  }

  async #ofAll(from: string, to: string): Promise<ReadingsByDay> {
    const askedMs = this.#clock.monotonic();
    const totals = new Map<string, number>();
    for (const { key, value } of await this.#ask({ start_key: [from], end_key: [to], group_level: 1 })) {
      totals.set(dayIn(key), countIn(value));
    }
    const outdated = [...totals].filter(([day, total]) => {
      const known = this.#known.get(day);
      return known?.total !== total || askedMs - known.askedMs >= LONGEST_AGE_MS;
    });
    const days = new Map<string, KnownDay>();
    const few = new FewAtOnce(PARALLEL);
    const asking = outdated.map(([day, total]) =>
      few.run(async () => {
        const villages = await this.#villagesOf(day);
        days.set(day, { total, askedMs, villages });
        this.#remember(day, { total, askedMs, villages });
      }),
    );
    await Promise.all(asking);
    for (const day of totals.keys()) {
      const known = days.get(day) ?? this.#known.get(day);
      if (!known) continue;
      this.#remember(day, known);
      days.set(day, known);
    }
    this.#forgetTheOldest();
    const found: ReadingsByDay = new Map();
    for (const [day, { villages }] of days)
      for (const [village, count] of villages) addCount(found, village, day, count);
    return found;
  }

  async #villagesOf(day: string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#ask({ start_key: [day], end_key: [day, {}], group: true });
    return new Map(rows.map(({ key, value }) => [villageIn(key), countIn(value)]));
  }

  #remember(day: string, known: KnownDay): void {
    this.#known.delete(day);
    this.#known.set(day, known);
  }

  #forgetTheOldest(): void {
    let remembered = 0;
    for (const { villages } of this.#known.values()) remembered += villages.size;
    for (const [day, { villages }] of this.#known) {
      if (remembered <= MAX_REMEMBERED) return;
      remembered -= villages.size;
      this.#known.delete(day);
    }
  }

  async #ask(qs: Record<string, unknown>, body?: object): Promise<Row[]> {
    const request = {
      ...{ db: DB, path: VIEW, qs: { reduce: true, ...qs }, expected: [404] },
      ...(body === undefined ? {} : { method: 'POST' as const, body }),
    };
    try {
      const { status, body: answer } = await this.#client.request<{ rows?: Row[] }>(request);
      if (status === 404) throw this.#setup.again(DESIGN);
      if (!Array.isArray(answer?.rows)) throw notCouch(RETRY_AFTER_S);
      return answer.rows;
    } catch (error) {
      throw error instanceof GoneFromCouch ? error : cannotTell(error);
    }
  }
}

function cannotTell(cause: unknown): AppError {
  const told = 'readings cannot be counted by day now (a new index may still be building)';
  return new AppError('unavailable', `${told}: ${messageOf(cause)}`, { retryAfterS: RETRY_AFTER_S, told, cause });
}

function dayIn(key: unknown): string {
  return textIn(key, 0);
}

function villageIn(key: unknown): string {
  return textIn(key, 1);
}

function textIn(key: unknown, n: number): string {
  const text = Array.isArray(key) ? key[n] : undefined;
  if (typeof text === 'string') return text;
  throw notCouch(RETRY_AFTER_S);
}

function countIn(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw notCouch(RETRY_AFTER_S);
}
