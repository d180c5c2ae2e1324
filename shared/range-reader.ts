/** What a list of telemetry needs of a database: reading documents in order of their ids, and knowing when from. */
import { AppError } from './app-error.js';
import type { PostedType, TelemetryDocument } from './documents.js';

/**
 * From the oldest to the newest document, both inclusive, as canonical instants of what lists are ordered by: `for`
 * before `at` in predictions.
 */
export interface TimeSpan {
  oldest: string;
  newest: string;
}

/** `startId` and `endId` inclusive; with `descending`, `startId` is the higher one. */
export interface ReadRange {
  startId: string;
  endId: string;
  descending: boolean;
  limit: number;
}

/** A series by what the ids of its documents begin with, and the first of these documents; the last one where that is known. */
export interface FoundSeries {
  prefix: string;
  first: TelemetryDocument;
  last?: TelemetryDocument;
}

/** Reads documents by id. */
export interface RangeReader {
  readRange(range: ReadRange): Promise<TelemetryDocument[]>;
  /**
   * Several ranges of one village, in the order in which they are asked for. There is such a method where a question
   * costs more than what it reads; how many questions are under way at once is for the reader to bound.
   */
  readRanges?(ranges: readonly ReadRange[]): Promise<TelemetryDocument[][]>;
  /**
   * Every series whose ids begin with `scope`, in their order. There is such a method where to find them one after another
   * takes long.
   */
  seriesBelow?(scope: string): Promise<readonly FoundSeries[]>;
  /** The lowest id within [startId, endId], or undefined. */
  firstId(startId: string, endId: string): Promise<string | undefined>;
  /**
   * Where in time the documents of a type lie. One span, or several where there are long gaps (a clock that was decades
   * behind for an hour must not stretch the span of the day); `none`: it holds none of this type. `undefined`, or no
   * such method: it may hold anything.
   *
   * Asked once when a list begins; what is written outside of the answer afterwards is not in that list. A document
   * that was there before and lies outside would be missing from it, so a span too wide is right and one too narrow is
   * not.
   */
  span?(type: PostedType): TimeSpan | readonly TimeSpan[] | 'none' | undefined;
}

/**
 * What a reader rejects with when what it read was deleted on purpose meanwhile, being safe elsewhere: a list passes
 * over it and goes on. Any other failure makes the list fail.
 */
export class ReaderGone extends AppError {
  override readonly name = 'ReaderGone';

  /** `message`: one sentence that names what is gone. */
  constructor(message: string) {
    super('not_found', message);
  }
}
