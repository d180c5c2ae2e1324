/** What this life of the node has counted, gathered from where it is counted. */
import type { NodeParts } from '../../node-parts.js';
import { type Figures, NO_FIGURES } from './stats-book.js';

export function countsOf({ ingest, sync }: Pick<NodeParts, 'ingest' | 'sync'>): Figures {
  const { acknowledged } = ingest;
  if (!sync) return { ...NO_FIGURES, acknowledged };
  const { pusher, controller, link } = sync;
  const { sent, quarantined: refused } = pusher.totals;
  const { bytesSent, bytesReceived } = link.counters;
  const { batches, attempts } = controller;
  return { acknowledged, sent, refused, bytesSent, bytesReceived, batches, attempts };
}
