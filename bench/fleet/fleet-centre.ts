/**
 * The centre of a fleet: gateways as processes of their own before one CouchDB, in databases of a name of their own that
 * are deleted afterwards. Without a CouchDB it is one process on its embedded store.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { ProgramClient } from '../../shared/http/client.js';
import { type Service, ServiceGroup } from '../../shared/service.js';
import { freePort } from '../../sim/ports.js';
import { ProgramProcess, programEntry } from '../../sim/processes.js';
import { type CouchDb, couchdbFetch, deleteDatabase } from '../../test/support/couchdb.js';
import { Balancer } from './balancer.js';
import type { IdAndRevision } from './village-load.js';

const GATEWAYS = 2;
/** Asked for at once, while villages are added. */
const AT_ONCE = 8;

interface Row {
  id: string;
  value: { rev: string };
}

export class FleetCentre implements Service {
  readonly name = 'the centre of the fleet';
  readonly gateways: readonly ProgramProcess[];
  readonly balancer: Balancer;
  readonly couchdb: CouchDb | undefined;
  /** Of its databases in the CouchDB. */
  readonly #prefix: string;
  readonly #tokens: { admin: string; analyst: string };
  readonly #services: ServiceGroup;

  private constructor(couchdb: CouchDb | undefined, ports: readonly number[], folders: readonly string[]) {
    this.couchdb = couchdb;
    this.#prefix = `fleet${randomBytes(4).toString('hex')}-`;
    this.#tokens = { admin: randomBytes(12).toString('hex'), analyst: randomBytes(12).toString('hex') };
    this.gateways = ports.map((port, i) => this.#gateway(i, port, folders[i] ?? ''));
    this.balancer = new Balancer(ports);
    this.#services = new ServiceGroup('the centre', [...this.gateways, this.balancer]);
  }

  /** With one gateway on its embedded store where there is no CouchDB. */
  static async create(couchdb: CouchDb | undefined, folder: string): Promise<FleetCentre> {
    const count = couchdb ? GATEWAYS : 1;
    const ports: number[] = [];
    const folders: string[] = [];
    for (let i = 0; i < count; i++) {
      ports.push(await freePort());
      folders.push(await mkdtemp(path.join(folder, 'gateway-')));
    }
    return new FleetCentre(couchdb, ports, folders);
  }

  /** Has the work done at a centre of its own, of which nothing is left, whatever becomes of it. */
  static async with<T>(
    couchdb: CouchDb | undefined,
    folder: string,
    work: (centre: FleetCentre) => Promise<T>,
  ): Promise<T> {
    const centre = await FleetCentre.create(couchdb, folder);
    try {
      await centre.start();
      return await work(centre);
    } finally {
      await centre.stop();
    }
  }

  start(): Promise<void> {
    return this.#services.start();
  }

  /** Its databases are gone afterwards. */
  async stop(): Promise<void> {
    await this.#services.stop();
    await this.#deleteDatabases();
  }

  /** Origin that villages are given. */
  get url(): string {
    return this.balancer.url;
  }

  /** Name of the database of telemetry. */
  get database(): string {
    return `${this.#prefix}telemetry`;
  }

  /** Adds villages; their credentials, in the same order. */
  async addVillages(ids: readonly string[]): Promise<string[]> {
    const admin = new ProgramClient({ url: this.url, token: this.#tokens.admin, peer: 'the centre' });
    const passwords: string[] = [];
    const rest = ids.entries();
    const add = async () => {
      for (const [index, id] of rest) {
        const request = {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ id }),
        };
        const { password } = await admin.json<{ password: string }>('/v1/villages', request);
        passwords[index] = password;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, add));
    return passwords;
  }

  /** What is held of a village: asked of CouchDB itself, past the gateways, where there is one. */
  async heldOf(village: string): Promise<IdAndRevision[]> {
    const rows = `_partition/${village}/_all_docs`;
    const response = this.couchdb
      ? await couchdbFetch(this.couchdb, `/${this.database}/${rows}`)
      : await new ProgramClient({ url: this.url, token: this.#tokens.analyst, peer: 'the centre' }).fetch(
          `/telemetry/${rows}`,
        );
    if (!response.ok) throw new Error(`what is held of ${village} was answered ${response.status}`);
    const body = (await response.json()) as { rows: Row[] };
    return body.rows.map(({ id, value }) => ({ id, rev: value.rev }));
  }

  #gateway(index: number, port: number, dataPath: string): ProgramProcess {
    const { couchdb } = this;
    const name = `gateway ${index + 1}`;
    return new ProgramProcess({
      name,
      entry: programEntry('server'),
      args: ['start', '--central-port', String(port), '--data-path', dataPath],
      env: {
        ...{ CENTRAL_HOST: '127.0.0.1', LOG_FORMAT: 'json', LOG_LEVEL: 'error' },
        ...{ ADMIN_TOKEN: this.#tokens.admin, ANALYST_TOKEN: this.#tokens.analyst },
        // Every village comes from the balancer's address.
        TRUSTED_PROXIES: '1',
        ...(couchdb
          ? {
              ...{ COUCHDB_URL: couchdb.url, COUCHDB_USER: couchdb.user, COUCHDB_PASSWORD: couchdb.password },
              COUCHDB_PREFIX: this.#prefix,
            }
          : {}),
      },
      url: `http://127.0.0.1:${port}`,
      readyTimeoutMs: 60_000,
      stopTimeoutMs: 30_000,
    });
  }

  async #deleteDatabases(): Promise<void> {
    const { couchdb } = this;
    if (!couchdb) return;
    const range = `startkey="${this.#prefix}"&endkey="${this.#prefix}\ufff0"`;
    const response = await couchdbFetch(couchdb, `/_all_dbs?${encodeURI(range)}`);
    for (const name of (await response.json()) as string[]) await deleteDatabase(couchdb, name);
  }
}
