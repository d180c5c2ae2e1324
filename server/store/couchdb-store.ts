/** The centre's store in a CouchDB 3.x server or cluster. Several gateways may share one. */
import { type Logger, silentLogger } from '../../shared/logger.js';
import type { Receipt } from '../../shared/receipt.js';
import { type Clock, systemClock } from '../../shared/time.js';
import type { CouchConfig } from '../config.js';
import type {
  CentralStore,
  ContactHoursStore,
  CouchQuery,
  CouchQueryAnswer,
  IncomingDocument,
  LocalDocuments,
  TelemetryInfo,
  VillageStore,
  WriteOutcome,
} from './contract.js';
import { CouchArrivals } from './couch-arrivals.js';
import { CouchClient } from './couch-client.js';
import { CouchDays } from './couch-days.js';
import { CouchLocalDocuments } from './couch-local-documents.js';
import { CouchNumbers } from './couch-numbers.js';
import { couchQuery } from './couch-query.js';
import { couchReceipt } from './couch-receipts.js';
import { CouchRegistries } from './couch-registries.js';
import type { CouchRegistry } from './couch-registry.js';
import { CouchSetup } from './couch-setup.js';
import { CouchTelemetry } from './couch-telemetry.js';
import { CouchVillages } from './couch-villages.js';

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
  readonly days: CouchDays;
  readonly arrivals: CouchArrivals;
  readonly villages: VillageStore;
  readonly contactHours: ContactHoursStore;
  readonly local: LocalDocuments;
  readonly #client: CouchClient;
  readonly #setup: CouchSetup;
  readonly #registries: CouchRegistries;

  private constructor(client: CouchClient, setup: CouchSetup, registries: CouchRegistries, clock: Clock) {
    this.#client = client;
    this.#setup = setup;
    this.#registries = registries;
    this.telemetry = new CouchTelemetry(client);
    this.numbers = new CouchNumbers(client, setup);
    this.days = new CouchDays(client, setup, clock);
    this.arrivals = new CouchArrivals(client, setup);
    const villages = new CouchVillages(client);
    this.villages = villages;
    this.contactHours = villages.contactHours;
    this.local = new CouchLocalDocuments(client, 'telemetry');
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
      const setup = await CouchSetup.begin({ client, user: config.user, clock, log });
      return new CouchdbStore(client, setup, new CouchRegistries(config, log), clock);
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

  registry(village: string): CouchRegistry {
    return this.#registries.of(village);
  }

  query(query: CouchQuery, take: (answer: CouchQueryAnswer) => Promise<void>): Promise<void> {
    return couchQuery(this.#client, query, take);
  }

  /** Gives up what is still under way; idle connections end by themselves and hold no process open. */
  async close(): Promise<void> {
    this.#client.close();
    await this.#registries.close();
    await this.#setup.settled(CLOSE_WAIT_MS);
  }
}
