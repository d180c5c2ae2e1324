/** A rule that makes a gateway refuse some documents one by one, and take the others for good. */
import { documentsOf, isBulkDocs } from '../edge/push/support/sent-documents.js';
import { type Fault, faults, type ProxiedRequest, type Rule } from '../support/fault-proxy.js';

export const REASON = 'the test does not like it';

/** `target` is the gateway behind the proxy; `refuses` judges a document by its id. */
export function refusing(target: string, refuses: (id: string) => boolean): Rule {
  return async (request) => {
    if (!isBulkDocs(request)) return undefined;
    const documents = documentsOf(request);
    if (!documents.some(({ _id }) => refuses(_id))) return undefined;
    return answerInPart(target, request, refuses);
  };
}

async function answerInPart(target: string, request: ProxiedRequest, refuses: (id: string) => boolean): Promise<Fault> {
  const documents = documentsOf(request);
  const response = await fetch(target + request.path, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Authorization: request.headers.authorization ?? '',
      Prefer: 'return=representation',
    },
    body: JSON.stringify({ docs: documents.filter(({ _id }) => !refuses(_id)), new_edits: false }),
  });
  const taken = (await response.json()) as { id: string }[];
  const byId = new Map(taken.map((entry) => [entry.id, entry]));
  const entries = documents.map(({ _id: id }) => byId.get(id) ?? { id, error: 'forbidden', reason: REASON });
  // Asked for no more, a CouchDB names failures alone.
  const isRepresented = request.headers.prefer === 'return=representation';
  return faults.json(201, isRepresented ? entries : entries.filter((entry) => 'error' in entry));
}
