/**
 * The open database of one segment.
 *
 * Telemetry goes in as one synced LevelDB batch in PouchDB's own layout, three times as fast as `bulkDocs`, and is read
 * from the same layout, so that a failed read, a damaged value and an absent one are three different things. Everything
 * else (making the database, its identity, `_local` documents) is PouchDB's part.
 *
 * Invariants: documents are only ever added, each once, at ascending local sequences; after a failed write nothing is
 * written until the database has been opened anew; a failure of LevelDB is never an empty answer.
 */
import { messageOf } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import { DrainingDatabase } from '../../shared/draining-database.js';
import {
  type Database,
  levelOf,
  type OpenOptions,
  openDatabase,
  readably,
  readFailure,
  readLocal,
  UnreadableEntry,
  writeFailure,
  writeLocal,
} from '../../shared/pouchdb.js';
import {
  counterOperations,
  DOC_COUNT_KEY,
  type DocumentMetadata,
  decodeDocument,
  decodeMetadata,
  documentKey,
  documentOperations,
  type EncodedDocument,
  idOf,
  LAST_DOCUMENT_KEY,
  sequenceKey,
  sequenceOf,
  sequences,
  UPDATE_SEQ_KEY,
} from '../../shared/pouchdb-layout.js';
import type { IteratorOptions } from '../../shared/watched-level.js';
import { DamagedError } from './damaged-error.js';

/** An entry of the database as it is stored. */
export interface RawEntry {
  key: string;
  value: string;
}

/** A document with its place in the segment. */
export interface SegmentEntry {
  localSeq: number;
  document: TelemetryDocument;
  /** As it is stored. */
  bytes: number;
}

/** Both ends inclusive; with `descending`, `startId` is the higher one. */
export interface IdRange {
  startId: string;
  endId: string;
  descending: boolean;
  limit: number;
}

export class SegmentDatabase {
  readonly #database: DrainingDatabase;
  readonly #folder: string;
  readonly #open: Database;
  /** The highest local sequence stored, and how many documents are. */
  #lastLocalSeq = 0;
  #documents = 0;

  private constructor(folder: string, database: Database) {
    this.#folder = folder;
    this.#database = new DrainingDatabase(database);
    this.#open = database;
  }

  /**
   * Opens (or makes) the database in `folder`. Throws `in_use`, `storage_full` or `storage_failed`, and DamagedError
   * where the counters and the documents tell different stories.
   */
  static async open(folder: string, options?: OpenOptions): Promise<SegmentDatabase> {
    const opened = new SegmentDatabase(folder, await openDatabase(folder, options));
    try {
      await opened.#readCounters();
      return opened;
    } catch (error) {
      await opened.close().catch(() => undefined);
      throw error;
    }
  }

  get lastLocalSeq(): number {
    return this.#lastLocalSeq;
  }

  /** The first write that failed, after which the database must be opened anew. */
  get writeFailure(): Error | undefined {
    return writeFailure(this.#open);
  }

  /** The first read that failed. */
  get readFailure(): Error | undefined {
    return readFailure(this.#open);
  }

  /**
   * Stores documents at the local sequences that follow the last. When the promise resolves they are on the disk; when
   * it rejects, only opening anew tells what is.
   */
  write(documents: readonly EncodedDocument[]): Promise<void> {
    return this.writeAt(documents.map((document, index) => [this.#lastLocalSeq + 1 + index, document]));
  }

  /** The same at ascending local sequences of the caller's choice, all behind the last. */
  async writeAt(placed: readonly (readonly [localSeq: number, document: EncodedDocument])[]): Promise<void> {
    const last = placed.at(-1)?.[0];
    if (last === undefined) return;
    const documents = this.#documents + placed.length;
    const operations = placed.flatMap(([localSeq, document]) => documentOperations(document, localSeq));
    operations.push(...counterOperations(last, documents));
    await this.#use(
      (database) =>
        new Promise<void>((resolve, reject) => {
          levelOf(database)._batch(operations, { sync: true }, (error) => (error ? reject(error) : resolve()));
        }),
    );
    this.#lastLocalSeq = last;
    this.#documents = documents;
  }

  /** Revisions of those of the ids that are stored. */
  async revisions(ids: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const values = await this.#getMany(ids.map(documentKey));
    for (const [index, id] of ids.entries()) {
      const value = values[index];
      if (value === undefined) continue;
      const metadata = decodeMetadata(value);
      if (metadata?.id !== id) throw this.#damaged(`the entry of ${id} cannot be read`);
      found.set(id, metadata.rev);
    }
    return found;
  }

  /**
   * Documents behind a local sequence, oldest first, up to `upTo` inclusive. One that cannot be read, stands in the
   * wrong place or is not what its revision says is left out, which shows as a gap.
   */
  async entriesAfter(localSeq: number, upTo: number, limit: number): Promise<SegmentEntry[]> {
    const entries: SegmentEntry[] = [];
    await this.#iterate({ gt: sequenceKey(localSeq), lte: sequenceKey(upTo), limit }, (key, value) => {
      const document = decodeDocument(value);
      const place = sequenceOf(key);
      if (document && place > localSeq) entries.push({ localSeq: place, document, bytes: value.length });
    });
    return entries;
  }

  async readRange({ startId, endId, descending, limit }: IdRange): Promise<TelemetryDocument[]> {
    const [gte, lte] = descending ? [endId, startId] : [startId, endId];
    if (gte > lte) return [];
    const found: DocumentMetadata[] = [];
    const range = { gte: documentKey(gte), lte: documentKey(lte), reverse: descending, limit };
    await this.#iterate(range, (key, value) => {
      const metadata = decodeMetadata(value);
      if (metadata?.id !== idOf(key)) throw this.#damaged(`the entry of ${idOf(key)} cannot be read`);
      found.push(metadata);
    });
    const values = await this.#getMany(found.map(({ seq }) => sequenceKey(seq)));
    return found.map(({ id, rev }, index) => {
      const document = decodeDocument(values[index]);
      if (document?._id !== id || document._rev !== rev) throw this.#damaged(`the document ${id} cannot be read`);
      return document;
    });
  }

  async firstId(startId: string, endId: string): Promise<string | undefined> {
    let id: string | undefined;
    const range = { gte: documentKey(startId), lte: documentKey(endId), limit: 1, values: false };
    await this.#iterate(range, (key) => {
      id = idOf(key);
    });
    return id;
  }

  /** Every id, in order; a thousand at a time, so that other work gets its turn. */
  async *allIds(): AsyncGenerator<string[]> {
    const limit = 1000;
    for (let gt = documentKey(''); ; ) {
      const ids: string[] = [];
      await this.#iterate({ gt, lt: LAST_DOCUMENT_KEY, limit, values: false }, (key) => void ids.push(idOf(key)));
      yield ids;
      if (ids.length < limit) return;
      gt = documentKey(ids.at(-1) ?? '');
    }
  }

  /** Entries of a range as they are stored, damaged ones included: for whoever checks them. */
  async rawEntries(range: IteratorOptions): Promise<RawEntry[]> {
    const entries: RawEntry[] = [];
    await this.#iterate(range, (key, value) => void entries.push({ key, value }));
    return entries;
  }

  /** The values of some keys as they are stored; `undefined` where there is none. */
  rawValues(keys: readonly string[]): Promise<(string | undefined)[]> {
    return this.#getMany(keys);
  }

  /** The database's identity in PouchDB's replication ids. */
  databaseId(): Promise<string> {
    return this.#use((database) => database.id());
  }

  readLocal<T>(name: string): Promise<T | undefined> {
    return this.#use((database) => readLocal<T>(database, name));
  }

  writeLocal(name: string, body: object): Promise<void> {
    return this.#use((database) => writeLocal(database, name, body));
  }

  /** Turns LevelDB's log, which is not compressed, into a table, which is. */
  flush(): Promise<void> {
    return this.#use(
      (database) =>
        new Promise((resolve, reject) => {
          // Any compaction begins with the log; nothing lies in this range.
          levelOf(database).compactRange('\u0000', '\u0001', (error) => (error ? reject(error) : resolve()));
        }),
    );
  }

  /** Ends what is under way first. */
  close(): Promise<void> {
    return this.#database.close();
  }

  async #readCounters(): Promise<void> {
    const [updateSeq, documents] = await this.#getMany([UPDATE_SEQ_KEY, DOC_COUNT_KEY]);
    let last = 0;
    await this.#iterate({ ...sequences(), reverse: true, limit: 1, values: false }, (key) => {
      last = sequenceOf(key);
    });
    // An unreadable counter would have the sequence begin anew, and nothing written then would ever be replicated.
    if (Number(updateSeq ?? 0) !== last || !Number.isSafeInteger(Number(documents ?? 0))) {
      throw this.#damaged(`it counts ${updateSeq ?? 0} documents and holds ${last}`);
    }
    this.#lastLocalSeq = last;
    this.#documents = Number(documents ?? 0);
  }

  #getMany(keys: readonly string[]): Promise<(string | undefined)[]> {
    if (keys.length === 0) return Promise.resolve([]);
    return this.#use(
      (database) =>
        new Promise((resolve, reject) => {
          levelOf(database)._getMany(keys, { asBuffer: false, fillCache: true }, (error, values) => {
            if (error) reject(error);
            else resolve(values ?? []);
          });
        }),
    );
  }

  /** Hands each entry of a range to `each`; what `each` throws ends the reading. */
  #iterate(options: IteratorOptions, each: (key: string, value: string) => void): Promise<void> {
    return this.#use(
      (database) =>
        new Promise((resolve, reject) => {
          const settings = { ...options, keyAsBuffer: false, valueAsBuffer: false, unchecked: true };
          const iterator = levelOf(database).iterator(settings);
          const end = (failure?: unknown) => {
            iterator.end((error) => {
              if (failure || error) reject(failure ?? error);
              else resolve();
            });
          };
          const step = (error?: Error | null, key?: string | Buffer, value?: string | Buffer) => {
            if (error || key === undefined) return end(error);
            try {
              each(String(key), String(value));
            } catch (failure) {
              return end(failure);
            }
            iterator.next(step);
          };
          iterator.next(step);
        }),
    );
  }

  async #use<T>(work: (database: Database) => Promise<T>): Promise<T> {
    try {
      return await this.#database.use((open) => readably(open, work));
    } catch (error) {
      throw error instanceof UnreadableEntry ? this.#damaged(messageOf(error)) : error;
    }
  }

  #damaged(what: string): DamagedError {
    return new DamagedError(this.#folder, what);
  }
}
