/**
 * Looks every minute at what should be known of the villages, raises each alert once, clears it when its reason has gone,
 * and tells webhooks of both.
 *
 * What is open is kept in the village's record, and what webhooks are still to be told (`untold-news.ts`). Whoever gets the
 * change written is the one who tells of it: of several gateways before one CouchDB one, and after a restart nobody again.
 * What a gateway did not get told before it ended, the next one to look takes up some minutes later.
 *
 * Along with alerts a record is given what was newest of the village when they were decided. So whoever decides next has heard
 * as much, though the gateway that heard it was killed before it had written its contacts down.
 *
 * A look costs one list of the villages, and the index of those of which something came, each at most once an hour and
 * for a few seconds a minute together.
 */
import { randomUUID } from 'node:crypto';
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Service } from '../../shared/service.js';
import { type Clock, formatInstant, sleep } from '../../shared/time.js';
import { type VillageView, type VillageWithNumbers, viewOf, withMissing } from '../analyst/village-view.js';
import { type Contact, type ContactLog, later } from '../gateway/contact-log.js';
import type { CentralStore, VillageRecord } from '../store/contract.js';
import { type Found, type KeptAlerts, OF_NUMBERS, type Seen, steppedAlerts } from './kept-alerts.js';
import type { NumbersMemory } from './numbers-memory.js';
import { claimNews, type UntoldNews } from './untold-news.js';
import { alertsOf } from './village-alert.js';

export interface AlertTimes {
  /** Between two looks. */
  everyMs: number;
  /** After the start no village is raised as silent for so long: the centre itself may have been away. */
  graceMs: number;
  /** A village's index is asked at most so often for the looks. */
  numbersEveryMs: number;
  /** How long asking indexes may take of one look. */
  budgetMs: number;
}

export const DEFAULT_TIMES: AlertTimes = {
  ...{ everyMs: 60_000, graceMs: 900_000 },
  ...{ numbersEveryMs: 3_600_000, budgetMs: 5_000 },
};

export interface AlertWatchOptions {
  store(): CentralStore;
  contacts: Pick<ContactLog, 'complete'>;
  memory: NumbersMemory;
  clock: Clock;
  log: Logger;
  silentAfterHours: number;
  times?: Partial<AlertTimes>;
  /**
   * Hears of what this gateway raised and cleared, or took up; must not reject. Resolves with false where it was not told
   * and is for others to tell. Absent where nobody wants to be told.
   */
  tell?: (news: readonly VillageNews[]) => Promise<boolean>;
}

export interface VillageNews extends UntoldNews {
  village: string;
}

/** A village as it was when last looked at. */
export interface WatchedVillage {
  view: VillageView;
  kept: KeptAlerts | undefined;
}

interface ChangedRecord {
  record: VillageRecord;
  /** What is to be told of once it is written. */
  news: readonly UntoldNews[];
  /** What the record says no more that it is untold. */
  done: readonly string[];
  isChanged: boolean;
}

/** Another gateway may have heard of the village and not have written it down yet. */
const MARGIN_MS = 120_000;
const MS_PER_HOUR = 3_600_000;
/** A database that hangs must not hold up the end. */
const STOP_WAIT_MS = 2_000;
const TELL_WAIT_MS = 1_000;

export class AlertWatch implements Service {
  readonly name = 'alert watch';
  readonly #options: AlertWatchOptions;
  readonly #times: AlertTimes;
  #startedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;
  #lastFailure: string | undefined;
  #villages: readonly WatchedVillage[] = [];
  /** Names this gateway in what it claims. */
  readonly #id = randomUUID();
  /** News being told of, and who waits for that. */
  readonly #telling = new Set<string>();
  readonly #tellings = new Set<Promise<void>>();
  /** News that were told of, by village: their records do not say so yet. */
  readonly #done = new Map<string, Set<string>>();

  constructor(options: AlertWatchOptions) {
    this.#options = options;
    this.#times = { ...DEFAULT_TIMES, ...options.times };
  }

  /** As of the last look; empty before the first one. */
  get villages(): readonly WatchedVillage[] {
    return this.#villages;
  }

  async start(): Promise<void> {
    this.#isStopped = false;
    this.#startedMs = this.#options.clock.monotonic();
    this.#timer ??= setInterval(() => void this.look(), this.#times.everyMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    const waiting = new AbortController();
    await Promise.race([this.#end(), sleep(STOP_WAIT_MS, waiting.signal)]);
    waiting.abort();
  }

  /** What is told of in this moment need not be told again by the next one. */
  async #end(): Promise<void> {
    await this.#looking;
    const waiting = new AbortController();
    await Promise.race([Promise.all(this.#tellings), sleep(TELL_WAIT_MS, waiting.signal)]);
    waiting.abort();
    for (const village of this.#done.keys()) {
      // What cannot be written is told once more.
      await this.#options
        .store()
        .villages.update(village, (newest) => this.#changed(newest).record)
        .catch(() => undefined);
    }
    this.#done.clear();
  }

  /** Looks now, or joins the look under way. Never rejects; what failed is looked at the next time. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll()
      .then(
        () => {
          this.#lastFailure = undefined;
        },
        (error: unknown) => this.#failed(messageOf(error)),
      )
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    const { store, contacts, memory } = this.#options;
    const { numbersEveryMs: maxAgeMs, budgetMs } = this.#times;
    const records = (await store().villages.list()).map((record) => contacts.complete(record));
    const watched = records.filter(({ disabledAt }) => disabledAt === undefined);
    memory.keepOnly(records);
    // Only what was seen just now decides: what this gateway remembers, another may know better.
    let current: ReadonlySet<string> = new Set();
    let trouble: unknown;
    try {
      current = await memory.refresh(watched, { maxAgeMs, budgetMs });
    } catch (error) {
      // What can be told without numbers, such as silence, must not wait for an index that may never be well again.
      trouble = error;
    }
    const villages: WatchedVillage[] = [];
    for (const record of records) {
      if (this.#isStopped) return;
      const { view, found } = this.#foundOf(record, current);
      villages.push({ view, kept: await this.#step(record, found) });
    }
    this.#villages = villages;
    if (trouble !== undefined) throw trouble;
  }

  /** What is kept of the village then. */
  async #step(record: VillageRecord, found: Found): Promise<KeptAlerts | undefined> {
    const expected = this.#changed(record, record, found);
    if (!expected.isChanged) {
      this.#forget(record.id, expected.done);
      return record.keptAlerts;
    }
    let changed = expected;
    const written = await this.#options.store().villages.update(record.id, (newest) => {
      changed = this.#changed(newest, record, found);
      return changed.record;
    });
    this.#forget(record.id, changed.done);
    // Of the last try: an earlier one lost to another gateway, which tells.
    if (written && changed.news.length > 0) this.#tell(record.id, changed.news);
    return written?.keptAlerts;
  }

  /**
   * What becomes of a record, and what is to be told then; without findings only what was told of leaves it. `seen`: the
   * record as it was when they were found, with what this gateway knew better.
   */
  #changed(record: VillageRecord, seen?: VillageRecord, found?: Found): ChangedRecord {
    const { clock, tell } = this.#options;
    const { id, keptAlerts } = record;
    const nowMs = clock.now();
    const at = formatInstant(nowMs);
    const before = keptAlerts ?? { open: [], history: [] };
    const step = found ? steppedAlerts(before, seenOf(record), found, at) : { kept: before, news: [] };
    const isStep = step.kept !== before;
    const stepped = isStep && seen ? { ...later(record, contactOf(seen)), keptAlerts: step.kept } : record;
    if (!tell) return { record: stepped, news: [], done: [], isChanged: isStep };
    const fresh = step.news.map((one) => ({ ...one, id: randomUUID(), by: '', until: '' }));
    const done = this.#done.get(id) ?? new Set<string>();
    const claiming = { by: this.#id, nowMs, telling: this.#telling, done };
    const { kept, news, isChanged } = claimNews(step.kept, fresh, claiming);
    const isWritten = isChanged || isStep;
    return {
      record: isWritten ? { ...stepped, keptAlerts: kept } : record,
      news,
      done: [...done],
      isChanged: isWritten,
    };
  }

  #tell(village: string, news: readonly UntoldNews[]): void {
    const { tell } = this.#options;
    if (!tell) return;
    for (const { id } of news) this.#telling.add(id);
    const telling = tell(news.map((one) => ({ village, ...one }))).then((isDone) => {
      const done = this.#done.get(village) ?? new Set();
      for (const { id } of news) {
        this.#telling.delete(id);
        if (isDone) done.add(id);
      }
      if (done.size > 0) this.#done.set(village, done);
      this.#tellings.delete(telling);
    });
    this.#tellings.add(telling);
  }

  /** The record says it now. */
  #forget(village: string, ids: Iterable<string>): void {
    const done = this.#done.get(village);
    for (const id of ids) done?.delete(id);
    if (done?.size === 0) this.#done.delete(village);
  }

  #foundOf(record: VillageRecord, current: ReadonlySet<string>): { view: VillageView; found: Found } {
    const { clock, silentAfterHours, memory } = this.#options;
    const view = withMissing(viewOf(record, clock.now(), silentAfterHours), memory);
    const seen = seenOf(record);
    if (view.disabled) return { view, found: { seen, alerts: [], undecided: new Set() } };
    const remembered = memory.of(record.id);
    const isCurrent = current.has(record.id) && remembered !== undefined && 'numbers' in remembered;
    const whole: VillageWithNumbers = isCurrent ? { ...view, numbers: remembered.numbers } : view;
    const undecided = new Set(isCurrent ? [] : OF_NUMBERS);
    if (view.silent && !this.#isSilentForSure(record)) undecided.add('silent');
    const lost = whole.numbers?.missing.lost;
    const alerts = alertsOf(whole, silentAfterHours);
    return { view, found: { seen, alerts, undecided, ...(lost === undefined ? {} : { lost }) } };
  }

  #isSilentForSure({ lastContactAt, createdAt }: VillageRecord): boolean {
    if (this.#options.clock.monotonic() - this.#startedMs < this.#times.graceMs) return false;
    const { clock, silentAfterHours } = this.#options;
    return Date.parse(lastContactAt ?? createdAt) < clock.now() - silentAfterHours * MS_PER_HOUR - MARGIN_MS;
  }

  #failed(failure: string): void {
    if (failure === this.#lastFailure) return;
    this.#lastFailure = failure;
    this.#options.log.warn('alerts of the villages could not be looked at; it is tried again every minute', {
      error: failure,
    });
  }
}

/** What a look goes by. */
function contactOf({ lastContactAt, lastDocumentAt, report }: VillageRecord): Contact {
  return {
    ...(lastContactAt === undefined ? {} : { lastContactAt }),
    ...(lastDocumentAt === undefined ? {} : { lastDocumentAt }),
    ...(report === undefined ? {} : { report }),
  };
}

function seenOf({ lastContactAt, lastDocumentAt, report }: VillageRecord): Seen {
  return {
    ...(lastContactAt === undefined ? {} : { contactAt: lastContactAt }),
    ...(lastDocumentAt === undefined ? {} : { documentAt: lastDocumentAt }),
    ...(report === undefined ? {} : { reportAt: report.receivedAt }),
  };
}
