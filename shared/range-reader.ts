/** What a list of telemetry needs of a database: reading documents in order of their ids. */
import type { TelemetryDocument } from './documents.js';

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
}
