/**
 * Merging many series, each in order of time, into one order of time.
 *
 * A series is read in small chunks and only as far as the merge needs it, so memory depends on the number of series and
 * the chunk, never on the number of documents.
 */
import { parseTelemetryId, type TelemetryDocument } from './documents.js';
import type { RangeReader } from './range-reader.js';

/** A document's place in a list. */
export interface Place {
  time: string;
  id: string;
}

/** Ids to read, both ends inclusive; `startId` is where reading begins. */
export interface IdRange {
  startId: string;
  endId: string;
  descending: boolean;
}

/** One series of one reader, read in chunks; `head` is the next document, undefined at the end. */
export class SeriesReader {
  head: TelemetryDocument | undefined;
  readonly #reader: RangeReader;
  readonly #isWanted: (id: string) => boolean;
  #range: IdRange;
  #buffer: TelemetryDocument[] = [];
  #position = 0;
  #atEnd = false;

  constructor(reader: RangeReader, range: IdRange, isWanted: (id: string) => boolean) {
    this.#reader = reader;
    this.#range = range;
    this.#isWanted = isWanted;
  }

  /** Moves `head` on; when the buffer is used up, about `chunk` documents more are read. */
  async advance(chunk: number): Promise<void> {
    while (this.#position === this.#buffer.length && !this.#atEnd) await this.#fill(chunk);
    this.head = this.#buffer[this.#position++];
  }

  async #fill(chunk: number): Promise<void> {
    const { startId } = this.#range;
    // Two more than the chunk, for the document the range begins with (read before) and the one at `to` or at the
    // cursor.
    const limit = chunk + 2;
    const found = await this.#reader.readRange({ ...this.#range, limit });
    const last = found.at(-1)?._id;
    const previous = this.#buffer.at(-1)?._id;
    this.#atEnd = found.length < limit || last === startId;
    this.#buffer = found.filter(({ _id: id }) => id !== previous && this.#isWanted(id));
    this.#position = 0;
    if (last !== undefined) this.#range = { ...this.#range, startId: last };
  }
}

/** Series by their next document: a binary heap, so that thousands of series cost a dozen comparisons a document. */
export class SeriesQueue {
  readonly #heap: SeriesReader[] = [];
  readonly #sign: 1 | -1;

  constructor(order: 'asc' | 'desc') {
    this.#sign = order === 'asc' ? 1 : -1;
  }

  /** A series that has come to its end is left out. */
  add(series: SeriesReader): void {
    if (!series.head) return;
    const heap = this.#heap;
    let index = heap.push(series) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(index, parent)) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  take(): SeriesReader | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    heap[0] = last;
    let index = 0;
    for (;;) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === index) return first;
      this.#swap(index, least);
      index = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    return this.#sign * comparePlaces(placeOf(this.#heap[a]?.head), placeOf(this.#heap[b]?.head)) < 0;
  }

  #swap(a: number, b: number): void {
    const { [a]: first, [b]: second } = this.#heap;
    if (!first || !second) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
  }
}

function placeOf(document: TelemetryDocument | undefined): Place {
  const id = document?._id ?? '';
  return { time: timeOf(id), id };
}

/** What lists are ordered by, from an id; empty for an id that is no telemetry. */
export function timeOf(id: string): string {
  return parseTelemetryId(id)?.time ?? '';
}

/** Order of time, then id. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
