/**
 * Where the documents of each node lie in an embedded store: an index from (village, node, number) to the sequence
 * under which PouchDB keeps the body.
 *
 * A node's documents arrive in batches, so the index holds stretches: "among the sequences from..to are numbers of this
 * bucket", a bucket being 4,096 numbers of one node. Stretches of several nodes may overlap. The index only says where to
 * look: whoever reads must look at each body, and a stretch that claims too much does no harm.
 *
 * It counts the readings of each village and day as well (`day-counts.ts`).
 *
 * It lives in the same LevelDB as the documents, in a store of its own beside PouchDB's, so it is backed up, restored
 * and lost together with them. New documents and what the index is to know of them are one batch. Where it is behind
 * (documents were stored by somebody else, or before there was an index) it follows: each step takes what was stored
 * since the last one, and writes what it found together with how far it came, so that it may end, crash or fail anywhere
 * and goes on from there. When the body at which it ended is no longer what it was, the database is another one, and the
 * index begins anew.
 */
import type { Database } from '../../shared/pouchdb.js';
import type { LevelOperation } from '../../shared/watched-level.js';
import { readCounters } from './database-counters.js';
import {
  addedReadings,
  addTo,
  cellOf,
  DayCounts,
  type ReadingsByDay,
  readDayCounts,
  readVillageDays,
} from './day-counts.js';
import {
  clearIndex,
  INDEX_STORE,
  identityOf,
  progressOf,
  putEntry,
  putProgress,
  removeEntry,
} from './index-progress.js';
import {
  BUCKET,
  bodiesOf,
  bodyName,
  bucketIn,
  bucketName,
  bucketOf,
  type OpenStretch,
  placePrefix,
  type Stretch,
  stretchesIn,
  stretchesOf,
} from './number-stretches.js';
import { OverlapTurns } from './overlap-turns.js';
import { eachEntry, type RawEntry, readEntries, readValues, writeEntries } from './raw-entries.js';
import { type StoredBody, storedBody } from './stored-body.js';

/** PouchDB's stores: bodies by sequence, and what it knows of each document by id. */
const BODIES = 'by-sequence';
const DOCUMENTS = 'document-store';
/** Documents taken in one step: a few milliseconds of work. */
const STEP = 1000;
/** A batch waits for the index to come up to it when that takes a step or two. */
const NEAR = 2 * STEP;
/** Buckets whose last stretch is kept in mind. */
const MAX_OPEN = 1000;

/** A part of a range of numbers, and where to look for it. */
export interface Places {
  /** The last number of the part. */
  to: number;
  stretches: Stretch[];
}

/** Stores a batch of documents, and with them what the index adds. */
export type WriteBatch = (operations: readonly LevelOperation[]) => Promise<void>;

/** Gets the name of a body, which is its sequence in sixteen digits, and its text. */
export type OnBody = (name: string, text: string) => void;

/** Hands over the bodies in a stretch. */
export function eachBodyIn(database: Database, { from, to }: Stretch, each: OnBody): Promise<void> {
  const range = { store: BODIES, from: bodyName(from), to: bodyName(to), limit: to - from + 1 };
  return eachEntry(database, range, each);
}

/** Hands over the bodies under these sequences, as far as there are any. */
export async function eachBodyUnder(database: Database, sequences: readonly number[], each: OnBody): Promise<void> {
  const names = sequences.map(bodyName);
  const texts = await readValues(database, BODIES, names);
  for (const [n, name] of names.entries()) {
    const text = texts[n];
    if (text !== undefined) each(name, text);
  }
}

const TURN = ['index'];

/** The index of one open database; whatever changes it takes turns. */
export class NumberPlaces {
  readonly database: Database;
  /** Sequences whose bodies are no longer the documents', because these were deleted or changed behind our back. */
  readonly outdated: Set<number>;
  /** The last stretch of each bucket, as far as they are known. */
  readonly #open = new Map<string, OpenStretch>();
  readonly #days: DayCounts;
  readonly #turns = new OverlapTurns();
  #isDiscarded = false;
  #taken: number;
  /** The highest sequence that may be in the index already. */
  #claimed: number;
  #covered = -1;

  private constructor(database: Database, taken: number, outdated: Set<number>) {
    this.database = database;
    this.#days = new DayCounts(database, INDEX_STORE);
    this.#taken = taken;
    this.#claimed = taken;
    this.outdated = outdated;
  }

  /** Empties an index that is not of this database as it is now. */
  static async open(database: Database): Promise<NumberPlaces> {
    const progress = await progressOf(database);
    if (!progress) {
      await clearIndex(database);
      return new NumberPlaces(database, 0, new Set());
    }
    const range = { store: INDEX_STORE, from: outdatedName(0), to: outdatedName(Number.MAX_SAFE_INTEGER) };
    const outdated = await readEntries(database, range);
    const sequences = outdated.map(([name]) => Number(name.slice(OUTDATED.length)));
    return new NumberPlaces(database, progress.sequence, new Set(sequences));
  }

  /** Every document up to this sequence is in the index. */
  get covered(): number {
    return this.#covered;
  }

  /** Takes the next thousand documents at most. */
  step(): Promise<void> {
    return this.#turns.run(TURN, () => this.#step());
  }

  /**
   * Has `write` store new documents at the sequences from `first` on, which follow the last one, along with what the
   * index is to know of them. False when that was left to later steps, the index being too far behind.
   */
  append(first: number, documents: readonly StoredBody[], write: WriteBatch): Promise<boolean> {
    return this.#turns.run(TURN, async () => {
      const newest = documents.at(-1);
      if (!newest || !(await this.#reaches(first - 1))) {
        await write([]);
        return false;
      }
      const last = first + documents.length - 1;
      this.#claimed = last;
      const { id, rev } = newest;
      const days = await this.#days.changed(addedReadings(documents.map((document) => document.id)));
      await write([
        ...this.#additions(new Map(documents.map((document, n) => [first + n, document]))),
        ...countsOf(days),
        putProgress({ sequence: last, id, rev }),
      ]);
      this.#days.keep(days);
      this.#taken = last;
      this.#covered = last;
      return true;
    });
  }

  /** True when everything up to a sequence is in the index; takes a few steps where that is enough. */
  async #reaches(sequence: number): Promise<boolean> {
    while (this.#covered < sequence) {
      if (this.#isDiscarded || sequence - this.#taken > NEAR) return false;
      const { updateSeq } = await readCounters(this.database);
      if (updateSeq < sequence) return false;
      await this.#step();
    }
    return !this.#isDiscarded;
  }

  async #step(): Promise<void> {
    if (this.#isDiscarded) return;
    const { updateSeq: newest } = await readCounters(this.database);
    const after = bodyName(this.#taken);
    const entries = await readEntries(this.database, { store: BODIES, after, to: '9', limit: STEP });
    const last = entries.at(-1);
    if (last) await this.#take(entries, Number(last[0]));
    // Sequences can be missing at the end, after a repair: what is there has been taken all the same.
    this.#covered = entries.length < STEP ? Math.max(newest, this.#taken) : this.#taken;
  }

  /** The stretches that are new or longer with these bodies. */
  #additions(bodies: ReadonlyMap<number, StoredBody>): LevelOperation[] {
    if (this.#open.size > MAX_OPEN) this.#open.clear();
    return stretchesOf(bodies, this.#open).map(([name, to]) => putEntry(name, to));
  }

  async #take(entries: readonly RawEntry[], last: number): Promise<void> {
    const bodies = new Map<number, StoredBody>();
    const sequences = new Map<string, number[]>();
    for (const [name, text] of entries) {
      const body = storedBody(text);
      if (body) bodies.set(Number(name), body);
      const id = body?.id ?? identityOf(text).id;
      sequences.set(id, [...(sequences.get(id) ?? []), Number(name)]);
    }
    const { verdicts, readings } = await this.#verdicts(sequences, last);
    const days = await this.#days.changed(readings);
    const changed = [...verdicts].filter(([sequence, isOutdated]) => isOutdated !== this.outdated.has(sequence));
    this.#claimed = last;
    await writeEntries(this.database, [
      ...this.#additions(bodies),
      ...changed.map(([sequence, isOutdated]) =>
        isOutdated ? putEntry(outdatedName(sequence), 0) : removeEntry(outdatedName(sequence)),
      ),
      ...countsOf(days),
      putProgress({ sequence: last, ...identityOf(entries.at(-1)?.[1]) }),
    ]);
    this.#days.keep(days);
    for (const [sequence, isOutdated] of changed) {
      if (isOutdated) this.outdated.add(sequence);
      else this.outdated.delete(sequence);
    }
    this.#taken = last;
  }

  /**
   * Whether bodies are outdated, of the documents that have these, by what PouchDB knows of each document; and how the
   * counts of readings change. A body behind `last` is for a later step.
   */
  async #verdicts(
    sequences: ReadonlyMap<string, readonly number[]>,
    last: number,
  ): Promise<{ verdicts: Map<number, boolean>; readings: Map<string, number> }> {
    const verdicts = new Map<number, boolean>();
    const readings = new Map<string, number>();
    const ids = [...sequences.keys()];
    const records = await readValues(this.database, DOCUMENTS, ids);
    for (const [n, id] of ids.entries()) {
      const { current, others } = bodiesOf(records[n]);
      const earlier = [...others, ...(current === undefined ? [] : [current])];
      const wasCounted = earlier.some((sequence) => sequence <= this.#taken && !this.outdated.has(sequence));
      const isCounted = current !== undefined && current <= last;
      addTo(readings, cellOf(id), Number(isCounted) - Number(wasCounted));
      for (const sequence of [...(sequences.get(id) ?? []), ...others]) verdicts.set(sequence, sequence !== current);
      if (current !== undefined) verdicts.set(current, false);
    }
    return { verdicts, readings };
  }

  /** How many readings are held of the days `from` to `to`, the last one left out. */
  readingsByDay(range: { from: string; to: string }): Promise<ReadingsByDay> {
    return readDayCounts(this.database, INDEX_STORE, range);
  }

  readingsOfVillage(village: string, days: readonly string[]): Promise<ReadingsByDay> {
    return readVillageDays(this.database, INDEX_STORE, village, days);
  }

  /**
   * Where to look for a node's numbers from..to; for the first part of them, where that is much. Parts end with a
   * bucket, so no number is in two of them. Throws DamagedIndex.
   */
  async find(village: string, node: string, from: number, to: number): Promise<Places> {
    const prefix = placePrefix(village, node);
    const first = bucketOf(from);
    const all = { store: INDEX_STORE, from: prefix + bucketName(first), to: `${prefix}${bucketName(bucketOf(to))}:~` };
    const found = await readEntries(this.database, { ...all, limit: MAX_PLACES });
    if (found.length < MAX_PLACES) return { to, stretches: stretchesIn(found, this.#claimed) };
    const cut = bucketIn(found.at(-1)?.[0] ?? '');
    const below = found.filter(([name]) => bucketIn(name) < cut);
    if (below.length > 0) return { to: cut * BUCKET - 1, stretches: stretchesIn(below, this.#claimed) };
    // Only a node that gives numbers many times over has so many stretches in one bucket.
    const one = { store: INDEX_STORE, from: prefix + bucketName(cut), to: `${prefix}${bucketName(cut)}:~` };
    const whole = await readEntries(this.database, one);
    return { to: Math.min(to, (cut + 1) * BUCKET - 1), stretches: stretchesIn(whole, this.#claimed) };
  }

  /** Forgets all that was taken; the next one to open the index makes it anew. */
  discard(): Promise<void> {
    return this.#turns.run(TURN, async () => {
      this.#isDiscarded = true;
      await clearIndex(this.database);
    });
  }
}

/** More stretches than a bucket of numbers that were given once each can have. */
const MAX_PLACES = 10_000;

function countsOf(days: ReadonlyMap<string, number>): LevelOperation[] {
  return [...days].map(([cell, count]) => (count > 0 ? putEntry(cell, count) : removeEntry(cell)));
}

const OUTDATED = 'outdated:';

function outdatedName(sequence: number): string {
  return OUTDATED + bodyName(sequence);
}
