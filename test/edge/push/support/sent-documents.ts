/** What a node really sent through a fault proxy, read from the requests themselves. */
import { gunzipSync } from 'node:zlib';
import type { TelemetryDocument } from '../../../../shared/documents.js';
import type { FaultProxy, ProxiedRequest } from '../../../support/fault-proxy.js';

export function isBulkDocs({ method, path }: ProxiedRequest): boolean {
  return method === 'POST' && path === '/telemetry/_bulk_docs';
}

/** The documents of one `_bulk_docs` request. */
export function documentsOf({ body, headers }: ProxiedRequest): TelemetryDocument[] {
  const plain = headers['content-encoding'] === 'gzip' ? gunzipSync(new Uint8Array(body)) : body;
  return (JSON.parse(plain.toString('utf8')) as { docs: TelemetryDocument[] }).docs;
}

/** Ids of all documents sent since the request with index `from`, in order, each as often as it was sent. */
export function sentIds(proxy: FaultProxy, from = 0): string[] {
  return proxy.requests
    .slice(from)
    .filter(isBulkDocs)
    .flatMap((request) => documentsOf(request).map(({ _id }) => _id));
}
