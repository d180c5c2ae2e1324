/**
 * Merging many series, each in order of time, into one order of time.
 *
 * A series is read in small chunks and only as far as the merge needs it, so memory is bounded, whatever the number of
 * documents.
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

const NOWHERE: Place = { time: '', id: '' };

/** One series of one reader, read in chunks; `head` is the next document, undefined at the end. */
export class SeriesReader {
  head: TelemetryDocument | undefined;
  /** Of `head`. */
  place = NOWHERE;
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

  /** Documents it keeps in memory. */
  get held(): number {
    return this.#buffer.length;
  }

  /** Moves `head` on; when the buffer is used up, about `chunk` documents more are read. */
  async advance(chunk: number): Promise<void> {
    while (this.#position === this.#buffer.length && !this.#atEnd) await this.#fill(chunk);
    this.head = this.#buffer[this.#position++];
    if (this.head) this.place = { time: timeOf(this.head._id), id: this.head._id };
    else this.#buffer = [];
  }

  async #fill(chunk: number): Promise<void> {
    const { startId } = this.#range;
    // Two more than the chunk, for the document the range begins with (read before) and the one at `to` or at the
    // cursor.
    const limit = chunk + 2;
    const previous = this.#buffer.at(-1)?._id;
    const found = await this.#reader.readRange({ ...this.#range, limit });
    const last = found.at(-1)?._id;
    this.#atEnd = found.length < limit || last === startId;
    this.#buffer = found.filter(({ _id: id }) => id !== previous && this.#isWanted(id));
    this.#position = 0;
    if (last !== undefined) this.#range = { ...this.#range, startId: last };
  }
}

/**
 * Series whose first documents are read at the same time: enough to hide a store's latency, few enough not to flood it.
 */
const PARALLEL_READS = 8;
const MIN_CHUNK = 4;
const MAX_CHUNK = 1000;

/** Series merged into one order; more can be added on the way, as long as none of them reaches back before `head`. */
export class SeriesMerge {
  readonly #queue: SeriesQueue;
  readonly #maxDocuments: number;
  /** Documents in the buffers of all series. */
  #held = 0;

  /** Holds about `maxDocuments`, or a few per series where those are more. */
  constructor(order: 'asc' | 'desc', maxDocuments: number) {
    this.#queue = new SeriesQueue(order);
    this.#maxDocuments = maxDocuments;
  }

  /** The next document, undefined at the end. */
  get head(): TelemetryDocument | undefined {
    return this.#queue.first?.head;
  }

  /** What lists are ordered by, of `head`. */
  get time(): string | undefined {
    return this.#queue.first?.place.time;
  }

  /** Takes series of which nothing has been read. */
  async add(series: readonly SeriesReader[]): Promise<void> {
    const chunk = this.#chunkFor(series.length, this.#queue.size + series.length);
    for (let start = 0; start < series.length; start += PARALLEL_READS) {
      const group = series.slice(start, start + PARALLEL_READS);
      await Promise.all(group.map((one) => one.advance(chunk)));
      for (const one of group) this.#keep(one);
    }
  }

  async moveOn(): Promise<void> {
    const first = this.#queue.take();
    if (!first) return;
    this.#held -= first.held;
    await first.advance(this.#chunkFor(1, this.#queue.size + 1));
    this.#keep(first);
  }

  #keep(series: SeriesReader): void {
    this.#held += series.held;
    this.#queue.add(series);
  }

  /** An equal share for each of all the series, unless `count` such shares are more than is left. */
  #chunkFor(count: number, all: number): number {
    const share = Math.min(this.#maxDocuments / all, (this.#maxDocuments - this.#held) / count);
    return Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, Math.floor(share)));
  }
}

/** Series by their next document: a binary heap, so that thousands of series cost a dozen comparisons a document. */
class SeriesQueue {
  readonly #heap: SeriesReader[] = [];
  readonly #sign: 1 | -1;

  constructor(order: 'asc' | 'desc') {
    this.#sign = order === 'asc' ? 1 : -1;
  }

  get first(): SeriesReader | undefined {
    return this.#heap[0];
  }

  get size(): number {
    return this.#heap.length;
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
    return this.#sign * comparePlaces(this.#heap[a]?.place ?? NOWHERE, this.#heap[b]?.place ?? NOWHERE) < 0;
  }

  #swap(a: number, b: number): void {
    const { [a]: first, [b]: second } = this.#heap;
    if (!first || !second) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
  }
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
