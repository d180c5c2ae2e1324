/**
 * Documents the centre refused one by one, each with the reason and when it was offered last, until the centre takes
 * them or a person releases them. A document is durable here before the push moves past it.
 *
 * Damaged files are repaired or replaced. What is not kept any more afterwards must not stay counted as quarantined:
 * `isIncomplete` says so, across restarts, until `recovered` is told (`quarantine-recovery.ts`).
 */
import path from 'node:path';
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import type { Logger } from '../../shared/logger.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import type { Mending } from '../../shared/open-or-repair.js';
import { type Database, isNotFound, type OpenOptions, readLocal, writeLocal } from '../../shared/pouchdb.js';
import { type Clock, parseInstant, systemClock } from '../../shared/time.js';
import { dueMs, isPostponed, postponedUntilMs, RefusalHold, type Tried } from './retry-times.js';

export interface QuarantineItem {
  /** Id of the document. */
  id: string;
  reason: string;
  /** When it was refused first. */
  since: string;
  /** How often it was refused. */
  tries: number;
  /** When it was refused last; absent in what earlier versions kept until it is refused again. */
  lastTriedAt?: string;
  doc: TelemetryDocument;
}

export interface Refused {
  document: TelemetryDocument;
  reason: string;
}

/** How an item is kept: PouchDB reserves names with an underscore at the top level. */
interface StoredItem extends Omit<QuarantineItem, 'id'> {
  _id: string;
  _rev: string;
}

export interface QuarantineOptions {
  log?: Logger;
  clock?: Pick<Clock, 'now'>;
  database?: OpenOptions;
}

/** Read at once, so that a large quarantine is not a large memory. */
const CHUNK = 100;

export class QuarantineStore {
  readonly #database: MendingDatabase;
  /** The centre takes nothing of what it is offered again. */
  readonly hold = new RefusalHold();
  /** By id, of everything kept. */
  #tried = new Map<string, Tried>();
  #isIncomplete = false;

  private constructor(database: MendingDatabase) {
    this.#database = database;
  }

  /** Opens what is kept below LOCAL_CACHE_PATH. Throws `in_use` and `storage_failed`. */
  static async open(
    folder: string,
    { log, clock = systemClock, database: options = {} }: QuarantineOptions = {},
  ): Promise<QuarantineStore> {
    let store: QuarantineStore | undefined;
    const database = await MendingDatabase.open(path.join(folder, 'quarantine'), options, {
      action: 'repair-or-replace',
      damagedFolder: path.join(folder, 'damaged'),
      now: () => clock.now(),
      onMended: async (mending, open) => {
        logMending(log, mending);
        await writeLocal(open, INCOMPLETE, { isIncomplete: true });
        if (store) await store.#look(open);
      },
    });
    store = new QuarantineStore(database);
    const opened = store;
    try {
      await database.read((open) => opened.#look(open));
      return opened;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** True when documents counted as quarantined may not be here any more. */
  get isIncomplete(): boolean {
    return this.#isIncomplete;
  }

  /** What was missing is offered to the centre again. */
  async recovered(): Promise<void> {
    await this.#database.write((open) => writeLocal(open, INCOMPLETE, { isIncomplete: false }));
    this.#isIncomplete = false;
  }

  get count(): number {
    return this.#tried.size;
  }

  /**
   * Keeps documents refused at `at`, a canonical instant; one that is here already counts another try. Durable when the
   * promise resolves.
   */
  add(refused: readonly Refused[], at: string): Promise<void> {
    return this.#keep(refused, at, () => true);
  }

  /** Counts another try of those that are here; one that was released meanwhile stays so. */
  refusedAgain(refused: readonly Refused[], at: string): Promise<void> {
    return this.#keep(refused, at, ({ before }) => before !== undefined);
  }

  /** The centre gave no verdict on these: they are left out for a while, so that they hold nothing else up. */
  postpone(ids: readonly string[], nowMs: number): void {
    for (const id of ids) {
      const tried = this.#tried.get(id);
      if (tried) this.#tried.set(id, { ...tried, notBeforeMs: postponedUntilMs(nowMs) });
    }
  }

  /**
   * Ids to offer again now, those not offered for longest first: what is due, everything but what is left out for a
   * while, or what is left out.
   */
  idsToRetry(which: 'due' | 'not postponed' | 'postponed', nowMs: number): string[] {
    if (which === 'due' && this.hold.holds(nowMs)) return [];
    const isWanted = (tried: Tried) =>
      which === 'due' ? dueMs(tried, nowMs) <= nowMs : isPostponed(tried, nowMs) === (which === 'postponed');
    return [...this.#tried]
      .filter(([, tried]) => isWanted(tried))
      .sort(([a, first], [b, second]) => first.lastTriedMs - second.lastTriedMs || (a < b ? -1 : 1))
      .map(([id]) => id);
  }

  /** True when there is something to offer again without anyone asking. */
  isRetryDue(nowMs: number): boolean {
    if (this.hold.holds(nowMs)) return false;
    for (const tried of this.#tried.values()) if (dueMs(tried, nowMs) <= nowMs) return true;
    return false;
  }

  /** True when one that is kept was offered at that time or after it. */
  wasTriedSince(ms: number): boolean {
    for (const { lastTriedMs } of this.#tried.values()) if (lastTriedMs >= ms) return true;
    return false;
  }

  /** Everything kept, by id, read as it is asked for. */
  async *all(): AsyncGenerator<QuarantineItem, void, undefined> {
    const ids = [...this.#tried.keys()].sort();
    for (let from = 0; from < ids.length; from += CHUNK) yield* await this.items(ids.slice(from, from + CHUNK));
  }

  /** Those of the ids that are kept, in the order given. */
  async items(ids: readonly string[]): Promise<QuarantineItem[]> {
    const stored = await this.#database.read((open) => storedItems(open, ids));
    return [...stored.values()].map(itemOf);
  }

  /** True for a document that is kept here. */
  has(id: string): boolean {
    return this.#tried.has(id);
  }

  /** Forgets a document: the centre has it now, or a person gave it up. Throws `not_found`. */
  async remove(id: string): Promise<QuarantineItem> {
    try {
      const stored = await this.#database.write(async (database) => {
        const found = (await database.get(id)) as StoredItem;
        await database.remove(found);
        return found;
      });
      this.#tried.delete(id);
      return itemOf(stored);
    } catch (error) {
      if (isNotFound(error)) throw new AppError('not_found', `there is no document ${id} in quarantine`);
      throw error;
    }
  }

  /** Reads everything; throws `storage_failed` when something cannot be read or is not there. */
  async verify(): Promise<void> {
    const stored = this.count;
    let read = 0;
    for await (const _ of this.all()) read++;
    if (read < stored && this.count >= stored) {
      throw new AppError('storage_failed', `${stored - read} documents in quarantine cannot be read`);
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #keep(
    refused: readonly Refused[],
    at: string,
    counts: (one: { before: StoredItem | undefined }) => boolean,
  ): Promise<void> {
    if (refused.length === 0) return;
    const kept = await this.#database.write(async (database) => {
      const ids = refused.map(({ document }) => document._id);
      const stored = await storedItems(database, ids);
      const items = refused
        .map(({ document, reason }) => ({ document, reason, before: stored.get(document._id) }))
        .filter(counts)
        .map(({ document, reason, before }) => ({
          ...(before ? { _rev: before._rev } : {}),
          ...{ _id: document._id, reason, since: before?.since ?? at, tries: (before?.tries ?? 0) + 1 },
          ...{ lastTriedAt: at, doc: document },
        }));
      const failed = (await database.bulkDocs(items)).find((result) => 'error' in result);
      if (failed) throw new Error(`a refused document could not be kept: ${JSON.stringify(failed)}`);
      return items;
    });
    for (const item of kept) this.#tried.set(item._id, triedOf(item));
  }

  async #look(open: Database): Promise<void> {
    this.#isIncomplete = (await readLocal<{ isIncomplete: boolean }>(open, INCOMPLETE))?.isIncomplete === true;
    const stored = await storedItems(open, await idsIn(open), triedOf);
    this.#tried = stored;
  }
}

/** Name of the `_local` document that remembers a damage not dealt with. */
const INCOMPLETE = 'incomplete';

function itemOf({ _id: id, reason, since, tries, lastTriedAt, doc }: StoredItem): QuarantineItem {
  return { id, reason, since, tries, ...(lastTriedAt === undefined ? {} : { lastTriedAt }), doc };
}

/** An item of an earlier version says only when it was refused first. */
function triedOf({ tries, since, lastTriedAt = since }: Omit<StoredItem, '_rev'>): Tried {
  return { tries, lastTriedMs: parseInstant(lastTriedAt) ?? 0 };
}

async function idsIn(open: Database): Promise<string[]> {
  return (await open.allDocs({})).rows.map(({ id }) => id);
}

/** By id; one that is not kept is absent. Not by `allDocs` with documents, which PouchDB does not survive on damage. */
async function storedItems(open: Database, ids: readonly string[]): Promise<Map<string, StoredItem>>;
async function storedItems<T>(
  open: Database,
  ids: readonly string[],
  of: (item: StoredItem) => T,
): Promise<Map<string, T>>;
async function storedItems(
  open: Database,
  ids: readonly string[],
  of: (item: StoredItem) => unknown = (item) => item,
): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for (let from = 0; from < ids.length; from += CHUNK) {
    const items = await Promise.all(ids.slice(from, from + CHUNK).map((id) => itemIn(open, id)));
    for (const item of items) if (item) found.set(item._id, of(item));
  }
  return found;
}

async function itemIn(open: Database, id: string): Promise<StoredItem | undefined> {
  try {
    return (await open.get(id)) as StoredItem;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function logMending(log: Logger | undefined, { outcome, reason, setAside }: Mending): void {
  const what = outcome === 'repaired' ? 'was damaged and has been repaired' : 'could not be read and begins anew';
  const facts = { reason, ...(setAside === undefined ? {} : { setAside }) };
  log?.error(`the quarantine ${what}; what it has lost is offered to the centre again`, facts);
}
