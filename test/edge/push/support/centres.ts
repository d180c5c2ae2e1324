/**
 * What a node can push to: a gateway on either store, or a plain CouchDB. Each can be asked what it really holds, past
 * everything the push believes, and can lose its memory.
 */
import { randomBytes } from 'node:crypto';
import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { Central } from '../../../../server/central.js';
import type { TelemetryDocument } from '../../../../shared/documents.js';
import { ProgramClient } from '../../../../shared/http/client.js';
import { silentLogger } from '../../../../shared/logger.js';
import { MendingDatabase } from '../../../../shared/mending-database.js';
import { configIn, createPlace, type Place, type StoreKind } from '../../../server/support/stores.js';
import {
  type CouchDb,
  couchdbFetch,
  couchdbUrl,
  deleteDatabase,
  uniqueDatabaseName,
} from '../../../support/couchdb.js';
import { freePort } from '../../../support/free-port.js';
import { createTempFolder, removeFolder } from '../../../support/temp-folder.js';
import { waitFor } from '../../../support/wait-for.js';
import { byId, type SiteSettings } from './edge-site.js';
import { RenamingProxy } from './renaming-proxy.js';

export interface TestCentre {
  readonly url: string;
  /** API_URL and credential for a village; adds it where that is needed. */
  settingsFor(village: string): Promise<SiteSettings>;
  /** Readings and predictions of a village, by id. */
  documents(village: string): Promise<TelemetryDocument[]>;
  /** All telemetry documents it holds, events included. */
  count(): Promise<number>;
  /** Deletes the telemetry and begins anew; villages keep their credentials. */
  wipe(): Promise<void>;
  stop(): Promise<void>;
}

/** A centre in the test's process. */
export class GatewayCentre implements TestCentre {
  readonly #place: Place;
  readonly #port: number;
  #central: Central;
  #snapshot: string | undefined;
  #probe: { user: string; password: string } | undefined;

  private constructor(place: Place, port: number) {
    this.#place = place;
    this.#port = port;
    this.#central = this.#make();
  }

  static async start(kind: StoreKind): Promise<GatewayCentre> {
    const centre = new GatewayCentre(await createPlace(kind), await freePort());
    await centre.#central.start();
    return centre;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Where it keeps its data. */
  get folder(): string {
    return this.#place.folder;
  }

  /** Asks it as an analyst. */
  get analyst(): ProgramClient {
    return new ProgramClient({ url: this.url, token: this.#central.tokens.analyst, peer: 'the centre' });
  }

  async settingsFor(village: string): Promise<SiteSettings> {
    const admin = new ProgramClient({ url: this.url, token: this.#central.tokens.admin, peer: 'the centre' });
    const { password } = await admin.json<{ password: string }>('/v1/villages', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ id: village }),
    });
    return { API_URL: this.url, CENTRAL_PASSWORD: password };
  }

  async documents(village: string): Promise<TelemetryDocument[]> {
    const { analyst } = this;
    const found: TelemetryDocument[] = [];
    for (const list of ['readings', 'predictions']) {
      const path = `/v1/villages/${village}/${list}?format=ndjson`;
      for await (const document of analyst.lines<TelemetryDocument>(path)) found.push(document);
    }
    return found.sort(byId);
  }

  async count(): Promise<number> {
    let response = await this.#askAsProbe();
    // The village was added after the backup that the centre went back to, or never.
    if (response.status === 401) {
      await response.arrayBuffer();
      this.#probe = undefined;
      response = await this.#askAsProbe();
    }
    return ((await response.json()) as { doc_count: number }).doc_count;
  }

  /** A village's question how much there is; adding a village is a synced write, so it is done once. */
  async #askAsProbe(): Promise<Response> {
    const user = `probe-${randomBytes(4).toString('hex')}`;
    this.#probe ??= { user, password: (await this.settingsFor(user)).CENTRAL_PASSWORD ?? '' };
    const credentials = Buffer.from(`${this.#probe.user}:${this.#probe.password}`).toString('base64');
    return fetch(`${this.url}/telemetry`, { headers: { Authorization: `Basic ${credentials}` } });
  }

  /** As the contract says; `as: 'same'` leaves it its uuid, as a restored installation has (embedded store only). */
  async wipe({ as = 'another' }: { as?: 'same' | 'another' } = {}): Promise<void> {
    const { folder, couch } = this.#place;
    await this.whileStopped(async () => {
      if (couch) {
        await this.deleteUnderneath();
        return;
      }
      await rm(path.join(folder, 'telemetry'), { recursive: true });
      if (as === 'another') await rm(path.join(folder, 'uuid'));
    });
  }

  /** Loses every registry and nothing else: its databases are begun anew (embedded store only). */
  async wipeRegistries(): Promise<void> {
    const { folder, couch } = this.#place;
    if (couch) throw new Error('the registries of a CouchDB are lost there');
    await this.whileStopped(() => rm(path.join(folder, 'registry'), { recursive: true }));
  }

  /** Embedded store only: gives a document of a registry so many leaves, which no village could; resolves with their names. */
  async addLeaves(village: string, id: string, count: number): Promise<string[]> {
    const hashes = Array.from({ length: count }, (_, n) => (n + 1).toString(16).padStart(32, '0'));
    const documents = hashes.map((hash) => ({
      ...{ _id: id, _rev: `2-${hash}`, _revisions: { start: 2, ids: [hash, `f${hash.slice(1)}`] } },
      ...{ _deleted: true, ended: true },
    }));
    await this.whileStopped(async () => {
      const database = await MendingDatabase.open(path.join(this.#place.folder, 'registry', village));
      await database.write((open) => open.bulkDocs(documents, { new_edits: false }));
      await database.close();
    });
    return documents.map(({ _rev }) => _rev);
  }

  /** On CouchDB only: deletes the telemetry under the running gateway, as an operator's mistake does. */
  async deleteUnderneath(): Promise<void> {
    const { couch } = this.#place;
    if (!couch) throw new Error('the embedded store has no database to delete underneath');
    const credentials = { url: new URL(couch.url).origin, user: couch.user ?? '', password: couch.password ?? '' };
    await deleteDatabase(credentials, `${couch.prefix}telemetry`);
  }

  /** Embedded store only: keeps a copy of everything it holds now. */
  async backUp(): Promise<void> {
    const copy = await createTempFolder();
    await this.whileStopped(() => cp(this.#place.folder, copy, { recursive: true }));
    this.#snapshot = copy;
  }

  /** Embedded store only: goes back to the copy. */
  async restoreBackup(): Promise<void> {
    const copy = this.#snapshot;
    if (copy === undefined) throw new Error('there is no backup to restore');
    await this.whileStopped(async () => {
      await rm(this.#place.folder, { recursive: true });
      await cp(copy, this.#place.folder, { recursive: true });
    });
  }

  async whileStopped(work: () => Promise<void>): Promise<void> {
    await this.#central.stop();
    await work();
    await waitFor(
      async () => {
        this.#central = this.#make();
        await this.#central.start();
        return true;
      },
      // A connection of another test may have taken the port for a moment.
      { what: 'the centre to start again', intervalMs: 100 },
    );
  }

  async stop(): Promise<void> {
    await this.#central.stop();
    await this.#place.remove();
    if (this.#snapshot !== undefined) await removeFolder(this.#snapshot);
  }

  #make(): Central {
    return new Central({ config: configIn(this.#place, { port: this.#port }), log: silentLogger() });
  }
}

/**
 * A CouchDB without a gateway. The node knows one database name, `telemetry`; a proxy gives every test a database of
 * its own.
 */
export class PlainCouchCentre implements TestCentre {
  readonly #couchdb: CouchDb;
  readonly #database = uniqueDatabaseName('telemetry');
  readonly #proxy: RenamingProxy;

  private constructor(couchdb: CouchDb) {
    this.#couchdb = couchdb;
    this.#proxy = new RenamingProxy(couchdb.url, 'telemetry', this.#database);
  }

  static async start(): Promise<PlainCouchCentre> {
    const couchdb = couchdbUrl();
    if (!couchdb) throw new Error('COUCHDB_URL is not set');
    const centre = new PlainCouchCentre(couchdb);
    await centre.#create();
    await centre.#proxy.start();
    return centre;
  }

  get url(): string {
    return this.#proxy.url;
  }

  async settingsFor(): Promise<SiteSettings> {
    const { user, password } = this.#couchdb;
    return { API_URL: this.url, CENTRAL_USER: user, CENTRAL_PASSWORD: password };
  }

  async documents(village: string): Promise<TelemetryDocument[]> {
    // Just deleted and made anew, a database may not answer for a moment.
    const rows = await waitFor(
      async () => {
        const response = await couchdbFetch(this.#couchdb, `/${this.#database}/_all_docs?include_docs=true`);
        return ((await response.json()) as { rows?: { doc: TelemetryDocument }[] }).rows;
      },
      { what: `CouchDB to list ${this.#database}`, intervalMs: 50 },
    );
    return rows.map(({ doc }) => doc).filter((doc) => doc.village === village && doc.type !== 'event');
  }

  async count(): Promise<number> {
    const response = await couchdbFetch(this.#couchdb, `/${this.#database}`);
    return ((await response.json()) as { doc_count: number }).doc_count;
  }

  async wipe(): Promise<void> {
    await deleteDatabase(this.#couchdb, this.#database);
    await this.#create();
  }

  async stop(): Promise<void> {
    await this.#proxy.stop();
    await deleteDatabase(this.#couchdb, this.#database);
  }

  async #create(): Promise<void> {
    const response = await couchdbFetch(this.#couchdb, `/${this.#database}?partitioned=true`, { method: 'PUT' });
    if (!response.ok) throw new Error(`CouchDB answered ${response.status} when asked for a database`);
  }
}

/** A village no other test uses, since a CouchDB may be shared. */
export function anyVillage(): string {
  return `v${randomBytes(5).toString('hex')}`;
}

export interface CentreKind {
  title: string;
  isGateway: boolean;
  start(): Promise<TestCentre>;
}

/** Every kind of centre this run can test; those on CouchDB only where COUCHDB_URL names one. */
export function centreKinds(): CentreKind[] {
  const embedded = {
    title: 'a gateway on the embedded store',
    isGateway: true,
    start: () => GatewayCentre.start('embedded'),
  };
  if (!couchdbUrl()) return [embedded];
  return [
    embedded,
    { title: 'a gateway on CouchDB', isGateway: true, start: () => GatewayCentre.start('couchdb') },
    { title: 'a plain CouchDB', isGateway: false, start: () => PlainCouchCentre.start() },
  ];
}
