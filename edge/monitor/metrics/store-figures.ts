/** Figures of what is stored, and of the room for it. */
import type { FigureSet } from '../../../shared/metrics/figures.js';
import type { NodeParts } from '../../node-parts.js';

type StoreParts = Pick<NodeParts, 'ledger' | 'ingest' | 'quarantine' | 'space' | 'clock'>;

export function addStoreFigures({ ledger, ingest, quarantine, space, clock }: StoreParts, figures: FigureSet): void {
  figures.gauge('pending_documents', 'Documents not yet delivered to the centre.', () => ledger.pending);
  figures.gauge('oldest_pending_age_seconds', 'Age of the oldest of them by its own time; 0 without any.', async () => {
    // One figure that cannot be read must not take the others with it.
    const at = await ledger.oldestPendingAt().catch(() => undefined);
    return at === undefined ? 0 : Math.max(0, (clock.now() - Date.parse(at)) / 1000);
  });
  figures.gauge('queued_documents', 'Documents taken in and not yet begun to be stored.', () => ingest.waiting);
  figures.counter(
    'acknowledged_documents_total',
    'Readings and predictions that were new and are stored, since the start.',
    () => ingest.acknowledged,
  );
  figures.gauge('last_seq', 'Highest number given under the present node name.', () => ledger.lastSeq);
  figures.gauge('segments', 'Segments kept.', () => ledger.segments.length);
  figures.counter('segment_repairs_total', 'Damaged segments repaired since the start.', () => ledger.repairs);
  figures.gauge('quarantined_documents', 'Documents the centre refused.', () => quarantine.count);
  figures.gauge('lost_documents', 'Stored documents that cannot be read any more.', () => ledger.lost);
  figures.gauge(
    'confirmed_documents',
    'Documents the centre has proven to hold, those of deleted segments included.',
    () => ledger.confirmed,
  );
  figures.gauge('store_bytes', 'Bytes the data folder takes.', () => space.usedBytes);
  figures.gauge('store_capacity_bytes', 'Bytes the data folder may take.', () => space.capacityBytes);
  figures.gauge('clock_sure', '1 while the clock can be believed.', () => Number(clock.sure));
}
