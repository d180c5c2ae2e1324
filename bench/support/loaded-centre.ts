/** A centre of its own process on either store, filled as a village fills it: through the gateway. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { SimulatedCentre } from '../../sim/centre.js';
import { freePort } from '../../sim/ports.js';
import { type CouchDb, deleteDatabase } from '../../test/support/couchdb.js';
import type { RunContext } from '../row.js';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from './readings.js';

export const LOADED_VILLAGE = 'bench';

const BATCH = 2_000;
const IN_FLIGHT = 2;

export interface LoadedCentre {
  centre: SimulatedCentre;
  /** What the village sends with each request. */
  headers: Record<string, string>;
  /** Its telemetry in the CouchDB; undefined on the embedded store. */
  database: string | undefined;
  /** Stores `count` more readings and returns their ids and revisions, in the order of their numbers. */
  load(count: number): Promise<LoadedDocument[]>;
}

export interface LoadedDocument {
  id: string;
  rev: string;
}

/** Starts the centre before the CouchDB or, without one, on its embedded store; afterwards nothing is left of it. */
export async function withLoadedCentre<T>(
  context: RunContext,
  couchdb: CouchDb | undefined,
  work: (loaded: LoadedCentre) => Promise<T>,
): Promise<T> {
  const dataPath = await mkdtemp(path.join(context.folder, 'centre-'));
  const prefix = `bench${randomBytes(4).toString('hex')}-`;
  const credentials = couchdb && { COUCHDB_USER: couchdb.user, COUCHDB_PASSWORD: couchdb.password };
  const centre = new SimulatedCentre({
    port: await freePort(),
    dataPath,
    env: {
      LOG_LEVEL: 'error',
      ...(couchdb ? { COUCHDB_URL: couchdb.url, COUCHDB_PREFIX: prefix, ...credentials } : {}),
    },
  });
  try {
    await centre.start();
    const password = await centre.addVillage(LOADED_VILLAGE);
    const headers = {
      Authorization: `Basic ${Buffer.from(`${LOADED_VILLAGE}:${password}`).toString('base64')}`,
      'Content-Type': 'application/json',
    };
    let stored = 0;
    const load = (count: number) => {
      const from = stored;
      stored += count;
      return store(context, `${centre.url}/telemetry/_bulk_docs`, headers, from, count);
    };
    const result = await work({ centre, headers, load, database: couchdb && `${prefix}telemetry` });
    await centre.stop();
    return result;
  } finally {
    await centre.process.kill('SIGKILL');
    await rm(dataPath, { recursive: true, force: true });
    if (couchdb) for (const name of ['telemetry', 'villages']) await deleteDatabase(couchdb, prefix + name);
  }
}

async function store(
  { signal }: RunContext,
  url: string,
  headers: Record<string, string>,
  first: number,
  count: number,
): Promise<LoadedDocument[]> {
  const documents: LoadedDocument[] = [];
  let next = 0;
  const work = async () => {
    while (next < count) {
      signal.throwIfAborted();
      const from = next;
      next += BATCH;
      const batch = [...fleetReadings(VILLAGE_FLEET, first + from, Math.min(BATCH, count - from))];
      const docs = batch.map((reading, n) => storedDocument(reading, first + from + n + 1));
      for (const [n, { _id, _rev }] of docs.entries()) documents[from + n] = { id: String(_id), rev: String(_rev) };
      const body = JSON.stringify({ docs, new_edits: false });
      const response = await fetch(url, { method: 'POST', headers, body });
      const answer = await response.text();
      if (response.status !== 201 || answer.trim() !== '[]')
        throw new Error(`a write answered ${response.status}: ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  return documents;
}
