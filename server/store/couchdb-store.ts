/** The centre's store in a CouchDB 3.x server or cluster. Several gateways may share one. */
import { AppError } from '../../shared/app-error.js';
import { type Logger, silentLogger } from '../../shared/logger.js';
import type { Receipt } from '../../shared/receipt.js';
import { type Clock, systemClock } from '../../shared/time.js';
import type { CouchConfig } from '../config.js';
import type {
  CentralStore,
  CouchQuery,
  CouchQueryAnswer,
  IncomingDocument,
  LocalDocument,
  LocalDocuments,
  TelemetryInfo,
  VillageRecord,
  VillageStore,
  WriteOutcome,
} from './contract.js';
import { CouchArrivals } from './couch-arrivals.js';
import { CouchClient } from './couch-client.js';
import { CouchNumbers } from './couch-numbers.js';
import { couchQuery } from './couch-query.js';
import { couchReceipt } from './couch-receipts.js';
import { CouchSetup } from './couch-setup.js';
import { CouchTelemetry } from './couch-telemetry.js';
import { localDocumentId } from './local-document-id.js';
import { OverlapTurns } from './overlap-turns.js';
import { asVillageDocument, asVillageRecord, updateRecord, villageExists } from './village-documents.js';

/** Requests are given up at once: a set-up under way ends in a moment. */
const CLOSE_WAIT_MS = 2_000;

export interface CouchdbStoreOptions {
  /** Gives up the opening when aborted. */
  signal?: AbortSignal;
  clock?: Clock;
  log?: Logger;
}

export class CouchdbStore implements CentralStore {
  readonly kind = 'couchdb';
  readonly telemetry: CouchTelemetry;
  readonly numbers: CouchNumbers;
  readonly arrivals: CouchArrivals;
  readonly villages: VillageStore;
  readonly local: LocalDocuments;
  readonly #client: CouchClient;
  readonly #setup: CouchSetup;

  private constructor(client: CouchClient, setup: CouchSetup) {
    this.#client = client;
    this.#setup = setup;
    this.telemetry = new CouchTelemetry(client);
    this.numbers = new CouchNumbers(client, setup);
    this.arrivals = new CouchArrivals(client, setup);
    this.villages = new CouchVillages(client);
    this.local = new CouchLocalDocuments(client);
  }

  /**
   * Prepares the databases and connects. Throws `unavailable` while CouchDB cannot be used, and when `signal` is
   * aborted.
   */
  static async open(config: CouchConfig, options: CouchdbStoreOptions = {}): Promise<CouchdbStore> {
    const { signal, clock = systemClock, log = silentLogger() } = options;
    const client = new CouchClient(config);
    const giveUp = () => client.close();
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      return new CouchdbStore(client, await CouchSetup.begin({ client, user: config.user, clock, log }));
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  get uuid(): string {
    return this.#setup.identity.uuid;
  }

  get couchVersion(): string {
    return this.#setup.identity.version;
  }

  ping(): Promise<void> {
    return this.telemetry.ping();
  }

  info(): Promise<TelemetryInfo> {
    return this.telemetry.info();
  }

  revsDiff(asked: Record<string, string[]>) {
    return this.telemetry.revsDiff(asked);
  }

  write(documents: readonly IncomingDocument[]): Promise<WriteOutcome[]> {
    return this.telemetry.write(documents);
  }

  receipt(village: string, node: string, from: number, to: number, signal?: AbortSignal): Promise<Receipt> {
    return couchReceipt(this.#client, this.#setup, { village, node, from, to, signal });
  }

  query(query: CouchQuery, take: (answer: CouchQueryAnswer) => Promise<void>): Promise<void> {
    return couchQuery(this.#client, query, take);
  }

  /** Gives up what is still under way; idle connections end by themselves and hold no process open. */
  async close(): Promise<void> {
    this.#client.close();
    await this.#setup.settled(CLOSE_WAIT_MS);
  }
}

class CouchVillages implements VillageStore {
  readonly #client: CouchClient;

  constructor(client: CouchClient) {
    this.#client = client;
  }

  async list(): Promise<VillageRecord[]> {
    const { body } = await this.#client.request<{ rows: { id: string; doc: object }[] }>({
      db: 'villages',
      path: '_all_docs',
      qs: { include_docs: true },
    });
    if (!Array.isArray(body?.rows)) throw strange();
    return body.rows.filter(({ id }) => !id.startsWith('_')).map(({ doc }) => asVillageRecord(doc));
  }

  async get(id: string): Promise<VillageRecord | undefined> {
    const found = await this.#newest(id);
    return found && asVillageRecord(found);
  }

  create(record: VillageRecord): Promise<void> {
    return this.#put(record.id, asVillageDocument(record), () => villageExists(record.id));
  }

  update(id: string, change: (record: VillageRecord) => VillageRecord): Promise<VillageRecord | undefined> {
    const changed = () => new AppError('conflict', `the village ${id} was changed meanwhile`);
    return updateRecord(change, {
      read: () => this.#newest(id),
      write: (document) => this.#put(id, document, changed),
    });
  }

  async #newest(id: string): Promise<{ _rev: string } | undefined> {
    const path = encodeURIComponent(id);
    const { status, body } = await this.#client.request<{ _id?: string; _rev: string; reason?: string }>({
      db: 'villages',
      path,
      expected: [404],
    });
    if (status === 404) return undefinedUnlessGone(body?.reason);
    if (body?._id !== id) throw strange();
    return body;
  }

  async #put(id: string, body: object, conflict: () => AppError): Promise<void> {
    const path = encodeURIComponent(id);
    const { status } = await this.#client.request({ db: 'villages', path, method: 'PUT', body, expected: [409] });
    if (status === 409) throw conflict();
    if (status === 202)
      throw new AppError('unavailable', 'CouchDB has not stored the village at a quorum of its nodes', {
        retryAfterS: 5,
      });
  }
}

/** A proxy in between may answer anything with a 200. */
function strange(): AppError {
  return new AppError('unavailable', 'CouchDB gave an answer that is none of its own', { retryAfterS: 5 });
}

class CouchLocalDocuments implements LocalDocuments {
  readonly #client: CouchClient;
  readonly #turns = new OverlapTurns();

  constructor(client: CouchClient) {
    this.#client = client;
  }

  async get(village: string, name: string): Promise<LocalDocument | undefined> {
    const { status, body } = await this.#client.request<{ _id: string; _rev: string; reason?: string }>({
      db: 'telemetry',
      path: pathOf(village, name),
      expected: [404],
    });
    if (status === 404) return undefinedUnlessGone(body.reason);
    const { _id, _rev: rev, ...fields } = body;
    return { rev, body: fields };
  }

  // A CouchDB cluster takes any revision of a `_local` document that looks like one: the checks are ours.

  put(village: string, name: string, body: Record<string, unknown>, rev: string | undefined): Promise<string> {
    return this.#inTurn(village, name, async (present) => {
      if (present?.rev !== rev) throw new AppError('conflict', 'Document update conflict.');
      const answer = await this.#client.request<{ rev: string }>({
        db: 'telemetry',
        path: pathOf(village, name),
        method: 'PUT',
        body: { ...body, ...(rev === undefined ? {} : { _rev: rev }) },
      });
      return answer.body.rev;
    });
  }

  async delete(village: string, name: string, rev: string | undefined): Promise<void> {
    await this.#inTurn(village, name, async (present) => {
      if (!present) throw new AppError('not_found', 'missing');
      if (present.rev !== rev) throw new AppError('conflict', 'Document update conflict.');
      await this.#client.request({ db: 'telemetry', path: pathOf(village, name), method: 'DELETE', qs: { rev } });
    });
  }

  #inTurn<T>(village: string, name: string, work: (present: LocalDocument | undefined) => Promise<T>): Promise<T> {
    return this.#turns.run([localDocumentId(village, name)], async () => work(await this.get(village, name)));
  }
}

function pathOf(village: string, name: string): string {
  const id = localDocumentId(village, name);
  return `_local/${encodeURIComponent(id.slice('_local/'.length))}`;
}

/** A missing document is an answer; a missing database is not. */
function undefinedUnlessGone(reason: string | undefined): undefined {
  if (reason === 'missing' || reason === 'deleted') return undefined;
  throw new AppError('unavailable', `CouchDB has no database for this (${reason ?? 'not found'})`, { retryAfterS: 5 });
}
