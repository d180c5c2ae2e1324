/** What a node really sent through a fault proxy, read from the requests themselves. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { TelemetryDocument } from '../../../../shared/documents.js';
import type { FaultProxy, ProxiedRequest } from '../../../support/fault-proxy.js';

const INFLATE: Record<string, (body: Uint8Array) => Buffer> = {
  gzip: (body) => gunzipSync(body),
  br: (body) => brotliDecompressSync(body),
  identity: (body) => Buffer.from(body),
};

export function isBulkDocs({ method, path }: ProxiedRequest): boolean {
  return method === 'POST' && path === '/telemetry/_bulk_docs';
}

/** The documents of one `_bulk_docs` request. */
export function documentsOf({ body, headers }: ProxiedRequest): TelemetryDocument[] {
  const inflate = INFLATE[headers['content-encoding'] ?? 'identity'];
  if (!inflate) throw new Error(`a body encoded as ${headers['content-encoding']} cannot be read`);
  return (JSON.parse(inflate(new Uint8Array(body)).toString('utf8')) as { docs: TelemetryDocument[] }).docs;
}

/** Ids of all documents sent since the request with index `from`, in order, each as often as it was sent. */
export function sentIds(proxy: FaultProxy, from = 0): string[] {
  return proxy.requests
    .slice(from)
    .filter(isBulkDocs)
    .flatMap((request) => documentsOf(request).map(({ _id }) => _id));
}
