/** What the gateway counts; `server/metrics.ts` shows it. */
import type { RefusalKind } from './document-check.js';

/** Figures that are read where they are kept. */
export interface WatchedBodies {
  arrivingBytes(): number;
  atWorkBytes(): number;
  atWork(): number;
  waiting(): number;
}

export interface GatewayMetrics {
  watch(bodies: WatchedBodies): void;
  bodyTaken(sentBytes: number, decodedBytes: number): void;
  /** A batch was answered: its documents, refused ones included, and the time from its request to its answer. */
  batchAnswered(documents: number, durationMs: number): void;
  documentsTaken(count: number): void;
  documentRefused(kind: RefusalKind | 'rewrite'): void;
}
