/** The stores the centre's tests run on: always the embedded one, and CouchDB where COUCHDB_URL names one. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type CentralConfig, type CouchConfig, configOf, SERVER_SETTINGS } from '../../../server/config.js';
import type { CentralStore } from '../../../server/store/contract.js';
import { CouchClient } from '../../../server/store/couch-client.js';
import { CouchdbStore } from '../../../server/store/couchdb-store.js';
import { EmbeddedStore } from '../../../server/store/embedded-store.js';
import { openDatabase } from '../../../shared/pouchdb.js';
import { loadSettings } from '../../../shared/settings.js';

export type StoreKind = 'embedded' | 'couchdb';

/** CouchDB as the environment names it; undefined where it does not. */
export function couchFromEnvironment(): CouchConfig | undefined {
  const { COUCHDB_URL, COUCHDB_USER, COUCHDB_PASSWORD } = process.env;
  return configOf(loadSettings(SERVER_SETTINGS, { flags: {}, env: { COUCHDB_URL, COUCHDB_USER, COUCHDB_PASSWORD } }))
    .couch;
}

export const STORES: readonly StoreKind[] = couchFromEnvironment() ? ['embedded', 'couchdb'] : ['embedded'];

/** Said in the titles of suites that run on the embedded store alone. */
export const SKIPPED_COUCHDB = couchFromEnvironment() ? '' : ' (CouchDB skipped: COUCHDB_URL is not set)';

/** A temporary folder, and for CouchDB a prefix of database names, that `remove` takes away again. */
export interface Place {
  folder: string;
  couch: CouchConfig | undefined;
  /** Takes away what the closed store holds, as when somebody begins with a new database. */
  empty(): Promise<void>;
  remove(): Promise<void>;
}

export function openIn({ couch, folder }: Place): Promise<CentralStore> {
  return couch ? CouchdbStore.open(couch) : EmbeddedStore.open(folder);
}

/** Writes documents behind a store's back, as an operator might; returns the store, opened again where it had to be. */
export async function writeDirectly(place: Place, store: CentralStore, documents: object[]): Promise<CentralStore> {
  if (place.couch) {
    const body = { docs: documents, new_edits: false };
    await new CouchClient(place.couch).request({ db: 'telemetry', path: '_bulk_docs', method: 'POST', body });
    return store;
  }
  await store.close();
  const database = await openDatabase(path.join(place.folder, 'telemetry'));
  await database.bulkDocs(documents, { new_edits: false });
  await database.close();
  return openIn(place);
}

export async function createPlace(kind: StoreKind): Promise<Place> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'solar-central-'));
  const found = couchFromEnvironment();
  const couch = kind === 'couchdb' && found ? { ...found, prefix: `t${randomBytes(6).toString('hex')}-` } : undefined;
  return {
    folder,
    couch,
    empty: async () => {
      await rm(path.join(folder, 'telemetry'), { recursive: true, force: true });
      if (couch) await dropDatabases(couch);
    },
    remove: async () => {
      await rm(folder, { recursive: true, force: true });
      if (couch) await dropDatabases(couch);
    },
  };
}

async function dropDatabases(couch: CouchConfig): Promise<void> {
  const client = new CouchClient(couch);
  const mine = { startkey: couch.prefix, endkey: `${couch.prefix}\ufff0` };
  const { body: names } = await client.request<string[]>({ path: '_all_dbs', qs: mine });
  for (const name of names) {
    const db = name.slice(couch.prefix.length);
    await client.request({ db, method: 'DELETE', expected: [404] });
  }
}

export function configIn(place: Place, changes: Partial<CentralConfig> = {}): CentralConfig {
  return {
    host: '127.0.0.1',
    port: 0,
    dataPath: place.folder,
    couch: place.couch,
    silentAfterHours: 26,
    ...changes,
  };
}
