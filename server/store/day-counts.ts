/**
 * How many readings an embedded store holds of each village and day: entries of the index of numbers (`number-places.ts`),
 * written in the same batch as the documents they count. A reading's id tells its village and its day, and a document is
 * counted once however many bodies it has.
 *
 * Whoever changes counts takes turns, and `keep`s what was written once it was.
 */
import type { Database } from '../../shared/pouchdb.js';
import { eachEntry, readValues } from './raw-entries.js';

/** Readings by day, by village; days without any are left out. */
export type ReadingsByDay = Map<string, Map<string, number>>;

const CELL = 'day:';
const DAY_LENGTH = '2026-03-01'.length;
/** `<village>:r:<device>:<at>`. */
const READING = /^([^:]+):r:[^:]+:(\d{4}-\d\d-\d\d)T/;
/** Counts kept in mind, of some hundred bytes each. */
const MAX_KNOWN = 20_000;

/** The name of the count a document belongs to; undefined for anything but a reading. Sorts by day. */
export function cellOf(id: string): string | undefined {
  const [, village, day] = READING.exec(id) ?? [];
  return village === undefined ? undefined : `${CELL}${day}:${village}`;
}

/** How each count changes when these documents are added. */
export function addedReadings(ids: Iterable<string>): Map<string, number> {
  const added = new Map<string, number>();
  for (const id of ids) addTo(added, cellOf(id), 1);
  return added;
}

export function addTo(changes: Map<string, number>, cell: string | undefined, change: number): void {
  if (cell !== undefined && change !== 0) changes.set(cell, (changes.get(cell) ?? 0) + change);
}

export class DayCounts {
  readonly #database: Database;
  readonly #store: string;
  readonly #known = new Map<string, number>();

  constructor(database: Database, store: string) {
    this.#database = database;
    this.#store = store;
  }

  /** What the counts become. */
  async changed(changes: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    const unknown = [...changes.keys()].filter((cell) => !this.#known.has(cell));
    const texts = await readValues(this.#database, this.#store, unknown);
    const read = new Map(unknown.map((cell, n) => [cell, countIn(texts[n])]));
    return new Map(
      [...changes].map(([cell, change]) => [cell, (this.#known.get(cell) ?? read.get(cell) ?? 0) + change]),
    );
  }

  /** These were written. */
  keep(counts: ReadonlyMap<string, number>): void {
    if (this.#known.size + counts.size > MAX_KNOWN) this.#known.clear();
    for (const [cell, count] of counts) this.#known.set(cell, count);
  }
}

/** Of the days `from` to `to`, the last one left out. */
export async function readDayCounts(
  database: Database,
  store: string,
  { from, to }: { from: string; to: string },
): Promise<ReadingsByDay> {
  const found: ReadingsByDay = new Map();
  const range = { store, from: `${CELL}${from}:`, to: '', before: `${CELL}${to}:` };
  await eachEntry(database, range, (name, value) => {
    const day = name.slice(CELL.length, CELL.length + DAY_LENGTH);
    addCount(found, name.slice(CELL.length + DAY_LENGTH + 1), day, countIn(value));
  });
  return found;
}

/** Of one village. */
export async function readVillageDays(
  database: Database,
  store: string,
  village: string,
  days: readonly string[],
): Promise<ReadingsByDay> {
  const found: ReadingsByDay = new Map();
  const texts = await readValues(
    database,
    store,
    days.map((day) => `${CELL}${day}:${village}`),
  );
  for (const [n, day] of days.entries()) addCount(found, village, day, countIn(texts[n]));
  return found;
}

export function addCount(found: ReadingsByDay, village: string, day: string, count: number): void {
  if (count <= 0) return;
  const days = found.get(village) ?? new Map<string, number>();
  found.set(village, days.set(day, count));
}

function countIn(text: string | undefined): number {
  const count = Number(text ?? 0);
  return Number.isSafeInteger(count) ? count : 0;
}
