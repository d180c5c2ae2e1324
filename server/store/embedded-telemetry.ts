/**
 * Telemetry in an embedded PouchDB: looked up, written and read by id. Groups of documents arrive one at a time and go in
 * as one synced LevelDB batch each, in PouchDB's own layout and together with their part of the index of numbers.
 *
 * Invariants: documents are only added, at ascending sequences; PouchDB itself writes nothing here but `_local`
 * documents while this is open, and its counters in memory are not asked.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import type { MendingDatabase } from '../../shared/mending-database.js';
import type { Database } from '../../shared/pouchdb.js';
import { counterOperations, documentOperations } from '../../shared/pouchdb-layout.js';
import type { RangeReader } from '../../shared/range-reader.js';
import type { Clock } from '../../shared/time.js';
import type { IncomingDocument, RevisionsMissing, TelemetryInfo, WriteOutcome } from './contract.js';
import { checkedCounters, type DatabaseCounters, readCounters } from './database-counters.js';
import { readCreated, writeCreated } from './database-created.js';
import { documentsIn, firstIdIn } from './embedded-ranges.js';
import type { EmbeddedReceipts } from './embedded-receipts.js';
import { encodedDocument } from './encoded-document.js';
import { heldDocuments } from './held-documents.js';
import { writeSynced } from './raw-entries.js';
import { planWrite } from './write-plan.js';

export class EmbeddedTelemetry implements RangeReader {
  readonly #database: MendingDatabase;
  /** Opened last and found to agree with its counters. */
  #checked: Database | undefined;

  private constructor(database: MendingDatabase) {
    this.#database = database;
  }

  /** A database that does not know when it was created was created now. */
  static async open(database: MendingDatabase, clock: Clock): Promise<EmbeddedTelemetry> {
    const kept = await database.read(readCreated);
    if (kept === undefined) await database.write((open) => writeCreated(open, clock.now()));
    return new EmbeddedTelemetry(database);
  }

  /**
   * Looks up and writes a group as one synced batch, to which `index` adds its part. Must not be called again before it
   * has ended.
   */
  writeGroup(documents: readonly IncomingDocument[], index: Pick<EmbeddedReceipts, 'append'>): Promise<WriteOutcome[]> {
    return this.#database.write(async (database) => {
      const plan = planWrite(documents, await heldDocuments(database, documents));
      if (plan.toWrite.length > 0) await this.#append(database, plan.toWrite, index);
      return plan.outcomes(new Map());
    });
  }

  async #append(
    database: Database,
    fresh: readonly IncomingDocument[],
    index: Pick<EmbeddedReceipts, 'append'>,
  ): Promise<void> {
    const { updateSeq, documents } = await this.#counters(database);
    const first = updateSeq + 1;
    const operations = fresh.flatMap((document, n) => documentOperations(encodedDocument(document), first + n));
    operations.push(...counterOperations(updateSeq + fresh.length, documents + fresh.length));
    await index.append(database, first, fresh, (more) => writeSynced(database, [...operations, ...more]));
  }

  async #counters(database: Database): Promise<DatabaseCounters> {
    if (this.#checked === database) return readCounters(database);
    const counters = await checkedCounters(database);
    this.#checked = database;
    return counters;
  }

  revsDiff(asked: Record<string, string[]>): Promise<RevisionsMissing> {
    return this.#database.read(async (database) => (await database.revsDiff(asked)) as RevisionsMissing);
  }

  info(): Promise<TelemetryInfo> {
    return this.#database.read(async (database) => {
      const { documents, updateSeq } = await readCounters(database);
      // Read each time: a repair under way since then has made it another database. Microseconds, as CouchDB's
      // documentation has it.
      const createdUs = String(((await readCreated(database)) ?? 0) * 1000);
      return { doc_count: documents, doc_del_count: 0, update_seq: updateSeq, instance_start_time: createdUs };
    });
  }

  readRange(range: Parameters<RangeReader['readRange']>[0]): Promise<TelemetryDocument[]> {
    return this.#database.read((database) => documentsIn(database, range));
  }

  firstId(startId: string, endId: string): Promise<string | undefined> {
    return this.#database.read((database) => firstIdIn(database, startId, endId));
  }
}
