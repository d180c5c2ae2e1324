/**
 * Row: batches written to a CouchDB through the gateway, each document answered for, against the same bytes sent to the
 * same CouchDB directly. Only where COUCHDB_URL names one; both sides have databases of their own there.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { SimulatedCentre } from '../sim/centre.js';
import { freePort } from '../sim/ports.js';
import { type CouchDb, couchdbFetch, couchdbUrl, deleteDatabase } from '../test/support/couchdb.js';
import { atLeastOfPeer, type Figure, inTurn, type Row, type RunContext } from './row.js';
import { assertCreated, type HttpAnswer, HttpConnection } from './support/http-connection.js';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from './support/readings.js';

const BATCH_DOCUMENTS = 1_000;
/** A node keeps two batches on their way, and two villages are the least a gateway is for. */
const CONNECTIONS = 4;
const VILLAGE = 'bench';
/** What the centre puts there itself: the indexes of receipts and of days. */
const DESIGN_DOCUMENTS = 2;

const WRITES: Figure = {
  ...{ key: 'gateway-writes', unit: 'documents/s', digits: 0 },
  what: `batches of ${BATCH_DOCUMENTS.toLocaleString('en-US')} through the gateway to CouchDB, ${CONNECTIONS} in flight`,
  peer: 'the same gzip bytes straight to CouchDB',
  behind: 'the peer is a bound and no rival: the gateway goes before it',
  targets: [atLeastOfPeer(0.7)],
};

export const gatewayWrites: Row = {
  name: 'gateway-writes',
  figures: [WRITES],
  async measure(context) {
    const couchdb = couchdbUrl();
    if (!couchdb) {
      context.say('gateway-writes: not measured, COUCHDB_URL names no CouchDB');
      return [];
    }
    const batches = makeBatches(context.small ? 4 : 40);
    const prefix = `bench${randomBytes(4).toString('hex')}-`;
    const { ours, peer } = await inTurn(
      context,
      () => throughGateway(context, couchdb, prefix, batches),
      () => direct(couchdb, `${prefix}direct`, batches),
    );
    return [{ figure: WRITES, ours, peer }];
  },
};

/** Bodies as nodes send them to a plain CouchDB. */
function makeBatches(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const first = index * BATCH_DOCUMENTS;
    const docs = [...fleetReadings(VILLAGE_FLEET, first, BATCH_DOCUMENTS)].map((reading, i) =>
      storedDocument(reading, first + i + 1),
    );
    return gzipSync(JSON.stringify({ docs, new_edits: false }));
  });
}

async function throughGateway(
  context: RunContext,
  couchdb: CouchDb,
  prefix: string,
  batches: readonly Buffer[],
): Promise<number> {
  const profile = context.profileFolder;
  const centre = new SimulatedCentre({
    port: await freePort(),
    dataPath: await mkdtemp(path.join(context.folder, 'gateway-')),
    env: {
      ...{ COUCHDB_URL: couchdb.url, COUCHDB_USER: couchdb.user, COUCHDB_PASSWORD: couchdb.password },
      ...{ COUCHDB_PREFIX: prefix, LOG_LEVEL: 'error' },
    },
    nodeArgs: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.join(profile, 'centre')}`],
  });
  try {
    await centre.start();
    const password = await centre.addVillage(VILLAGE);
    const headers = { Authorization: basic(VILLAGE, password), Prefer: 'return=representation' };
    const documentsPerS = await drive(centre.url, '/telemetry/_bulk_docs', headers, batches, assertAllTaken);
    await assertHeld(couchdb, `${prefix}telemetry`, batches.length * BATCH_DOCUMENTS + DESIGN_DOCUMENTS);
    await centre.stop();
    return documentsPerS;
  } finally {
    await centre.process.kill('SIGKILL');
    for (const name of ['telemetry', 'villages']) await deleteDatabase(couchdb, prefix + name);
  }
}

async function direct(couchdb: CouchDb, name: string, batches: readonly Buffer[]): Promise<number> {
  const made = await couchdbFetch(couchdb, `/${name}?partitioned=true`, { method: 'PUT' });
  if (!made.ok) throw new Error(`CouchDB answered ${made.status} when asked for a database`);
  try {
    const headers = { Authorization: basic(couchdb.user, couchdb.password) };
    const documentsPerS = await drive(couchdb.url, `/${name}/_bulk_docs`, headers, batches, assertCreated);
    await assertHeld(couchdb, name, batches.length * BATCH_DOCUMENTS);
    return documentsPerS;
  } finally {
    await deleteDatabase(couchdb, name);
  }
}

/** Documents a second. Every connection sends its next batch as soon as the one before is answered. */
async function drive(
  url: string,
  urlPath: string,
  headers: Record<string, string>,
  batches: readonly Buffer[],
  check: (answer: HttpAnswer) => void,
): Promise<number> {
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => HttpConnection.open(url)));
  const requests = batches.map((body) => requestOf(url, urlPath, headers, body)).values();
  const startMs = performance.now();
  try {
    await Promise.all(
      connections.map(async (connection) => {
        for (const request of requests) check(await connection.send(request));
      }),
    );
  } finally {
    for (const connection of connections) connection.close();
  }
  return (batches.length * BATCH_DOCUMENTS) / ((performance.now() - startMs) / 1000);
}

function requestOf(url: string, urlPath: string, headers: Record<string, string>, body: Buffer): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head =
    `POST ${urlPath} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Type: application/json\r\n` +
    `Content-Encoding: gzip\r\nContent-Length: ${body.length}\r\n${lines.join('')}\r\n`;
  return Buffer.concat([new Uint8Array(Buffer.from(head)), new Uint8Array(body)]);
}

function assertAllTaken(answer: HttpAnswer): void {
  assertCreated(answer);
  const entries = JSON.parse(answer.body.toString('utf8')) as { ok?: boolean }[];
  const taken = entries.filter(({ ok }) => ok === true).length;
  if (taken !== BATCH_DOCUMENTS) throw new Error(`${taken} of ${BATCH_DOCUMENTS} documents were taken`);
}

/** Design documents count. */
async function assertHeld(couchdb: CouchDb, name: string, documents: number): Promise<void> {
  const response = await couchdbFetch(couchdb, `/${name}`);
  const { doc_count: held } = (await response.json()) as { doc_count: number };
  if (held !== documents) throw new Error(`${name} holds ${held} documents where ${documents} were sent`);
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
