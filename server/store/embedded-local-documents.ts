/** `_local` documents in an embedded database, each village's apart; PouchDB checks their revisions. */
import { AppError } from '../../shared/app-error.js';
import type { MendingDatabase } from '../../shared/mending-database.js';
import { type Database, isNotFound } from '../../shared/pouchdb.js';
import type { LocalDocuments } from './contract.js';
import { localDocumentId } from './local-document-id.js';
import { keyIn, readEntries, writeSynced } from './raw-entries.js';

/** PouchDB's store for them. */
const LOCAL = 'local-store';

export class EmbeddedLocalDocuments implements LocalDocuments {
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

/** Also the program's own. */
export async function forgetLocalDocuments(database: Database): Promise<void> {
  const entries = await readEntries(database, { store: LOCAL, to: '\uffff' });
  await writeSynced(
    database,
    entries.map(([name]) => ({ type: 'del', key: keyIn(LOCAL, name) })),
  );
}

export async function orUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export function isConflict(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 409;
}
