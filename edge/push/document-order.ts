/**
 * The order in which a batch compresses best. Documents may be sent in any order and their fields, too; a compressor
 * pays for everything that is not where it was in the document before.
 */
import type { TelemetryDocument } from '../../shared/documents.js';

/** What most documents of a batch share comes first: one long repetition. */
const FIRST = ['at', 'node', 'village', 'boot', 'clock', 'type', '_id', 'seq', 'device', 'model', 'for'];
const LAST = '_rev';
/** Documents whose numbers tell how long a field's numbers are. */
const LOOKED_AT = 50;

/**
 * The same documents sorted by id, each with the same fields in the order that compresses best: what is shared, then
 * numbers, the longest first, then the rest, then the revision.
 */
export function inSendingOrder(documents: readonly TelemetryDocument[]): TelemetryDocument[] {
  const sorted = [...documents].sort((a, b) => (a._id < b._id ? -1 : a._id > b._id ? 1 : 0));
  const names = [...FIRST, ...measurementsByLength(documents), LAST];
  return sorted.map((document) => withFieldsInOrder(document, names));
}

/** Names of all other fields: numbers before the rest, longer ones first. */
function measurementsByLength(documents: readonly TelemetryDocument[]): string[] {
  const lengths = new Map<string, number>();
  for (const [index, document] of documents.entries()) {
    for (const name of Object.keys(document)) {
      const known = lengths.get(name);
      if (known !== undefined && index >= LOOKED_AT) continue;
      const value = document[name];
      lengths.set(name, Math.max(known ?? -1, typeof value === 'number' ? String(value).length : -1));
    }
  }
  for (const name of [...FIRST, LAST]) lengths.delete(name);
  const byName = [...lengths].sort(([a], [b]) => (a < b ? -1 : 1));
  return byName.sort(([, a], [, b]) => b - a).map(([name]) => name);
}

function withFieldsInOrder(document: TelemetryDocument, names: readonly string[]): TelemetryDocument {
  const ordered: Record<string, unknown> = {};
  for (const name of names) if (Object.hasOwn(document, name)) ordered[name] = document[name];
  return ordered as TelemetryDocument;
}
