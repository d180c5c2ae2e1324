/**
 * `/metrics`: the node's figures in Prometheus' text format, read from where they are counted at the time of asking.
 */
import { Gauge, Registry } from 'prom-client';
import type { NodeParts } from '../node-parts.js';

export interface Metrics {
  contentType: string;
  text(): Promise<string>;
}

export function createMetrics({ ledger, ingest, quarantine, space, sync, config }: NodeParts): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ village: config.VILLAGE_ID });
  const figure = (name: string, help: string, read: () => number) => {
    const gauge: Gauge = new Gauge({
      name: `solar_edge_${name}`,
      help,
      registers: [registry],
      collect: () => gauge.set(read()),
    });
  };
  figure('pending_documents', 'Documents not yet delivered to the centre.', () => ledger.pending);
  figure('queued_documents', 'Documents taken in and not yet begun to be stored.', () => ingest.waiting);
  figure('last_seq', 'Highest number given under the present node name.', () => ledger.lastSeq);
  figure('segments', 'Segments kept.', () => ledger.segments.length);
  figure('quarantined_documents', 'Documents the centre refused.', () => quarantine.count);
  figure('lost_documents', 'Stored documents that cannot be read any more.', () => ledger.lost);
  figure('store_bytes', 'Bytes the data folder takes.', () => space.usedBytes);
  figure('store_capacity_bytes', 'Bytes the data folder may take.', () => space.capacityBytes);
  if (sync) {
    const { controller } = sync;
    figure('link_up', '1 when the last exchange with the centre succeeded.', () =>
      Number(controller.linkStatus.state === 'online'),
    );
    figure('sent_documents', 'Documents delivered since the store was made.', () => controller.history.docsSent);
    figure('sent_bytes', 'Bytes sent to the centre since the store was made.', () => controller.history.bytesSent);
    figure(
      'received_bytes',
      'Bytes received from the centre since the store was made.',
      () => controller.history.bytesReceived,
    );
  }
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
