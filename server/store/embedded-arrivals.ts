/** Order of arrival in an embedded PouchDB: its sequence, which grows by one with each document stored. */
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import type { MendingDatabase } from '../../shared/mending-database.js';
import type { ArrivalOrder, ArrivalPage } from './contract.js';
import { readCounters } from './database-counters.js';

export class EmbeddedArrivals implements ArrivalOrder {
  readonly #database: MendingDatabase;
  readonly identity: () => Promise<string>;

  constructor(database: MendingDatabase, identity: () => Promise<string>) {
    this.#database = database;
    this.identity = identity;
  }

  async read(position: string | undefined, limit: number): Promise<ArrivalPage> {
    const since = Number(position ?? 0);
    if (!Number.isSafeInteger(since) || since < 0) {
      throw new AppError('invalid_request', 'since is not a cursor this database gave');
    }
    return this.#database.read(async (database) => {
      const { updateSeq: newest } = await readCounters(database);
      if (since > newest) {
        throw new AppError(
          'invalid_request',
          'since is a cursor of a later state of this database, which has been set back since; begin again without it',
        );
      }
      const { results } = await database.changes({ since, limit, include_docs: true });
      const arrivals = results.flatMap(({ seq, id, doc }) => {
        const isDocument = doc !== undefined && !('_deleted' in doc) && !id.startsWith('_design/');
        return isDocument ? [{ position: String(seq), document: doc as TelemetryDocument }] : [];
      });
      const last = String(results.at(-1)?.seq ?? since);
      return { arrivals, last, isEnd: results.length < limit };
    });
  }
}
