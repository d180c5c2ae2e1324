/** Telemetry as an edge node sends it. */

import type { IncomingDocument } from '../../../server/store/contract.js';
import { eventId, telemetryId } from '../../../shared/documents.js';
import { contentRevision } from '../../../shared/revision.js';
import { formatInstant } from '../../../shared/time.js';

const EPOCH = Date.parse('2026-03-01T00:00:00.000Z');

export type Sent = Record<string, unknown> & { _id: string; _rev: string; node: string; seq: number };

export function reading(village: string, n: number, changes: Record<string, unknown> = {}): Sent {
  const fields = { device: `m${n % 5}`, at: formatInstant(EPOCH + n * 1000) };
  const owned = { type: 'reading', village, node: 'node1', seq: n + 1, boot: 1 };
  return finish({ _id: telemetryId(village, 'reading', fields), ...owned, ...fields, powerW: 100 + n, ...changes });
}

/** Of any time, under any number. */
export function readingAt(village: string, seq: number, atMs: number, changes: Record<string, unknown> = {}): Sent {
  const fields = { device: `m${seq % 3}`, at: formatInstant(atMs) };
  const owned = { type: 'reading', village, node: 'node1', seq, boot: 1 };
  return finish({ _id: telemetryId(village, 'reading', fields), ...owned, ...fields, powerW: seq, ...changes });
}

export function prediction(village: string, n: number, changes: Record<string, unknown> = {}): Sent {
  const fields = { model: 'pv', at: formatInstant(EPOCH), for: formatInstant(EPOCH + n * 60_000) };
  const owned = { type: 'prediction', village, node: 'node1', seq: n + 1, boot: 1 };
  return finish({ _id: telemetryId(village, 'prediction', fields), ...owned, ...fields, powerKw: n / 10, ...changes });
}

export function event(village: string, n: number, changes: Record<string, unknown> = {}): Sent {
  const owned = { type: 'event', village, node: 'node1', seq: n + 1, boot: 1, at: formatInstant(EPOCH + n) };
  return finish({ _id: eventId(village, 'node1', 1, n), ...owned, kind: 'boot', ...changes });
}

export function readings(village: string, count: number, first = 0): Sent[] {
  return Array.from({ length: count }, (_, n) => reading(village, first + n));
}

/** The form in which documents reach a store. */
export function incoming(document: Sent): IncomingDocument {
  const { _id: id, _rev: rev, node, seq } = document;
  return { id, rev, node, seq, body: document };
}

function finish(document: Record<string, unknown> & { _id: string; node: string; seq: number }): Sent {
  return {
    ...document,
    _rev: typeof document._rev === 'string' ? document._rev : contentRevision(String(document._id), document),
  };
}
