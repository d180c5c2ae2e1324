/** What the pieces of one run of a push share. */
import type { Logger } from '../../shared/logger.js';
import type { Segment } from '../ledger/segment.js';
import type { Centre, CentreIdentity } from './centre.js';
import type { QuarantineStore } from './quarantine-store.js';
import type { RefusalWindow } from './refusal-window.js';

/** How many documents of a batch the centre has taken now, those of them it held under another number, and refused. */
export interface BatchCounts {
  taken: number;
  held: number;
  quarantined: number;
}

export interface AnsweredBatch {
  documents: number;
  durationMs: number;
}

export interface PushContext {
  centre: Centre;
  identity: CentreIdentity;
  quarantine: QuarantineStore;
  refusals: RefusalWindow;
  log: Logger;
  /** Canonical instant. */
  nowText(): string;
  /** Has what is damaged repaired; what is missing afterwards is counted in the segment. */
  repair(segment: Segment): Promise<void>;
  /** Hears of every batch accounted for. */
  onBatch(counts: BatchCounts): void;
  /** Hears of every batch the centre has answered: how many documents, and milliseconds from handing it over. */
  onAnswered?(answered: AnsweredBatch): void;
  signal: AbortSignal;
}
