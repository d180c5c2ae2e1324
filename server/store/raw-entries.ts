/**
 * Entries of an embedded PouchDB as they lie in LevelDB, read and written past PouchDB.
 *
 * Values are not looked into. A read that fails is noted below (`watched-level.ts`), and whoever runs `readably` throws
 * for it: what comes back here may then be too little.
 */
import { type Database, levelOf } from '../../shared/pouchdb.js';
import type { LevelOperation } from '../../shared/watched-level.js';

/** Keys of `store` begin with this and go on with the name of the entry. */
export function keyIn(store: string, name: string): string {
  return `\xff${store}\xff${name}`;
}

/**
 * Bytes fetched from LevelDB at a time. What was fetched last stays in memory, outside of the heap, until the iterator
 * happens to be collected: with many iterators more than this adds up.
 */
const FETCH_BYTES = 64 * 1024;

export type RawEntry = readonly [name: string, value: string];

export interface RawRange {
  store: string;
  /** Names from this one on, or those behind it; from the first one where both are absent. */
  from?: string;
  after?: string;
  /** The last name, itself included. */
  to: string;
  /** Names before this one, in the place of `to`. */
  before?: string;
  /** All of them where absent. */
  limit?: number;
  /** From the last name to the first. */
  reverse?: boolean;
}

/** The entries of a range in the order of their names, or the other way round. */
export async function readEntries(database: Database, range: RawRange): Promise<RawEntry[]> {
  const found: RawEntry[] = [];
  await eachEntry(database, range, (name, value) => found.push([name, value]));
  return found;
}

/** Hands over the entries of a range in that order; other work has its turn after every few hundred. */
export function eachEntry(
  database: Database,
  { store, from, after, to, before, limit = -1, reverse = false }: RawRange,
  each: (name: string, value: string) => void,
): Promise<void> {
  const start = keyIn(store, '').length;
  return new Promise((resolve, reject) => {
    const iterator = levelOf(database).iterator({
      ...(after === undefined ? { gte: keyIn(store, from ?? '') } : { gt: keyIn(store, after) }),
      ...(before === undefined ? { lte: keyIn(store, to) } : { lt: keyIn(store, before) }),
      limit,
      reverse,
      keyAsBuffer: false,
      valueAsBuffer: false,
      unchecked: true,
      fillCache: false,
      highWaterMark: FETCH_BYTES,
    });
    const step = (error?: Error | null, key?: string | Buffer, value?: string | Buffer) => {
      if (error || key === undefined) {
        iterator.end((failure) => (error || failure ? reject(error ?? failure) : resolve()));
        return;
      }
      each(String(key).slice(start), String(value));
      iterator.next(step);
    };
    iterator.next(step);
  });
}

/** The values under names, in their order; `undefined` where there is none. */
export function readValues(
  database: Database,
  store: string,
  names: readonly string[],
): Promise<(string | undefined)[]> {
  if (names.length === 0) return Promise.resolve([]);
  const keys = names.map((name) => keyIn(store, name));
  return new Promise((resolve, reject) => {
    levelOf(database)._getMany(keys, { asBuffer: false, fillCache: false }, (error, values) => {
      if (error) reject(error);
      else resolve(values ?? []);
    });
  });
}

/** One batch, not synced: after a power cut all of it or nothing is there, and what was written before it is, too. */
export function writeEntries(database: Database, operations: readonly LevelOperation[]): Promise<void> {
  return writeBatch(database, operations, false);
}

/** One batch, on the disk when the promise resolves. */
export function writeSynced(database: Database, operations: readonly LevelOperation[]): Promise<void> {
  return writeBatch(database, operations, true);
}

function writeBatch(database: Database, operations: readonly LevelOperation[], sync: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    levelOf(database)._batch(operations, { sync }, (error) => (error ? reject(error) : resolve()));
  });
}
