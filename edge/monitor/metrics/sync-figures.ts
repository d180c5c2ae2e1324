/** Figures of the link and of the registry. */
import type { FigureSet } from '../../../shared/metrics/figures.js';
import type { SyncParts } from '../../node-parts.js';
import type { LinkState } from '../connectivity.js';

const LINK_STATES: Record<LinkState, false> = { online: false, offline: false, blocked: false, unknown: false };

export function addSyncFigures({ connectivity, link, registry }: SyncParts, figures: FigureSet): void {
  figures.gauge('link_up', '1 while there is a link to a centre that does not refuse this node.', () =>
    Number(connectivity.status.state === 'online'),
  );
  figures.choice('link_state', 'state', '1 for the state of the link.', () => ({
    ...LINK_STATES,
    [connectivity.status.state]: true,
  }));
  figures.counters('link_bytes_total', 'Bytes on the link since the start, TLS left out.', ['direction'], () => [
    [{ direction: 'sent' }, link.counters.bytesSent],
    [{ direction: 'received' }, link.counters.bytesReceived],
  ]);
  figures.counter('link_requests_total', 'Requests to the centre since the start.', () => link.counters.requests);
  figures.counter('link_probes_total', 'Probes of the link since the start.', () => connectivity.probes);
  figures.gauge('link_rate_bytes_per_second', 'Measured rate upwards, a moving average.', () => link.bytesPerS);
  figures.gauge('registry_synchronised', '1 while the registry here and at the centre are kept the same.', () =>
    Number(registry.state.name === 'live' || registry.state.name === 'syncing'),
  );
  figures.gauge('registry_refused_documents', 'Registry documents the centre refused.', () => registry.refused.length);
  figures.gauge('registry_pending_documents', 'Registry documents edited here that the centre does not hold yet.', () =>
    registry.countPending().catch(() => undefined),
  );
  figures.gauge('registry_failures', 'Rounds of the registry that failed in a row.', () => registry.state.failures);
}
