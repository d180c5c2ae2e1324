/** Peer: CouchDB's own replicator, by one `POST /_replicate` between two databases made for it in the same CouchDB. */
import { type CouchDb, couchdbFetch, deleteDatabase, uniqueDatabaseName } from '../../test/support/couchdb.js';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from './readings.js';

const FILL_GROUP = 1_000;

/**
 * Seconds for so many documents, the target reached at `targetOrigin`, such as a link before the CouchDB. Rejects when
 * the replicator gives up, or has not written all of them.
 */
export async function replicatorSeconds(
  couchdb: CouchDb,
  documents: number,
  targetOrigin: string = couchdb.url,
): Promise<number> {
  const source = uniqueDatabaseName('bench-source');
  const target = uniqueDatabaseName('bench-target');
  try {
    await ask(couchdb, 'PUT', `/${source}?partitioned=true`);
    await ask(couchdb, 'PUT', `/${target}?partitioned=true`);
    await fillDatabase(couchdb, source, documents);
    const startMs = performance.now();
    await ask(couchdb, 'POST', '/_replicate', {
      source: { url: `${couchdb.url}/${source}`, auth: { basic: login(couchdb) } },
      target: { url: `${targetOrigin}/${target}`, auth: { basic: login(couchdb) } },
    });
    const elapsedS = (performance.now() - startMs) / 1000;
    const { doc_count: held } = (await ask(couchdb, 'GET', `/${target}`)) as { doc_count: number };
    if (held !== documents) throw new Error(`CouchDB's replicator wrote ${held} of ${documents} documents`);
    return elapsedS;
  } finally {
    await deleteDatabase(couchdb, source);
    await deleteDatabase(couchdb, target);
  }
}

async function fillDatabase(couchdb: CouchDb, database: string, documents: number): Promise<void> {
  for (let from = 0; from < documents; from += FILL_GROUP) {
    const readings = fleetReadings(VILLAGE_FLEET, from, Math.min(FILL_GROUP, documents - from));
    const docs = [...readings].map((reading, i) => {
      const { _rev, ...document } = storedDocument(reading, from + i + 1);
      return document;
    });
    await ask(couchdb, 'POST', `/${database}/_bulk_docs`, { docs });
  }
}

async function ask(couchdb: CouchDb, method: string, path: string, body?: object): Promise<unknown> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await couchdbFetch(couchdb, path, init);
  if (!response.ok)
    throw new Error(`CouchDB answered ${response.status} to ${method} ${path}: ${await response.text()}`);
  return response.json();
}

function login({ user, password }: CouchDb): { username: string; password: string } {
  return { username: user, password };
}
