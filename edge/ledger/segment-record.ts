/** What a segment says of itself, in `_local` documents of its own database. */
import type { PostedType } from '../../shared/documents.js';
import type { TimeSpan } from '../../shared/range-reader.js';
import type { NumberRange } from './number-ranges.js';

/** `_local/segment`: written when the segment is made, sealed, repaired and confirmed. */
export interface SegmentRecord {
  number: number;
  /** Name its documents are numbered under. */
  node: string;
  /** Number of its first document. */
  firstSeq: number;
  openedAt: string;
  sealedAt?: string;
  /** The highest number given in it, once it is sealed; what is missing up to there is lost. */
  lastSeq?: number;
  /** Between which times its documents lie, by type; a type it holds none of is absent. */
  spans?: SegmentSpans;
  /** Neither a record nor a document told whose numbers it holds: what its neighbours left for it. */
  guessed?: true;
  /** When the centre was last seen to hold every number that is not accounted for otherwise. */
  confirmedAt?: string;
}

export type SegmentSpans = Partial<Record<PostedType, readonly TimeSpan[]>>;

/** The numbers of a segment that are accounted for otherwise than by delivery. */
export interface AccountedRanges {
  void: readonly NumberRange[];
  quarantined: readonly NumberRange[];
  lost: readonly NumberRange[];
}

/** The same as the centre is told it, who need not wait for what was given up. */
export interface ToldRanges extends AccountedRanges {
  released?: readonly NumberRange[];
}

/** `_local/delivery`: how far the segment has been delivered. */
export interface DeliveryRecord extends AccountedRanges {
  /** Local sequence up to which every document is delivered, void, quarantined or lost. */
  deliveredSeq: number;
  /** Ids of the checkpoints at the centre, which go with the segment. */
  checkpoints?: readonly string[];
  /** Those of the quarantined that a person has given up: they stay out of every push, and will never arrive. */
  released?: readonly NumberRange[];
  /** What the centre was told of the ranges last. */
  told?: ToldRanges;
}

export const NOTHING_DELIVERED: DeliveryRecord = { deliveredSeq: 0, void: [], quarantined: [], lost: [] };
