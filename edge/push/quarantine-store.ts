/**
 * Documents the centre refused one by one, each with the reason, until the centre takes them or a person releases them.
 * A document is durable here before the push moves past it.
 */
import path from 'node:path';
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import { type Database, isNotFound, openDatabase } from '../../shared/pouchdb.js';

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
  readonly #database: Database;
  #count: number;

  private constructor(database: Database, count: number) {
    this.#database = database;
    this.#count = count;
  }

  static async open(folder: string): Promise<QuarantineStore> {
    const database = await openDatabase(path.join(folder, 'quarantine'));
    const { doc_count: count } = await database.info();
    return new QuarantineStore(database, count);
  }

  get count(): number {
    return this.#count;
  }

  /** Keeps refused documents; one that is here already counts another try. Durable when the promise resolves. */
  async add(refused: readonly { document: TelemetryDocument; reason: string }[], since: string): Promise<void> {
    if (refused.length === 0) return;
    const { rows } = await this.#database.allDocs({
      keys: refused.map(({ document }) => document._id),
      include_docs: true,
    });
    const stored = new Map(rows.flatMap((row) => ('doc' in row && row.doc ? [[row.id, row.doc as StoredItem]] : [])));
    const items = refused.map(({ document, reason }) => {
      const before = stored.get(document._id);
      const counted = before
        ? { _rev: before._rev, since: before.since, tries: before.tries + 1 }
        : { since, tries: 1 };
      return { _id: document._id, reason, doc: document, ...counted };
    });
    const results = await this.#database.bulkDocs(items);
    const failed = results.find((result) => 'error' in result);
    if (failed) throw new AppError('storage_failed', `a refused document could not be kept: ${JSON.stringify(failed)}`);
    this.#count += refused.filter(({ document }) => !stored.has(document._id)).length;
  }

  /** Everything kept, by id. */
  async list(): Promise<QuarantineItem[]> {
    const { rows } = await this.#database.allDocs({ include_docs: true });
    return rows.flatMap((row) => {
      if (!row.doc) return [];
      const { reason, since, tries, doc } = row.doc as StoredItem;
      return [{ id: row.id, reason, since, tries, doc }];
    });
  }

  /** Forgets a document: the centre has it now, or a person gave it up. Throws `not_found`. */
  async remove(id: string): Promise<QuarantineItem> {
    try {
      const stored = (await this.#database.get(id)) as StoredItem;
      await this.#database.remove(stored);
      this.#count--;
      const { reason, since, tries, doc } = stored;
      return { id, reason, since, tries, doc };
    } catch (error) {
      if (isNotFound(error)) throw new AppError('not_found', `there is no document ${id} in quarantine`);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
