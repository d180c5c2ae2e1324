/**
 * What nodes and peers push to: a gateway on its embedded store as a process of its own, or a plain CouchDB. Either is
 * empty at first and gone afterwards, and is asked past the node what it really holds.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { SimulatedCentre } from '../../sim/centre.js';
import { freePort } from '../../sim/ports.js';
import { type CouchDb, couchdbFetch, couchdbUrl, deleteDatabase } from '../../test/support/couchdb.js';
import type { RunContext } from '../row.js';

export interface BenchCentre {
  port: number;
  url: string;
  /** Credential of the village `bench`. */
  user: string;
  password: string;
  /** Readings of the village that it holds. */
  countReadings(): Promise<number>;
  countPredictions(): Promise<number>;
  /** True when it holds a reading of that device. */
  holdsDevice(device: string): Promise<boolean>;
}

/** The one name a node knows. */
const DATABASE = 'telemetry';
/** Says that the database is of the benchmark and may be deleted by a later one. */
const MARK = `/${DATABASE}/_local/solar-sync-bench`;
const VILLAGE = 'bench';

/** A gateway on the embedded store, with further settings. */
export async function withGateway<T>(
  context: RunContext,
  work: (centre: BenchCentre) => Promise<T>,
  settings: Record<string, string> = {},
): Promise<T> {
  const dataPath = await mkdtemp(path.join(context.folder, 'centre-'));
  const profile = context.profileFolder;
  const centre = new SimulatedCentre({
    ...{ port: await freePort(), dataPath },
    env: { LOG_LEVEL: 'error', ...settings },
    nodeArgs: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.join(profile, 'centre')}`],
  });
  try {
    await centre.start();
    const password = await centre.addVillage(VILLAGE);
    const { port, url } = centre;
    const result = await work({
      ...{ port, url, password, user: VILLAGE },
      countReadings: () => countLines(centre, 'readings'),
      countPredictions: () => countLines(centre, 'predictions'),
      holdsDevice: (device) => holdsDevice(centre, device),
    });
    await centre.stop();
    return result;
  } finally {
    await centre.process.kill('SIGKILL');
    await rm(path.join(dataPath), { recursive: true, force: true });
  }
}

/** A gateway before a CouchDB, its databases under names of their own that are deleted with it. */
export async function withGatewayTo<T>(
  context: RunContext,
  { url, user, password }: CouchDb,
  work: (centre: BenchCentre) => Promise<T>,
): Promise<T> {
  const prefix = `bench${randomBytes(4).toString('hex')}-`;
  const settings = { COUCHDB_URL: url, COUCHDB_USER: user, COUCHDB_PASSWORD: password, COUCHDB_PREFIX: prefix };
  try {
    return await withGateway(context, work, settings);
  } finally {
    const response = await couchdbFetch({ url, user, password }, '/_all_dbs');
    const names = ((await response.json()) as string[]).filter((name) => name.startsWith(prefix));
    for (const name of names) await deleteDatabase({ url, user, password }, name);
  }
}

/** The CouchDB that COUCHDB_URL names; undefined, and the reason said, where there is none to measure on. */
export async function couchdbFor(context: RunContext, row: string): Promise<CouchDb | undefined> {
  const couchdb = couchdbUrl();
  if (!couchdb) {
    context.say(`${row}: the figures with a CouchDB are not measured, COUCHDB_URL names none`);
    return undefined;
  }
  const database = await couchdbFetch(couchdb, `/${DATABASE}`);
  if (database.status === 404) return couchdb;
  // Left behind by a benchmark that was killed; anything else is somebody's data.
  if ((await couchdbFetch(couchdb, MARK)).ok) return couchdb;
  context.say(
    database.ok
      ? `${row}: not measured with CouchDB, the one at ${couchdb.url} has a database ${DATABASE} of its own`
      : `${row}: not measured with CouchDB, the one at ${couchdb.url} answered ${database.status}`,
  );
  return undefined;
}

/** An empty database `telemetry` in the CouchDB, as an operator creates it. */
export async function withCouchDb<T>(couchdb: CouchDb, work: (centre: BenchCentre) => Promise<T>): Promise<T> {
  await deleteDatabase(couchdb, DATABASE);
  await put(couchdb, `/${DATABASE}?partitioned=true`);
  try {
    await put(couchdb, MARK, '{}');
    const { url, user, password } = couchdb;
    const count = (from: string) => countRows(couchdb, `startkey="${from}"&endkey="${from}\ufff0"`);
    return await work({
      ...{ url, user, password, port: Number(new URL(url).port) || 80 },
      countReadings: () => count(`${VILLAGE}:r:`),
      countPredictions: () => count(`${VILLAGE}:p:`),
      holdsDevice: async (device) => (await count(`${VILLAGE}:r:${device}:`)) > 0,
    });
  } finally {
    await deleteDatabase(couchdb, DATABASE);
  }
}

/** Settings of a node that reaches the centre at `url`. */
export function settingsFor({ user, password }: BenchCentre, url: string): Record<string, string> {
  return { API_URL: url, CENTRAL_USER: user, CENTRAL_PASSWORD: password };
}

/** Fails unless the centre holds exactly so many readings: a rate of what did not arrive is no rate. */
export async function assertHeld(centre: BenchCentre, readings: number): Promise<void> {
  const held = await centre.countReadings();
  if (held !== readings) throw new Error(`the centre holds ${held} readings where ${readings} were sent`);
}

/** The same of readings and predictions in equal parts. */
export async function assertHeldBoth(centre: BenchCentre, documents: number, furtherReadings: number): Promise<void> {
  await assertHeld(centre, documents / 2 + furtherReadings);
  const held = await centre.countPredictions();
  if (held !== documents / 2) throw new Error(`the centre holds ${held} predictions where ${documents / 2} were sent`);
}

async function countLines({ analyst }: SimulatedCentre, kind: 'readings' | 'predictions'): Promise<number> {
  const response = await analyst.fetch(`/v1/villages/${VILLAGE}/${kind}?format=ndjson`);
  let lines = 0;
  for await (const chunk of response.body ?? []) {
    for (const byte of chunk as Uint8Array) if (byte === 0x0a) lines++;
  }
  return lines;
}

async function holdsDevice({ analyst }: SimulatedCentre, device: string): Promise<boolean> {
  const path = `/v1/villages/${VILLAGE}/readings?device=${device}&limit=1`;
  return (await analyst.json<{ items: unknown[] }>(path)).items.length > 0;
}

async function countRows(couchdb: CouchDb, range: string): Promise<number> {
  const response = await couchdbFetch(couchdb, `/${DATABASE}/_all_docs?${encodeURI(range)}`);
  return ((await response.json()) as { rows: unknown[] }).rows.length;
}

async function put(couchdb: CouchDb, path: string, body?: string): Promise<void> {
  const response = await couchdbFetch(couchdb, path, { method: 'PUT', ...(body === undefined ? {} : { body }) });
  if (!response.ok) throw new Error(`CouchDB answered ${response.status} to PUT ${path}: ${await response.text()}`);
}
