/**
 * The villages as documents of CouchDB, and the hours of their contacts, which are documents of their own before all
 * villages: their names begin with what no village's does, and lists of villages leave them out unread.
 */
import { AppError } from '../../shared/app-error.js';
import type { KeptHours } from '../gateway/contact-hours.js';
import type { ContactHoursStore, VillageRecord, VillageStore } from './contract.js';
import { type CouchClient, notCouch } from './couch-client.js';
import { undefinedUnlessGone } from './couch-local-documents.js';
import { asVillageDocument, asVillageRecord, untilFirst, updateRecord, villageExists } from './village-documents.js';

const DB = 'villages';
const RETRY_AFTER_S = 5;
/** Sorts before every village. */
const CONTACTS = '$contacts:';
const FIRST_VILLAGE = 'a';

export class CouchVillages implements VillageStore {
  readonly #client: CouchClient;

  readonly contactHours: ContactHoursStore = {
    get: async (village) => {
      const found = await this.#newest<KeptHours>(CONTACTS + village);
      return found && { days: found.days };
    },
    update: (village, change) =>
      untilFirst(async () => {
        const found = await this.#newest<KeptHours>(CONTACTS + village);
        const { days } = change(found && { days: found.days });
        const document = { _id: CONTACTS + village, ...(found ? { _rev: found._rev } : {}), days };
        await this.#put(CONTACTS + village, document, () => changedMeanwhile(village));
      }),
  };

  constructor(client: CouchClient) {
    this.#client = client;
  }

  async list(): Promise<VillageRecord[]> {
    const { body } = await this.#client.request<{ rows: { id: string; doc: object }[] }>({
      db: DB,
      path: '_all_docs',
      qs: { include_docs: true, start_key: FIRST_VILLAGE },
    });
    if (!Array.isArray(body?.rows)) throw notCouch(RETRY_AFTER_S);
    return body.rows.map(({ doc }) => asVillageRecord(doc));
  }

  async get(id: string): Promise<VillageRecord | undefined> {
    const found = await this.#newest(id);
    return found && asVillageRecord(found);
  }

  create(record: VillageRecord): Promise<void> {
    return this.#put(record.id, asVillageDocument(record), () => villageExists(record.id));
  }

  update(id: string, change: (record: VillageRecord) => VillageRecord): Promise<VillageRecord | undefined> {
    return updateRecord(change, {
      read: () => this.#newest(id),
      write: (document) => this.#put(id, document, () => changedMeanwhile(id)),
    });
  }

  async #newest<T = object>(id: string): Promise<(T & { _rev: string }) | undefined> {
    const path = encodeURIComponent(id);
    const { status, body } = await this.#client.request<T & { _id?: string; _rev: string; reason?: string }>({
      db: DB,
      path,
      expected: [404],
    });
    if (status === 404) return undefinedUnlessGone(body?.reason);
    if (body?._id !== id) throw notCouch(RETRY_AFTER_S);
    return body;
  }

  async #put(id: string, body: object, conflict: () => AppError): Promise<void> {
    const path = encodeURIComponent(id);
    const { status } = await this.#client.request({ db: DB, path, method: 'PUT', body, expected: [409] });
    if (status === 409) throw conflict();
    if (status === 202)
      throw new AppError('unavailable', 'CouchDB has not stored the village at a quorum of its nodes', {
        retryAfterS: RETRY_AFTER_S,
      });
  }
}

function changedMeanwhile(id: string): AppError {
  return new AppError('conflict', `the village ${id} was changed meanwhile`);
}
