/**
 * The embedded store: PouchDB databases in the data folder, for trials and single machines. One process alone may open
 * it. Every write is synced before it is acknowledged.
 */
import path from 'node:path';
import { AppError } from '../../shared/app-error.js';
import { type Logger, silentLogger } from '../../shared/logger.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import type { OpenOptions } from '../../shared/pouchdb.js';
import type { Receipt } from '../../shared/receipt.js';
import { type Clock, systemClock } from '../../shared/time.js';
import { makeFolder } from '../data-folder.js';
import type {
  CentralStore,
  ContactHoursStore,
  IncomingDocument,
  LocalDocuments,
  TelemetryInfo,
  VillageRecord,
  VillageStore,
  WriteOutcome,
} from './contract.js';
import { writeCreated } from './database-created.js';
import { EmbeddedArrivals } from './embedded-arrivals.js';
import { EmbeddedContactHours } from './embedded-contact-hours.js';
import { EmbeddedDays } from './embedded-days.js';
import { EmbeddedLocalDocuments, isConflict, orUndefined } from './embedded-local-documents.js';
import { EmbeddedNumbers } from './embedded-numbers.js';
import { documentsIn } from './embedded-ranges.js';
import { EmbeddedReceipts, type EmbeddedReceiptsOptions } from './embedded-receipts.js';
import { EmbeddedRegistries } from './embedded-registries.js';
import type { EmbeddedRegistry } from './embedded-registry.js';
import { registryRepair, telemetryRepair, villagesRepair } from './embedded-repair.js';
import { EmbeddedTelemetry } from './embedded-telemetry.js';
import { StoreIdentity } from './store-identity.js';
import { asVillageDocument, asVillageRecord, updateRecord, villageExists } from './village-documents.js';
import { WriteQueue } from './write-queue.js';

/** Bytes LevelDB may keep of the telemetry read; lists of old data profit. */
const TELEMETRY_CACHE_BYTES = 32 * 1024 * 1024;
const TELEMETRY_WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
/** More than a single machine can serve. */
const MAX_VILLAGES = 1_000_000;
const TOLD = 'the database of the centre failed; its log says why';

export interface EmbeddedStoreOptions extends OpenOptions {
  clock?: Clock;
  receipts?: EmbeddedReceiptsOptions;
  /** Hears of damage, and what was lost by it. */
  log?: Logger;
  /** Ends the opening, which may have to repair. */
  signal?: AbortSignal;
}

/** What an open store is made of. */
interface Parts {
  telemetry: MendingDatabase;
  villages: MendingDatabase;
  documents: EmbeddedTelemetry;
  registries: EmbeddedRegistries;
  receiptOptions: EmbeddedReceiptsOptions;
  identity: StoreIdentity;
  /** Ends repairs under way. */
  closing: AbortController;
}

export class EmbeddedStore implements CentralStore {
  readonly kind = 'embedded';
  readonly couchVersion = '3.5.0';
  readonly telemetry: EmbeddedTelemetry;
  readonly numbers: EmbeddedNumbers;
  readonly days: EmbeddedDays;
  readonly arrivals: EmbeddedArrivals;
  readonly villages: VillageStore;
  readonly contactHours: ContactHoursStore;
  readonly local: LocalDocuments;
  readonly #databases: readonly MendingDatabase[];
  readonly #queue: WriteQueue;
  readonly #receipts: EmbeddedReceipts;
  readonly #registries: EmbeddedRegistries;
  readonly #identity: StoreIdentity;
  readonly #closing: AbortController;

  private constructor({ telemetry, villages, documents, registries, receiptOptions, identity, closing }: Parts) {
    this.#identity = identity;
    this.#closing = closing;
    this.telemetry = documents;
    this.numbers = new EmbeddedNumbers(telemetry);
    this.arrivals = new EmbeddedArrivals(
      telemetry,
      async () => `${identity.uuid}/${(await documents.info()).instance_start_time}`,
    );
    this.villages = new EmbeddedVillages(villages);
    this.contactHours = new EmbeddedContactHours(villages);
    this.local = new EmbeddedLocalDocuments(telemetry);
    this.#databases = [telemetry, villages];
    this.#registries = registries;
    const receipts = new EmbeddedReceipts(telemetry, receiptOptions);
    this.#receipts = receipts;
    this.days = new EmbeddedDays(receipts);
    this.#queue = new WriteQueue((group) => documents.writeGroup(group, receipts));
    // Documents may have been stored by somebody else, or before there was an index of numbers.
    receipts.follow();
  }

  /**
   * Opens or creates the store in `folder`. Throws `in_use` when another process has it, `usage` for an unusable
   * folder.
   */
  static async open(folder: string, options: EmbeddedStoreOptions = {}): Promise<EmbeddedStore> {
    const { clock = systemClock, receipts: receiptOptions = {}, log = silentLogger(), signal, ...given } = options;
    const openOptions = { told: TOLD, ...given };
    await makeFolder(folder);
    const closing = new AbortController();
    const repairSignal = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
    const repair = { folder, clock, log, signal: repairSignal };
    const identity = new StoreIdentity(folder);
    // Opened before the other database: its lock is the lock of the whole folder.
    const telemetry = await MendingDatabase.open(
      path.join(folder, 'telemetry'),
      { cacheSizeBytes: TELEMETRY_CACHE_BYTES, writeBufferBytes: TELEMETRY_WRITE_BUFFER_BYTES, ...openOptions },
      telemetryRepair(repair, async (database) => {
        await identity.renew();
        await writeCreated(database, clock.now());
      }),
    ).catch((error) => {
      throw error instanceof AppError && error.code === 'in_use'
        ? new AppError('in_use', `the data folder ${folder} is in use by another running centre`, { cause: error })
        : error;
    });
    try {
      const documents = await EmbeddedTelemetry.open(telemetry, clock);
      await identity.load();
      const villages = await MendingDatabase.open(path.join(folder, 'villages'), openOptions, villagesRepair(repair));
      const registryFolder = path.join(folder, 'registry');
      await makeFolder(registryFolder);
      const onDamage = (village: string) => registryRepair(repair, village);
      const registries = new EmbeddedRegistries({ folder: registryFolder, open: openOptions, onDamage, clock });
      return new EmbeddedStore({ telemetry, villages, documents, registries, receiptOptions, identity, closing });
    } catch (error) {
      await telemetry.close();
      throw error;
    }
  }

  get uuid(): string {
    return this.#identity.uuid;
  }

  async ping(): Promise<void> {
    await this.telemetry.info();
  }

  info(): Promise<TelemetryInfo> {
    return this.telemetry.info();
  }

  revsDiff(asked: Record<string, string[]>) {
    return this.telemetry.revsDiff(asked);
  }

  write(documents: readonly IncomingDocument[]): Promise<WriteOutcome[]> {
    return this.#queue.write(documents);
  }

  registry(village: string): EmbeddedRegistry {
    return this.#registries.of(village);
  }

  receipt(village: string, node: string, from: number, to: number, signal?: AbortSignal): Promise<Receipt> {
    return this.#receipts.receipt(village, node, from, to, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#queue.drain();
    await this.#receipts.close();
    await this.numbers.close();
    await this.#registries.close();
    for (const database of this.#databases) await database.close();
  }
}

class EmbeddedVillages implements VillageStore {
  readonly #database: MendingDatabase;

  constructor(database: MendingDatabase) {
    this.#database = database;
  }

  async list(): Promise<VillageRecord[]> {
    const all = { startId: '', endId: '\uffff', descending: false, limit: MAX_VILLAGES };
    const found = await this.#database.read((database) => documentsIn(database, all));
    return found.map(asVillageRecord);
  }

  async get(id: string): Promise<VillageRecord | undefined> {
    const found = await this.#newest(id);
    return found && asVillageRecord(found);
  }

  async create(record: VillageRecord): Promise<void> {
    await this.#put(asVillageDocument(record), () => villageExists(record.id));
  }

  update(id: string, change: (record: VillageRecord) => VillageRecord): Promise<VillageRecord | undefined> {
    return updateRecord(change, {
      read: () => this.#newest(id),
      write: (document) =>
        this.#put(document, () => new AppError('conflict', `the village ${id} was changed meanwhile`)),
    });
  }

  #newest(id: string): Promise<{ _rev: string } | undefined> {
    return this.#database.read((database) => orUndefined(database.get(id)));
  }

  async #put(document: object, conflict: () => AppError): Promise<void> {
    try {
      await this.#database.write((database) => database.put(document));
    } catch (error) {
      throw isConflict(error) ? conflict() : error;
    }
  }
}
