/** A reader of documents in memory for tests of lists: it counts what is asked of it and fails when told to. */
import { type PostedType, parseTelemetryId, type TelemetryDocument } from '../../shared/documents.js';
import type { RangeReader, TimeSpan } from '../../shared/range-reader.js';

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
      const within = this.#documents.filter(({ _id: id }) => id >= low && id <= high);
      const found = (descending ? within.reverse() : within).slice(0, limit);
      this.longestRead = Math.max(this.longestRead, found.length);
      for (const { _id: id } of found) this.onRead(id);
      return found;
    });
  }

  firstId(startId: string, endId: string) {
    return this.#call(() => this.#documents.find(({ _id: id }) => id >= startId && id <= endId)?._id);
  }

  async #call<T>(answer: () => T): Promise<T> {
    this.beforeCall(this.calls++);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    await new Promise(setImmediate);
    this.underWay--;
    return answer();
  }
}

/** The span of those of the documents that are of a type. */
export function spanOf(documents: readonly TelemetryDocument[], type: PostedType): TimeSpan | 'none' {
  const times = documents.filter((one) => one.type === type).map((one) => parseTelemetryId(one._id)?.time ?? '');
  const [oldest] = times.sort();
  const newest = times.at(-1);
  return oldest === undefined || newest === undefined ? 'none' : { oldest, newest };
}
