/** A reader of documents in memory for tests of lists: it counts what is asked of it and fails when told to. */
import { seriesBelow } from '../../server/store/couch-series.js';
import { type PostedType, parseTelemetryId, type TelemetryDocument } from '../../shared/documents.js';
import type { FoundSeries, RangeReader, ReadRange, TimeSpan } from '../../shared/range-reader.js';

export class MemoryReader implements RangeReader {
  readonly #documents: TelemetryDocument[];
  /** Calls of either kind so far. */
  calls = 0;
  /** Calls under way now, and the most there ever were. */
  underWay = 0;
  mostUnderWay = 0;
  longestRead = 0;
  /** Called with each document that is read. */
  onRead: (id: string) => void = () => undefined;
  /** Called before each call with how many there were before; may throw. */
  beforeCall: (calls: number) => void = () => undefined;
  readonly span?: NonNullable<RangeReader['span']>;

  constructor(documents: readonly TelemetryDocument[], span?: NonNullable<RangeReader['span']>) {
    this.#documents = [...documents].sort((a, b) => (a._id < b._id ? -1 : 1));
    if (span) this.span = span;
  }

  /** Writes one more, as a node does while it is read. */
  insert(document: TelemetryDocument): void {
    this.#documents.push(document);
    this.#documents.sort((a, b) => (a._id < b._id ? -1 : 1));
  }

  readRange({ startId, endId, descending, limit }: Parameters<RangeReader['readRange']>[0]) {
    return this.#call(() => {
      const [low, high] = descending ? [endId, startId] : [startId, endId];
      const start = this.#place((id) => id >= low);
      const end = this.#place((id) => id > high);
      const found = descending
        ? this.#documents.slice(Math.max(start, end - limit), Math.max(start, end)).reverse()
        : this.#documents.slice(start, Math.min(end, start + limit));
      this.longestRead = Math.max(this.longestRead, found.length);
      for (const { _id: id } of found) this.onRead(id);
      return found;
    });
  }

  firstId(startId: string, endId: string) {
    return this.#call(() => {
      const id = this.#documents[this.#place((one) => one >= startId)]?._id;
      return id !== undefined && id <= endId ? id : undefined;
    });
  }

  /** Of the first document whose id, and so every one behind it, is `beyond`. */
  #place(beyond: (id: string) => boolean): number {
    let [low, high] = [0, this.#documents.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (beyond(this.#documents[middle]?._id ?? '')) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  async #call<T>(answer: () => T): Promise<T> {
    this.beforeCall(this.calls++);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    await new Promise(setImmediate);
    this.underWay--;
    return answer();
  }
}

/** The same, which answers several ranges at once and finds its series by itself. */
export class TogetherReader extends MemoryReader {
  /** Questions of several ranges, and the most documents that may have been on their way at once. */
  questions = 0;
  mostExpected = 0;
  #expected = 0;

  async readRanges(ranges: readonly ReadRange[]): Promise<TelemetryDocument[][]> {
    this.questions++;
    const expected = ranges.reduce((sum, { limit }) => sum + limit, 0);
    this.#expected += expected;
    this.mostExpected = Math.max(this.mostExpected, this.#expected);
    try {
      return await Promise.all(ranges.map((range) => this.readRange(range)));
    } finally {
      this.#expected -= expected;
    }
  }

  seriesBelow(scope: string): Promise<FoundSeries[]> {
    return seriesBelow((ranges) => this.readRanges(ranges), scope);
  }
}

/** The span of those of the documents that are of a type. */
export function spanOf(documents: readonly TelemetryDocument[], type: PostedType): TimeSpan | 'none' {
  const times = documents.filter((one) => one.type === type).map((one) => parseTelemetryId(one._id)?.time ?? '');
  const [oldest] = times.sort();
  const newest = times.at(-1);
  return oldest === undefined || newest === undefined ? 'none' : { oldest, newest };
}
