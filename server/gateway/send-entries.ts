/** The answer to `_bulk_docs`: failures alone, as CouchDB answers replicators, or every document where that is wanted. */
import type { Request, Response } from 'express';
import { sendJson } from '../../shared/http/send-json.js';

export async function sendEntries(request: Request, response: Response, entries: readonly object[]): Promise<void> {
  response.status(201);
  if (/(^|[,\s])return=representation([,;\s]|$)/i.test(request.get('Prefer') ?? '')) {
    response.set('Preference-Applied', 'return=representation');
    await sendJson(request, response, entries);
    return;
  }
  const failures = entries.filter((entry) => !('ok' in entry));
  await sendJson(request, response, failures);
}
