/**
 * Receipts of the embedded store: each is counted from the bodies as they are read from LevelDB at the time of asking.
 *
 * The index (`number-places.ts`) is written together with the documents. Where it is behind it follows in the background,
 * in small steps; a receipt waits until it covers everything that was stored when the receipt was asked for. Other
 * requests have their turn after every few hundred documents read.
 */
import { AppError } from '../../shared/app-error.js';
import type { MendingDatabase } from '../../shared/mending-database.js';
import type { Database } from '../../shared/pouchdb.js';
import { addChecksums, checksumOf, EMPTY_RECEIPT, joinReceipts, type Receipt } from '../../shared/receipt.js';
import { sleep } from '../../shared/time.js';
import { readCounters } from './database-counters.js';
import { eachBodyIn, eachBodyUnder, NumberPlaces, type OnBody, type Places, type WriteBatch } from './number-places.js';
import { DamagedIndex, type Stretch } from './number-stretches.js';
import { type StoredBody, storedBody } from './stored-body.js';

/** Bodies read with one iterator, between two looks at whether the store is still there. */
const MAX_PART = 20_000;
/** Bodies looked up one by one in one call. */
const MAX_LOOK_UP = 1000;
/** Parts of one receipt read at the same time: one is being counted while the other is fetched. */
const PARTS_AT_ONCE = 2;
/** Shorter stretches are fetched body by body: an iterator of its own costs as much as so many look-ups. */
const SHORT = 8;
const CATCH_UP_WAIT_MS = 5_000;
const RETRY_AFTER_S = 10;

export interface EmbeddedReceiptsOptions {
  /** Milliseconds a receipt waits for the index before it says that it cannot tell. */
  catchUpWaitMs?: number | undefined;
}

interface Asked {
  village: string;
  node: string;
  from: number;
  to: number;
  /** Aborted when nobody waits for the receipt any more. */
  signal?: AbortSignal | undefined;
}

export class EmbeddedReceipts {
  readonly #database: MendingDatabase;
  readonly #waitMs: number;
  #places: NumberPlaces | undefined;
  #following: Promise<void> | undefined;
  #isClosing = false;

  constructor(database: MendingDatabase, options: EmbeddedReceiptsOptions = {}) {
    this.#database = database;
    this.#waitMs = options.catchUpWaitMs ?? CATCH_UP_WAIT_MS;
  }

  /** Has the index follow what was stored; its failures are told to whoever asks for a receipt. */
  follow(): void {
    void this.#follow().catch(() => undefined);
  }

  /**
   * Has `write` store new documents at the sequences from `first` on, which follow the last one, along with what the
   * index is to know of them.
   */
  async append(database: Database, first: number, documents: readonly StoredBody[], write: WriteBatch): Promise<void> {
    const places = this.#places;
    if (places?.database === database) {
      if (await places.append(first, documents, write)) return;
    } else {
      await write([]);
    }
    this.follow();
  }

  /**
   * Throws `unavailable` when the index is too far behind, as it is after years of documents were stored without one,
   * and `storage_failed` when something cannot be read.
   */
  async receipt(village: string, node: string, from: number, to: number, signal?: AbortSignal): Promise<Receipt> {
    const places = await this.#catchUp();
    let receipt = EMPTY_RECEIPT;
    for (let next = from; next <= to; ) {
      const start = next;
      const part = await this.#find(places, { village, node, from: start, to });
      const counted = await this.#count(places, { village, node, from: start, to: part.to, signal }, part.stretches);
      receipt = joinReceipts(receipt, counted);
      next = part.to + 1;
    }
    return receipt;
  }

  /** Asks the index when it covers what is stored now. Throws what `receipt` throws. */
  async askIndex<T>(ask: (places: NumberPlaces) => Promise<T>): Promise<T> {
    const places = await this.#catchUp();
    return this.#read(places, () => ask(places));
  }

  /** Ends the step under way and begins no other. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#following?.catch(() => undefined);
  }

  /** The index, when it covers what is stored now. */
  async #catchUp(): Promise<NumberPlaces> {
    const { opened, target } = await this.#database.read(async (database) => {
      const { updateSeq } = await readCounters(database);
      return { opened: database, target: updateSeq };
    });
    const waiting = new AbortController();
    const isLate = sleep(this.#waitMs, waiting.signal).then(() => !waiting.signal.aborted);
    try {
      for (;;) {
        const places = this.#places;
        if (places?.database === opened && places.covered >= target) return places;
        if (await Promise.race([isLate, this.#follow().then(() => false)])) throw this.#behind(target);
        if (this.#places?.database !== opened) throw openedAnew();
      }
    } finally {
      waiting.abort();
    }
  }

  #behind(target: number): AppError {
    const covered = Math.max(0, this.#places?.covered ?? 0);
    const message = `this cannot be told yet: the index of numbers covers ${covered} of ${target} documents`;
    return new AppError('unavailable', message, { retryAfterS: RETRY_AFTER_S });
  }

  /** Steps until everything is taken that was stored when the last step began. */
  #follow(): Promise<void> {
    if (this.#isClosing) return Promise.reject(new AppError('busy', 'the store is being closed', { retryAfterS: 1 }));
    this.#following ??= this.#takeSteps().finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  async #takeSteps(): Promise<void> {
    for (let isBehind = true; isBehind && !this.#isClosing; ) {
      isBehind = await this.#database.write(async (database) => {
        const places = await this.#placesOf(database);
        await places.step();
        return places.covered < (await readCounters(database)).updateSeq;
      });
    }
  }

  /** The index of the database as it is open now: after a failure it is opened anew, and may have lost something. */
  async #placesOf(database: Database): Promise<NumberPlaces> {
    if (this.#places?.database !== database) this.#places = await NumberPlaces.open(database);
    return this.#places;
  }

  async #find(places: NumberPlaces, { village, node, from, to }: Asked): Promise<Places> {
    try {
      return await this.#read(places, () => places.find(village, node, from, to));
    } catch (error) {
      if (error instanceof DamagedIndex) {
        if (this.#places === places) this.#places = undefined;
        await this.#database.write(() => places.discard());
      }
      throw error;
    }
  }

  async #count(places: NumberPlaces, asked: Asked, stretches: readonly Stretch[]): Promise<Receipt> {
    const { village, node, from, to, signal } = asked;
    const prefix = `${village}:`;
    let count = 0;
    let checksum = 0;
    const { outdated } = places;
    const add = (name: string, text: string) => {
      const body = storedBody(text);
      if (!body && !isReadable(text)) this.#database.suspect(`the body ${name} cannot be read`);
      if (!body || body.node !== node || body.seq < from || body.seq > to || !body.id.startsWith(prefix)) return;
      if (outdated.size > 0 && outdated.has(Number(name))) return;
      count++;
      checksum = addChecksums(checksum, checksumOf(body.rev));
    };
    const parts = partsOf(stretches);
    const work = async () => {
      for (let part = parts.next(); !part.done; part = parts.next()) {
        const { value: read } = part;
        if (signal?.aborted) throw new AppError('busy', 'nobody waits for the receipt any more', { retryAfterS: 1 });
        await this.#read(places, (database) => read(database, add));
      }
    };
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, work));
    return { count, checksum };
  }

  /** The index is that of one opening of the database: the next one may be of a database that has lost something. */
  #read<T>(places: NumberPlaces, work: (database: Database) => Promise<T>): Promise<T> {
    return this.#database.read((database) => {
      if (database === places.database) return work(database);
      throw openedAnew();
    });
  }
}

/** What was asked of one opening of the database cannot be told of the next. */
export function openedAnew(): AppError {
  return new AppError('unavailable', 'the database was opened anew meanwhile', { retryAfterS: 1 });
}

/** Deletions and documents without a number can be read, and are not counted. */
function isReadable(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}

type ReadPart = (database: Database, each: OnBody) => Promise<void>;

/** Each sequence of the stretches in one part; a part is read with one iterator or by look-ups. */
function* partsOf(stretches: readonly Stretch[]): Generator<ReadPart, void> {
  let single: number[] = [];
  const lookUp = (): ReadPart => {
    const sequences = single;
    single = [];
    return (database, each) => eachBodyUnder(database, sequences, each);
  };
  for (const { from, to } of stretches) {
    if (to - from < SHORT) {
      for (let sequence = from; sequence <= to; sequence++) single.push(sequence);
      if (single.length >= MAX_LOOK_UP) yield lookUp();
      continue;
    }
    for (let start = from; start <= to; start += MAX_PART) {
      const stretch = { from: start, to: Math.min(to, start + MAX_PART - 1) };
      yield (database, each) => eachBodyIn(database, stretch, each);
    }
  }
  if (single.length > 0) yield lookUp();
}
