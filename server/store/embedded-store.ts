/**
 * The embedded store: PouchDB databases in the data folder, for trials and single machines. One process alone may open
 * it. Every write is synced before it is acknowledged.
 */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { AppError } from '../../shared/app-error.js';
import { readFileIfPresent, writeFileDurably } from '../../shared/durable-file.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import type { Database, OpenOptions } from '../../shared/pouchdb.js';
import { isNotFound } from '../../shared/pouchdb.js';
import type { Receipt } from '../../shared/receipt.js';
import { type Clock, systemClock } from '../../shared/time.js';
import { makeFolder } from '../data-folder.js';
import type {
  CentralStore,
  IncomingDocument,
  LocalDocuments,
  TelemetryInfo,
  VillageRecord,
  VillageStore,
  WriteOutcome,
} from './contract.js';
import { EmbeddedArrivals } from './embedded-arrivals.js';
import { EmbeddedNumbers } from './embedded-numbers.js';
import { EmbeddedReceipts, type EmbeddedReceiptsOptions } from './embedded-receipts.js';
import { EmbeddedTelemetry } from './embedded-telemetry.js';
import { localDocumentId } from './local-document-id.js';
import { asVillageDocument, asVillageRecord, updateRecord, villageExists } from './village-documents.js';
import { WriteQueue } from './write-queue.js';

/** Bytes LevelDB may keep of the telemetry read; lists of old data profit. */
const TELEMETRY_CACHE_BYTES = 32 * 1024 * 1024;
const TELEMETRY_WRITE_BUFFER_BYTES = 16 * 1024 * 1024;

export interface EmbeddedStoreOptions extends OpenOptions {
  clock?: Clock;
  receipts?: EmbeddedReceiptsOptions;
}

/** What an open store is made of. */
interface Parts {
  telemetry: MendingDatabase;
  villages: MendingDatabase;
  documents: EmbeddedTelemetry;
  receiptOptions: EmbeddedReceiptsOptions;
}

export class EmbeddedStore implements CentralStore {
  readonly kind = 'embedded';
  readonly couchVersion = '3.5.0';
  readonly uuid: string;
  readonly telemetry: EmbeddedTelemetry;
  readonly numbers: EmbeddedNumbers;
  readonly arrivals: EmbeddedArrivals;
  readonly villages: VillageStore;
  readonly local: LocalDocuments;
  readonly #databases: readonly MendingDatabase[];
  readonly #queue: WriteQueue;
  readonly #receipts: EmbeddedReceipts;

  private constructor(uuid: string, parts: Parts) {
    const { telemetry, villages, documents, receiptOptions } = parts;
    this.uuid = uuid;
    this.telemetry = documents;
    this.numbers = new EmbeddedNumbers(telemetry);
    this.arrivals = new EmbeddedArrivals(
      telemetry,
      async () => `${uuid}/${(await documents.info()).instance_start_time}`,
    );
    this.villages = new EmbeddedVillages(villages);
    this.local = new EmbeddedLocalDocuments(telemetry);
    this.#databases = [telemetry, villages];
    const receipts = new EmbeddedReceipts(telemetry, receiptOptions);
    this.#receipts = receipts;
    this.#queue = new WriteQueue((group) => documents.writeGroup(group, receipts));
    // Documents may have been stored by somebody else, or before there was an index of numbers.
    receipts.follow();
  }

  /**
   * Opens or creates the store in `folder`. Throws `in_use` when another process has it, `usage` for an unusable
   * folder.
   */
  static async open(folder: string, options: EmbeddedStoreOptions = {}): Promise<EmbeddedStore> {
    const { clock = systemClock, receipts: receiptOptions = {}, ...openOptions } = options;
    await makeFolder(folder);
    // Opened before the other database: its lock is the lock of the whole folder.
    const telemetry = await MendingDatabase.open(path.join(folder, 'telemetry'), {
      cacheSizeBytes: TELEMETRY_CACHE_BYTES,
      writeBufferBytes: TELEMETRY_WRITE_BUFFER_BYTES,
      ...openOptions,
    }).catch((error) => {
      throw error instanceof AppError && error.code === 'in_use'
        ? new AppError('in_use', `the data folder ${folder} is in use by another running centre`, { cause: error })
        : error;
    });
    try {
      const documents = await EmbeddedTelemetry.open(telemetry, clock);
      const villages = await MendingDatabase.open(path.join(folder, 'villages'), openOptions);
      return new EmbeddedStore(await uuidOf(folder), { telemetry, villages, documents, receiptOptions });
    } catch (error) {
      await telemetry.close();
      throw error;
    }
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

  receipt(village: string, node: string, from: number, to: number, signal?: AbortSignal): Promise<Receipt> {
    return this.#receipts.receipt(village, node, from, to, signal);
  }

  async close(): Promise<void> {
    await this.#queue.drain();
    await this.#receipts.close();
    await this.numbers.close();
    for (const database of this.#databases) await database.close();
  }
}

async function uuidOf(folder: string): Promise<string> {
  const file = path.join(folder, 'uuid');
  const kept = (await readFileIfPresent(file))?.trim();
  if (kept) return kept;
  const uuid = randomUUID().replaceAll('-', '');
  await writeFileDurably(file, `${uuid}\n`);
  return uuid;
}

class EmbeddedVillages implements VillageStore {
  readonly #database: MendingDatabase;

  constructor(database: MendingDatabase) {
    this.#database = database;
  }

  async list(): Promise<VillageRecord[]> {
    const found = await this.#database.read((database) => database.allDocs({ include_docs: true }));
    return found.rows.flatMap(({ doc }) => (doc ? [asVillageRecord(doc)] : []));
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

class EmbeddedLocalDocuments implements LocalDocuments {
  readonly #database: MendingDatabase;

  constructor(database: MendingDatabase) {
    this.#database = database;
  }

  async get(village: string, name: string) {
    const found = await this.#database.read((database) => orUndefined(database.get(localDocumentId(village, name))));
    if (!found) return undefined;
    const { _id, _rev: rev, ...body } = found;
    return { rev, body };
  }

  async put(village: string, name: string, body: Record<string, unknown>, rev: string | undefined): Promise<string> {
    const document = { ...body, _id: localDocumentId(village, name), ...(rev === undefined ? {} : { _rev: rev }) };
    const answer = await this.#change((database) => database.put(document));
    return answer.rev;
  }

  async delete(village: string, name: string, rev: string | undefined): Promise<void> {
    const document = { _id: localDocumentId(village, name), _rev: rev ?? '' };
    await this.#change((database) => database.remove(document));
  }

  async #change<T>(work: (database: Database) => Promise<T>): Promise<T> {
    try {
      return await this.#database.write(work);
    } catch (error) {
      if (isConflict(error)) throw new AppError('conflict', 'Document update conflict.', { cause: error });
      if (isNotFound(error)) throw new AppError('not_found', 'missing', { cause: error });
      throw error;
    }
  }
}

async function orUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isConflict(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 409;
}
