/**
 * Merging many series, each in order of time, into one order of time.
 *
 * A series is read in small chunks and only as far as the merge needs it, or together with others a little further where
 * that is quicker, so memory is bounded, whatever the number of documents.
 */
import type { TelemetryDocument } from './documents.js';
import { ReadAhead } from './read-ahead.js';
import { NOWHERE, type Place, type SeriesReader } from './series-reader.js';

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
  /** For the series of readers that answer several ranges at once. */
  readonly #ahead: ReadAhead;
  /** Documents in the buffers of all the other series. */
  #held = 0;

  /** Holds about `maxDocuments`, or a few per series where those are more. */
  constructor(order: 'asc' | 'desc', maxDocuments: number) {
    this.#queue = new SeriesQueue(order);
    this.#maxDocuments = maxDocuments;
    this.#ahead = new ReadAhead(order, maxDocuments);
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
    const together = series.filter(isReadTogether);
    if (together.length > 0) await this.#ahead.add(together);
    for (const one of together) this.#queue.add(one);
    await this.#addApart(series.filter((one) => !isReadTogether(one)));
  }

  async #addApart(series: readonly SeriesReader[]): Promise<void> {
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
    if (isReadTogether(first)) {
      await this.#ahead.advance(first);
      this.#queue.add(first);
      return;
    }
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

function isReadTogether({ reader }: SeriesReader): boolean {
  return reader.readRanges !== undefined;
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

/** Order of time, then id. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
