/**
 * The order in which a batch compresses best. Documents may be sent in any order and their fields, too; a compressor
 * pays for everything that is not where it was in the document before.
 *
 * Measured with 1,000 readings of 12 numbers from 500 meters, bytes a reading (gzip 9; Brotli 11 with aligned numbers):
 * as they are stored 56.7 and 36.6, stored in random order 57.9 and 41.3; in this order 52.3 and 33.9, from random order
 * 53.4 and 34.9.
 */
import type { TelemetryDocument } from '../../shared/documents.js';

/** The revision, which never repeats; then what most documents of a batch share, as one long repetition. */
const FIRST = ['_rev', 'at', 'node', 'village', 'boot', 'clock', 'type', '_id', 'seq', 'device', 'model', 'for'];
/** Documents whose numbers tell how long a field's numbers are. */
const LOOKED_AT = 50;

/**
 * The same documents sorted by id, each with the same fields in the order that compresses best: the revision, what is
 * shared, then numbers, the shortest first, then the rest.
 */
export function inSendingOrder(documents: readonly TelemetryDocument[]): TelemetryDocument[] {
  const sorted = [...documents].sort((a, b) => (a._id < b._id ? -1 : a._id > b._id ? 1 : 0));
  const names = [...FIRST, ...measurementsByLength(documents)];
  return sorted.map((document) => withFieldsInOrder(document, names));
}

/** Names of all other fields: numbers before the rest, shorter ones first, else by name. */
function measurementsByLength(documents: readonly TelemetryDocument[]): string[] {
  const lengths = new Map<string, number>();
  for (const [index, document] of documents.entries()) {
    for (const name of Object.keys(document)) {
      const known = lengths.get(name);
      if (known !== undefined && index >= LOOKED_AT) continue;
      const value = document[name];
      const length = typeof value === 'number' ? String(value).length : Number.MAX_SAFE_INTEGER;
      lengths.set(name, Math.max(known ?? 0, length));
    }
  }
  for (const name of FIRST) lengths.delete(name);
  const byName = [...lengths].sort(([a], [b]) => (a < b ? -1 : 1));
  return byName.sort(([, a], [, b]) => a - b).map(([name]) => name);
}

function withFieldsInOrder(document: TelemetryDocument, names: readonly string[]): TelemetryDocument {
  const ordered: Record<string, unknown> = {};
  for (const name of names) if (Object.hasOwn(document, name)) ordered[name] = document[name];
  return ordered as TelemetryDocument;
}
