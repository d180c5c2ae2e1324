/**
 * Row: a backlog on loopback, as fast as both sides can: to the embedded gateway and to a CouchDB, against stock
 * `replicate` to the same, and against CouchDB's own replicator between two local databases.
 */
import { type CouchDb, couchdbFetch, deleteDatabase, uniqueDatabaseName } from '../test/support/couchdb.js';
import { atLeastOfPeer, type Figure, inTurn, type Measured, type Row, type RunContext } from './row.js';
import {
  assertHeld,
  type BenchCentre,
  couchdbFor,
  settingsFor,
  withCouchDb,
  withGateway,
} from './support/bench-centre.js';
import { withNode } from './support/bench-node.js';
import { fill, replicate } from './support/node-client.js';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from './support/readings.js';
import { stockSeconds } from './support/stock-peer.js';

const common = { unit: 'documents/s', digits: 0, targets: [atLeastOfPeer(3)] } as const;
const GATEWAY: Figure = {
  ...common,
  key: 'drain',
  what: 'drain on loopback to the embedded gateway',
  peer: 'stock replicate to the same',
};
const COUCHDB: Figure = {
  ...common,
  key: 'drain-couchdb',
  what: 'drain on loopback to a plain CouchDB',
  peer: 'stock replicate to the same',
};
const REPLICATOR: Figure = {
  ...common,
  key: 'drain-replicator',
  what: 'the same',
  peer: "CouchDB's replicator, local to local",
};
const FILL_GROUP = 1_000;

export const drain: Row = {
  name: 'drain',
  figures: [GATEWAY, COUCHDB, REPLICATOR],
  async measure(context) {
    const { ours, peer } = await inTurn(
      context,
      () => withGateway(context, (centre) => ourRate(context, centre)),
      () => withGateway(context, (centre) => stockRate(context, centre)),
    );
    const couchdb = await couchdbFor(context, drain.name);
    return [{ figure: GATEWAY, ours, peer }, ...(couchdb ? await measureCouchDb(context, couchdb) : [])];
  },
};

async function measureCouchDb(context: RunContext, couchdb: CouchDb): Promise<Measured[]> {
  const { ours, peer } = await inTurn(
    context,
    () => withCouchDb(couchdb, (centre) => ourRate(context, centre)),
    async () => ({
      stock: await withCouchDb(couchdb, (centre) => stockRate(context, centre)),
      replicator: await replicatorRate(context, couchdb),
    }),
  );
  return [
    { figure: COUCHDB, ours, peer: peer.stock },
    { figure: REPLICATOR, ours, peer: peer.replicator },
  ];
}

/** A forced run over everything the node holds; documents a second, from the request to its last line. */
function ourRate(context: RunContext, centre: BenchCentre): Promise<number> {
  const { documents } = sizeOf(context);
  const settings = { ...settingsFor(centre, centre.url), SYNC_MODE: 'scheduled' };
  return withNode(context, settings, async (node) => {
    await fill(context, node, 0, documents);
    const startMs = performance.now();
    await replicate(node, context.signal);
    const elapsedS = (performance.now() - startMs) / 1000;
    await assertHeld(centre, documents);
    return documents / elapsedS;
  });
}

async function stockRate(context: RunContext, centre: BenchCentre): Promise<number> {
  const { peerDocuments } = sizeOf(context);
  const seconds = await stockSeconds(context, centre, centre.url, peerDocuments);
  await assertHeld(centre, peerDocuments);
  return peerDocuments / seconds;
}

/** One run of `POST /_replicate` between two databases of the same CouchDB. */
async function replicatorRate(context: RunContext, couchdb: CouchDb): Promise<number> {
  const { peerDocuments } = sizeOf(context);
  const source = uniqueDatabaseName('bench-source');
  const target = uniqueDatabaseName('bench-target');
  try {
    await ask(couchdb, 'PUT', `/${source}?partitioned=true`);
    await ask(couchdb, 'PUT', `/${target}?partitioned=true`);
    await fillDatabase(couchdb, source, peerDocuments);
    const startMs = performance.now();
    await ask(couchdb, 'POST', '/_replicate', {
      source: { url: `${couchdb.url}/${source}`, auth: { basic: login(couchdb) } },
      target: { url: `${couchdb.url}/${target}`, auth: { basic: login(couchdb) } },
    });
    const elapsedS = (performance.now() - startMs) / 1000;
    const { doc_count: held } = (await ask(couchdb, 'GET', `/${target}`)) as { doc_count: number };
    if (held !== peerDocuments) throw new Error(`CouchDB's replicator wrote ${held} of ${peerDocuments} documents`);
    return peerDocuments / elapsedS;
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

function sizeOf({ small }: RunContext): { documents: number; peerDocuments: number } {
  return small ? { documents: 2_000, peerDocuments: 500 } : { documents: 100_000, peerDocuments: 20_000 };
}
