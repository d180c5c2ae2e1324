/** Puts a document a village sent into the form an embedded store keeps it in. */
import type { EncodedDocument } from '../../shared/pouchdb-layout.js';
import type { IncomingDocument } from './contract.js';

/** Where a replicator tells the history of a document. */
interface WithHistory {
  _revisions?: { start: number; ids: readonly string[] };
}

export function encodedDocument({ id, rev, body }: IncomingDocument): EncodedDocument {
  const { _revisions: revisions } = body as WithHistory;
  return { id, revision: rev, json: storedJson(id, rev, body), history: revisions?.ids.slice(1) };
}

/** As nodes send it, `_id` and `_rev` last, it is stored as it is. */
function storedJson(id: string, rev: string, body: object): string {
  const names = Object.keys(body);
  if (names.at(-2) === '_id' && names.at(-1) === '_rev' && !('_revisions' in body)) return JSON.stringify(body);
  const { _id, _rev, _revisions, ...fields } = body as Record<string, unknown>;
  return JSON.stringify({ ...fields, _id: id, _rev: rev });
}
