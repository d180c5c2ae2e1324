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

/** Fields, then `_id` and `_rev`, as PouchDB keeps them; copied once, since every document goes through here. */
function storedJson(id: string, rev: string, body: object): string {
  const { _id, _rev, _revisions, ...stored } = body as Record<string, unknown>;
  stored._id = id;
  stored._rev = rev;
  return JSON.stringify(stored);
}
