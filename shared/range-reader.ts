/** What a list of telemetry needs of a database: reading documents in order of their ids. */
import type { PostedType, TelemetryDocument } from './documents.js';

/** Canonical instants of what lists are ordered by, both inclusive. */
export interface TimeSpan {
  oldest: string;
  newest: string;
}

/** Reads documents by id; `startId` and `endId` inclusive; with `descending`, `startId` is the higher one. */
export interface RangeReader {
  readRange(range: {
    startId: string;
    endId: string;
    descending: boolean;
    limit: number;
  }): Promise<TelemetryDocument[]>;
  /** The lowest id within [startId, endId], or undefined. */
  firstId(startId: string, endId: string): Promise<string | undefined>;
  /** Between which times its documents of a type lie; undefined where that is not known. */
  span?(type: PostedType): TimeSpan | 'none' | undefined;
}
