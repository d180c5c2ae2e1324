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
  documentsTaken(count: number): void;
  documentRefused(kind: RefusalKind | 'rewrite'): void;
}
