/**
 * Documents the centre refused one by one, each with the reason, until the centre takes them or a person releases them.
 * A document is durable here before the push moves past it.
 */
import path from 'node:path';
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import { type Database, isNotFound, type OpenOptions } from '../../shared/pouchdb.js';

export interface QuarantineItem {
  /** Id of the document. */
  id: string;
  reason: string;
  /** When it was refused first. */
  since: string;
  /** How often it was refused. */
  tries: number;
  doc: TelemetryDocument;
}

/** How an item is kept: PouchDB reserves names with an underscore at the top level. */
interface StoredItem extends Omit<QuarantineItem, 'id'> {
  _id: string;
  _rev: string;
}

export class QuarantineStore {
  readonly #database: MendingDatabase;
  #count = 0;

  private constructor(database: MendingDatabase) {
    this.#database = database;
  }

  static async open(folder: string, options?: OpenOptions): Promise<QuarantineStore> {
    const store = new QuarantineStore(await MendingDatabase.open(path.join(folder, 'quarantine'), options));
    await store.#recount();
    return store;
  }

  get count(): number {
    return this.#count;
  }

  /** Keeps refused documents; one that is here already counts another try. Durable when the promise resolves. */
  async add(refused: readonly { document: TelemetryDocument; reason: string }[], since: string): Promise<void> {
    if (refused.length === 0) return;
    await this.#database.write(async (database) => {
      const stored = await storedItems(
        database,
        refused.map(({ document }) => document._id),
      );
      const items = refused.map(({ document, reason }) => {
        const before = stored.get(document._id);
        const counted = before
          ? { _rev: before._rev, since: before.since, tries: before.tries + 1 }
          : { since, tries: 1 };
        return { _id: document._id, reason, doc: document, ...counted };
      });
      const failed = (await database.bulkDocs(items)).find((result) => 'error' in result);
      if (failed) throw new Error(`a refused document could not be kept: ${JSON.stringify(failed)}`);
    });
    await this.#recount();
  }

  /** Everything kept, by id. */
  async list(): Promise<QuarantineItem[]> {
    const { rows } = await this.#database.read((database) => database.allDocs({ include_docs: true }));
    return rows.flatMap((row) => (row.doc ? [itemOf(row.doc as StoredItem)] : []));
  }

  /** Forgets a document: the centre has it now, or a person gave it up. Throws `not_found`. */
  async remove(id: string): Promise<QuarantineItem> {
    try {
      const stored = await this.#database.write(async (database) => {
        const found = (await database.get(id)) as StoredItem;
        await database.remove(found);
        return found;
      });
      await this.#recount();
      return itemOf(stored);
    } catch (error) {
      if (isNotFound(error)) throw new AppError('not_found', `there is no document ${id} in quarantine`);
      throw error;
    }
  }

  /** Reads everything; throws `storage_failed` when something cannot be read or is not there. */
  async verify(): Promise<void> {
    const stored = this.#count;
    const items = await this.list();
    this.#database.assertReadable();
    if (items.length < stored && this.#count >= stored) {
      throw new AppError('storage_failed', `${stored - items.length} documents in quarantine cannot be read`);
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #recount(): Promise<void> {
    this.#count = (await this.#database.read((database) => database.info())).doc_count;
  }
}

function itemOf({ _id: id, reason, since, tries, doc }: StoredItem): QuarantineItem {
  return { id, reason, since, tries, doc };
}

async function storedItems(database: Database, ids: string[]): Promise<Map<string, StoredItem>> {
  const { rows } = await database.allDocs({ keys: ids, include_docs: true });
  return new Map(rows.flatMap((row) => (row.doc ? [[row.id, row.doc as StoredItem]] : [])));
}
