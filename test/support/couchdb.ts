/**
 * Tests that need a real CouchDB: they run when COUCHDB_URL names one, and say that they were skipped when it does not.
 */
import { randomBytes } from 'node:crypto';
import { describe, it } from 'mocha';

export interface CouchDb {
  /** Origin, without credentials. */
  url: string;
  user: string;
  password: string;
}

/**
 * The CouchDB of COUCHDB_URL, undefined when that is not set. Credentials come from COUCHDB_USER and COUCHDB_PASSWORD,
 * or from the URL itself.
 */
export function couchdbUrl(env: Record<string, string | undefined> = process.env): CouchDb | undefined {
  if (!env.COUCHDB_URL) return undefined;
  const url = new URL(env.COUCHDB_URL);
  return {
    url: url.origin,
    user: env.COUCHDB_USER || decodeURIComponent(url.username) || 'admin',
    password: env.COUCHDB_PASSWORD || decodeURIComponent(url.password),
  };
}

/**
 * A `describe` whose tests get the CouchDB; one pending test that gives the reason stands in its place without
 * COUCHDB_URL.
 */
export function describeWithCouchDb(title: string, define: (couchdb: CouchDb) => void): void {
  const couchdb = couchdbUrl();
  describe(title, () => {
    if (couchdb) define(couchdb);
    else it('skipped: needs a real CouchDB and COUCHDB_URL is not set');
  });
}

/** Sends a request to CouchDB as its administrator and returns the answer, whatever its status. */
export function couchdbFetch(couchdb: CouchDb, path: string, init: RequestInit = {}): Promise<Response> {
  const credentials = Buffer.from(`${couchdb.user}:${couchdb.password}`).toString('base64');
  const headers = new Headers(init.headers);
  headers.set('Authorization', `Basic ${credentials}`);
  if (init.body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json');
  return fetch(couchdb.url + path, { ...init, headers });
}

/** A database name no other test uses, such as `test-telemetry-1f2e3d4c`. */
export function uniqueDatabaseName(purpose: string): string {
  return `test-${purpose}-${randomBytes(4).toString('hex')}`;
}

/** Deletes a database; fine when there is none. */
export async function deleteDatabase(couchdb: CouchDb, name: string): Promise<void> {
  const response = await couchdbFetch(couchdb, `/${encodeURIComponent(name)}`, { method: 'DELETE' });
  if (!response.ok && response.status !== 404) {
    throw new Error(`CouchDB answered ${response.status} when asked to delete ${name}: ${await response.text()}`);
  }
}
