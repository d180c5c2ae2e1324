/** What goes into and comes out of the book of thresholds. */
import type { OpenAlert, SeriesState } from './series-state.js';
import type { Bound, ThresholdRule } from './threshold-rules.js';

/** Fields of an event `threshold`. */
export interface ThresholdNews {
  state: 'raised' | 'cleared';
  threshold: string;
  device: string;
  field: string;
  value: number;
  bound: Bound;
  limit: number;
  since: string;
  /** Of the reading, or of the moment where there was none. */
  at: string;
  /** Why it was cleared. */
  reason?: 'within' | 'edited' | 'deleted' | 'ignored' | 'silent';
}

/** A document as it is stored. */
export interface StoredDocument {
  type: string;
  fields: Readonly<Record<string, unknown>>;
}

export interface OpenSeries extends OpenAlert {
  threshold: string;
  device: string;
  field: string;
}

/** The book as it is kept across restarts; lists of pairs, since a device may have any name. */
export interface ThresholdRecord {
  isUnsure: boolean;
  fields: string[];
  /** Times by field, in the order of `fields`. */
  newest: [device: string, at: string[]][];
  rules: [rule: ThresholdRule, [device: string, SeriesState][]][];
  untold: ThresholdNews[];
}

/** Up to which number of which name documents were looked at. */
export interface Place {
  node: string;
  seq: number;
}
