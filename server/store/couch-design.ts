/** Our own design documents in CouchDB: put there where they are missing, or something else stands under their name. */
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../shared/app-error.js';
import type { CouchClient } from './couch-client.js';

interface StoredDesign {
  _id?: string;
  _rev?: string;
}

/**
 * Puts a design document, `_design/` included in its name, where there is none or another one. Throws `not_configured`
 * when the gateway's user may not.
 */
export async function ensureDesign(client: CouchClient, db: string, name: string, definition: object): Promise<void> {
  const { status, body } = await client.request<StoredDesign>({ db, path: name, expected: [404] });
  const { _id, _rev, ...stored } = status === 404 ? {} : body;
  if (isDeepStrictEqual(stored, definition)) return;
  const design = _rev === undefined ? definition : { ...definition, _rev };
  // 409: another gateway was faster.
  const put = { db, path: name, method: 'PUT', body: design, expected: [401, 403, 409] } as const;
  const answer = await client.request(put);
  if (answer.status === 401 || answer.status === 403) {
    throw new AppError(
      'not_configured',
      `the centre's user may not put ${name} into the database ${client.prefix}${db} at ${client.origin}; ` +
        'make it an admin of that database',
    );
  }
}
