/** One series of one reader: its documents in order, read in chunks, with those read and not yet taken in memory. */
import { parseTelemetryId, type TelemetryDocument } from './documents.js';
import type { RangeReader, ReadRange } from './range-reader.js';

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

/** A series' first and last document. */
export interface SeriesEnds {
  first?: TelemetryDocument;
  last?: TelemetryDocument;
}

export const NOWHERE: Place = { time: '', id: '' };

export class SeriesReader {
  /** The next document; undefined before the first and behind the last one. */
  head: TelemetryDocument | undefined;
  /** Of `head`. */
  place = NOWHERE;
  readonly reader: RangeReader;
  readonly #isWanted: (id: string) => boolean;
  #range: IdRange;
  #buffer: TelemetryDocument[] = [];
  #position = 0;
  /** The last document read, wanted or not. */
  #lastId: string | undefined;
  #atEnd = false;

  /** `ends`: what of them is known already. */
  constructor(reader: RangeReader, range: IdRange, isWanted: (id: string) => boolean, ends: SeriesEnds = {}) {
    this.reader = reader;
    this.#range = range;
    this.#isWanted = isWanted;
    const { startId, endId, descending } = range;
    const begin = descending ? ends.last : ends.first;
    const [lowId, highId] = descending ? [endId, startId] : [startId, endId];
    if (begin && begin._id >= lowId && begin._id <= highId) this.#append([begin]);
  }

  /** Documents it keeps in memory. */
  get held(): number {
    return this.#buffer.length;
  }

  /** Documents read and still to come behind `head`. */
  get ahead(): number {
    return this.#buffer.length - this.#position;
  }

  /** Everything was read. */
  get isRead(): boolean {
    return this.#atEnd;
  }

  /** The time up to which it was read. */
  get readTo(): string {
    return this.#lastId === undefined ? '' : timeOf(this.#lastId);
  }

  /** Documents to come for each millisecond, by those in memory; undefined where these do not tell. */
  get perMs(): number | undefined {
    const [first, last] = [this.#buffer[0], this.#buffer.at(-1)];
    if (!first || !last) return undefined;
    const spanMs = Math.abs(Date.parse(timeOf(last._id)) - Date.parse(timeOf(first._id)));
    return spanMs > 0 ? (this.#buffer.length - 1) / spanMs : undefined;
  }

  /** Moves `head` on; when the buffer is used up, about `chunk` documents more are read. */
  async advance(chunk: number): Promise<void> {
    while (this.ahead === 0 && !this.#atEnd) await this.#fill(chunk);
    this.step();
  }

  /** Moves `head` on to what was read; undefined without. */
  step(): void {
    this.head = this.#buffer[this.#position++];
    if (this.head) this.place = { time: timeOf(this.head._id), id: this.head._id };
    else [this.#buffer, this.#position] = [[], 0];
  }

  /** What to read for about `chunk` documents more. */
  nextRange(chunk: number): ReadRange {
    // Two more than the chunk, for the document the range begins with (read before) and the one at `to` or at the
    // cursor.
    return { ...this.#range, limit: chunk + 2 };
  }

  /** Takes what was found in the latest `nextRange`; returns how many documents came in. */
  accept({ startId, limit }: ReadRange, found: readonly TelemetryDocument[]): number {
    this.#atEnd = found.length < limit || found.at(-1)?._id === startId;
    return this.#append(found);
  }

  async #fill(chunk: number): Promise<void> {
    const asked = this.nextRange(chunk);
    this.accept(asked, await this.reader.readRange(asked));
  }

  #append(found: readonly TelemetryDocument[]): number {
    const fresh = found.filter(({ _id: id }) => id !== this.#lastId && this.#isWanted(id));
    this.#buffer = this.ahead === 0 ? fresh : [...this.#buffer.slice(this.#position), ...fresh];
    this.#position = 0;
    const last = found.at(-1)?._id;
    if (last !== undefined) {
      this.#lastId = last;
      this.#range = { ...this.#range, startId: last };
    }
    return fresh.length;
  }
}

/**
 * Reads on in series of one reader, in the `nextRange` of each, together where the reader can; returns how many documents
 * came in.
 */
export async function readOn(series: readonly SeriesReader[], ranges: readonly ReadRange[]): Promise<number> {
  const [first] = series;
  if (!first) return 0;
  const { reader } = first;
  const found = await (reader.readRanges?.(ranges) ?? Promise.all(ranges.map((range) => reader.readRange(range))));
  let added = 0;
  for (const [n, one] of series.entries()) {
    const [range, documents] = [ranges[n], found[n]];
    if (!range || !documents) throw new Error('a reader left out a range it was asked for');
    added += one.accept(range, documents);
  }
  return added;
}

/** What lists are ordered by, from an id; empty for an id that is no telemetry. */
export function timeOf(id: string): string {
  return parseTelemetryId(id)?.time ?? '';
}
