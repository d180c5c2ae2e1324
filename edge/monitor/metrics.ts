/**
 * `/metrics`: the node's figures in Prometheus' text format, read from where they are counted at the time of asking.
 */
import { Gauge, Registry } from 'prom-client';
import type { NodeParts, SyncParts } from '../node-parts.js';
import type { ControllerName } from '../push/controller-state.js';
import type { LinkState } from './connectivity.js';

export interface Metrics {
  contentType: string;
  text(): Promise<string>;
}

type Figure = (name: string, help: string, read: () => number) => void;
/** A figure that is 1 for one of several words, and 0 for the others. */
type Choice = <T extends string>(name: string, label: string, help: string, read: () => Record<T, boolean>) => void;

export function createMetrics(parts: NodeParts): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ village: parts.config.VILLAGE_ID });
  const figure: Figure = (name, help, read) => {
    const gauge: Gauge = new Gauge({
      name: `solar_edge_${name}`,
      help,
      registers: [registry],
      collect: () => gauge.set(read()),
    });
  };
  const choice: Choice = (name, label, help, read) => {
    const gauge: Gauge<string> = new Gauge<string>({
      name: `solar_edge_${name}`,
      help,
      labelNames: [label],
      registers: [registry],
      collect: () => {
        for (const [word, isSo] of Object.entries(read())) gauge.set({ [label]: word }, Number(isSo));
      },
    });
  };
  storeFigures(parts, figure);
  if (parts.sync) {
    syncFigures(parts.sync, figure);
    controllerFigures(parts.sync, figure, choice);
  }
  return { contentType: registry.contentType, text: () => registry.metrics() };
}

function storeFigures({ ledger, ingest, quarantine, space }: NodeParts, figure: Figure): void {
  figure('pending_documents', 'Documents not yet delivered to the centre.', () => ledger.pending);
  figure('queued_documents', 'Documents taken in and not yet begun to be stored.', () => ingest.waiting);
  figure('last_seq', 'Highest number given under the present node name.', () => ledger.lastSeq);
  figure('segments', 'Segments kept.', () => ledger.segments.length);
  figure('quarantined_documents', 'Documents the centre refused.', () => quarantine.count);
  figure('lost_documents', 'Stored documents that cannot be read any more.', () => ledger.lost);
  figure('store_bytes', 'Bytes the data folder takes.', () => space.usedBytes);
  figure('store_capacity_bytes', 'Bytes the data folder may take.', () => space.capacityBytes);
}

function syncFigures({ controller, connectivity, link }: SyncParts, figure: Figure): void {
  figure('link_up', '1 while there is a link to a centre that does not refuse this node.', () =>
    Number(connectivity.status.state === 'online'),
  );
  figure('sent_documents', 'Documents delivered since the store was made.', () => controller.history.docsSent);
  figure('sent_bytes', 'Bytes sent to the centre since the store was made.', () => controller.history.bytesSent);
  figure(
    'received_bytes',
    'Bytes received from the centre since the store was made.',
    () => controller.history.bytesReceived,
  );
  figure('link_requests', 'Requests to the centre since the start.', () => link.counters.requests);
  figure('link_probes', 'Probes of the link since the start.', () => connectivity.probes);
}

function controllerFigures({ controller, connectivity }: SyncParts, figure: Figure, choice: Choice): void {
  choice('push_state', 'state', '1 for what the controller of the push does.', () =>
    only(STATES, controller.state.name),
  );
  choice('push_paused', 'reason', '1 for why no push begins by itself.', () => {
    const { pauses } = controller.state;
    return { schedule: pauses.has('schedule'), storage: pauses.has('storage'), stopping: pauses.has('stopping') };
  });
  choice('link_state', 'state', '1 for the state of the link.', () => only(LINK_STATES, connectivity.status.state));
  figure('push_failures', 'Failed runs since documents last arrived.', () => controller.state.failures);
  figure('push_batches', 'Batches the centre has answered since the start.', () => controller.batches);
  figure('push_stalls', 'Pushes the watchdog has begun anew since the start.', () => controller.stalls);
  figure('push_next_wake_seconds', 'Seconds until a push begins by itself; -1 when none is planned.', () => {
    const { nextWakeMs } = controller;
    return nextWakeMs === undefined ? -1 : nextWakeMs / 1000;
  });
}

const STATES: Record<ControllerName, false> = {
  ...{ offline: false, connecting: false, draining: false, live: false, waiting: false, blocked: false },
  stopped: false,
};
const LINK_STATES: Record<LinkState, false> = { online: false, offline: false, blocked: false, unknown: false };

function only<T extends string>(words: Record<T, false>, word: T): Record<T, boolean> {
  return { ...words, [word]: true };
}
