/**
 * Row: a backlog on loopback, as fast as both sides can: to the embedded gateway and to a CouchDB, against stock
 * `replicate` to the same, and against CouchDB's own replicator between two local databases.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { CouchDb } from '../test/support/couchdb.js';
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
import { replicatorSeconds } from './support/couch-replicator.js';
import { fill, replicate } from './support/node-client.js';
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

export const drain: Row = {
  name: 'drain',
  figures: [GATEWAY, COUCHDB, REPLICATOR],
  async measure(context) {
    // Where the time goes is asked of ours alone.
    if (context.profileFolder !== undefined) return profileOurs(context, context.profileFolder);
    const { ours, peer } = await inTurn(
      context,
      () => withGateway(context, (centre) => ourRate(context, centre)),
      () => withGateway(context, (centre) => stockRate(context, centre)),
    );
    const couchdb = await couchdbFor(context, drain.name);
    return [{ figure: GATEWAY, ours, peer }, ...(couchdb ? await measureCouchDb(context, couchdb) : [])];
  },
};

/** To the gateway and to CouchDB in folders of their own: where the time goes differs. */
async function profileOurs(context: RunContext, profileFolder: string): Promise<Measured[]> {
  const toGateway = { ...context, profileFolder: path.join(profileFolder, 'gateway') };
  const toCouchDb = { ...context, profileFolder: path.join(profileFolder, 'couchdb') };
  const ours = await withGateway(toGateway, (centre) => ourRate(toGateway, centre));
  const couchdb = await couchdbFor(context, drain.name);
  if (!couchdb) return [{ figure: GATEWAY, ours }];
  const direct = await withCouchDb(couchdb, (centre) => ourRate(toCouchDb, centre));
  return [
    { figure: GATEWAY, ours },
    { figure: COUCHDB, ours: direct },
  ];
}

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
    // Taking the readings is another profile.
    if (context.profileFolder !== undefined) {
      await node.process.stop();
      await rm(path.join(context.profileFolder, 'node'), { recursive: true, force: true });
      await node.process.start();
    }
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

async function replicatorRate(context: RunContext, couchdb: CouchDb): Promise<number> {
  const { peerDocuments } = sizeOf(context);
  return peerDocuments / (await replicatorSeconds(couchdb, peerDocuments));
}

function sizeOf({ small }: RunContext): { documents: number; peerDocuments: number } {
  return small ? { documents: 2_000, peerDocuments: 500 } : { documents: 100_000, peerDocuments: 20_000 };
}
