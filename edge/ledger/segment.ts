/**
 * One PouchDB database holding a bounded run of telemetry of one node name.
 *
 * Invariants: documents are only ever added, each once, so the database's own update sequence counts them, and the
 * document with local sequence k carries the number `firstSeq + k - 1`. The segment's state lives inside it, in
 * `_local` documents.
 */
import path from 'node:path';
import type { TelemetryDocument } from '../../shared/documents.js';
import { DrainingDatabase } from '../../shared/draining-database.js';
import { type Database, type OpenOptions, openDatabase, readLocal, writeLocal } from '../../shared/pouchdb.js';
import type { RangeReader } from '../../shared/range-reader.js';
import { NewestIds } from './newest-ids.js';
import { countNumbers, type NumberRange } from './number-ranges.js';

/** What a segment is, written when it is made and again when it is sealed. */
export interface SegmentRecord {
  number: number;
  node: string;
  /** Number of its first document. */
  firstSeq: number;
  openedAt: string;
  sealedAt?: string;
}

/** The numbers of a segment that are accounted for otherwise than by delivery. */
export interface AccountedRanges {
  void: readonly NumberRange[];
  quarantined: readonly NumberRange[];
  lost: readonly NumberRange[];
}

/** How far the segment has been delivered, and the numbers that are accounted for otherwise. */
export interface DeliveryRecord extends AccountedRanges {
  /** Local sequence up to which every document is delivered, void, quarantined or lost. */
  deliveredSeq: number;
  /** What the centre was told of the ranges last. */
  told?: AccountedRanges;
}

const NOTHING_DELIVERED: DeliveryRecord = { deliveredSeq: 0, void: [], quarantined: [], lost: [] };

/** A document with its place in the segment. */
export interface SegmentEntry {
  localSeq: number;
  document: TelemetryDocument;
}

export class Segment implements RangeReader {
  readonly folder: string;
  readonly #database: DrainingDatabase;
  #record: SegmentRecord;
  #delivery: DeliveryRecord;
  #count: number;
  #writeFailed = false;
  #deliveryWriting: Promise<void> = Promise.resolve();
  readonly #newestIds = new NewestIds((prefix) => this.#newestId(prefix));

  private constructor(
    folder: string,
    database: Database,
    record: SegmentRecord,
    delivery: DeliveryRecord,
    count: number,
  ) {
    this.folder = folder;
    this.#database = new DrainingDatabase(database);
    this.#record = record;
    this.#delivery = delivery;
    this.#count = count;
  }

  /** Makes a new, empty segment. */
  static async create(root: string, record: SegmentRecord, options?: OpenOptions): Promise<Segment> {
    const folder = segmentFolder(root, record.number);
    const database = await openDatabase(folder, options);
    try {
      await writeLocal(database, 'segment', record);
      return new Segment(folder, database, record, NOTHING_DELIVERED, 0);
    } catch (error) {
      // Left open, it would be used again by the next attempt, and LevelDB loses what follows a failed write.
      await database.close().catch(() => undefined);
      throw error;
    }
  }

  /** Opens what is in `folder`; `undefined` when it was never finished being made and holds nothing. */
  static async open(folder: string, options?: OpenOptions): Promise<Segment | undefined> {
    const database = await openDatabase(folder, options);
    try {
      const record = await readLocal<SegmentRecord>(database, 'segment');
      const { update_seq: count } = await database.info();
      if (!record && Number(count) === 0) {
        await database.destroy();
        return undefined;
      }
      if (!record) throw new Error(`the segment in ${folder} holds ${count} documents but does not say whose`);
      const delivery = (await readLocal<DeliveryRecord>(database, 'delivery')) ?? NOTHING_DELIVERED;
      return new Segment(folder, database, record, delivery, Number(count));
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  get number(): number {
    return this.#record.number;
  }

  get node(): string {
    return this.#record.node;
  }

  get firstSeq(): number {
    return this.#record.firstSeq;
  }

  /** Number of the newest document; `firstSeq - 1` while empty. */
  get lastSeq(): number {
    return this.#record.firstSeq + this.#count - 1;
  }

  /** Documents in it. */
  get count(): number {
    return this.#count;
  }

  get sealed(): boolean {
    return this.#record.sealedAt !== undefined;
  }

  /**
   * True after any failed write, be it of a checkpoint: it must be reopened before anything written to it is
   * acknowledged.
   */
  get writeFailed(): boolean {
    return this.#writeFailed;
  }

  get openedAt(): string {
    return this.#record.openedAt;
  }

  get delivery(): DeliveryRecord {
    return this.#delivery;
  }

  get pending(): number {
    return this.#count - this.#delivery.deliveredSeq;
  }

  get lost(): number {
    return countNumbers(this.#delivery.lost);
  }

  /** The database's identity in PouchDB's replication ids. */
  async databaseId(): Promise<string> {
    return this.#database.use((database) => database.id());
  }

  /** Revisions of those of the ids that are stored. */
  async revisions(ids: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    if (this.#count === 0) return found;
    const possible: string[] = [];
    for (const id of ids) if (await this.#newestIds.mayHold(id)) possible.push(id);
    if (possible.length === 0) return found;
    const { rows } = await this.#database.use((database) => database.allDocs({ keys: possible }));
    for (const row of rows) if (!('error' in row) && row.id) found.set(row.id, row.value.rev);
    return found;
  }

  /**
   * Adds documents that are not in it, numbered upwards without a gap from `lastSeq + 1` and sorted by id, which is the
   * order PouchDB keeps; the objects become PouchDB's. When the promise resolves they are on the disk; when it rejects,
   * only reopening tells what is.
   */
  async append(documents: TelemetryDocument[]): Promise<void> {
    const isEmpty = this.#count === 0;
    this.#newestIds.willWrite(
      documents.map(({ _id }) => _id),
      isEmpty,
    );
    const results = await this.#write((database) => database.bulkDocs(documents, { new_edits: false }));
    const failed = results.find((result) => 'error' in result);
    if (failed) throw new Error(`the segment refused a document: ${JSON.stringify(failed)}`);
    const { update_seq: count } = await this.#database.use((database) => database.info());
    if (Number(count) !== this.#count + documents.length) {
      throw new Error(`the segment counts ${count} documents where ${this.#count + documents.length} were expected`);
    }
    this.#count = Number(count);
  }

  /** Documents after a local sequence, oldest first; one that cannot be read is left out, which shows as a gap. */
  async entriesAfter(localSeq: number, limit: number): Promise<SegmentEntry[]> {
    const { results } = await this.#database.use((database) =>
      database.changes({ since: localSeq, limit, include_docs: true }),
    );
    return results.flatMap((change) => {
      const localSeq = Number(change.seq);
      // What a write under way has put behind the count is not acknowledged yet.
      if (!change.doc || localSeq > this.#count) return [];
      return [{ localSeq, document: change.doc as TelemetryDocument }];
    });
  }

  /** True when the newest document can be read and carries the number its place says. */
  async tailIsProven(): Promise<boolean> {
    if (this.#count === 0) return true;
    const [last] = await this.entriesAfter(this.#count - 1, 1);
    return last?.localSeq === this.#count && last.document.seq === this.lastSeq && last.document.node === this.node;
  }

  async readRange(range: {
    startId: string;
    endId: string;
    descending: boolean;
    limit: number;
  }): Promise<TelemetryDocument[]> {
    const { startId: startkey, endId: endkey, descending, limit } = range;
    const { rows } = await this.#database.use((database) =>
      database.allDocs({ startkey, endkey, descending, limit, include_docs: true }),
    );
    return rows.flatMap((row) => (row.doc ? [row.doc as TelemetryDocument] : []));
  }

  async firstId(startId: string, endId: string): Promise<string | undefined> {
    const { rows } = await this.#database.use((database) =>
      database.allDocs({ startkey: startId, endkey: endId, limit: 1 }),
    );
    return rows[0]?.id;
  }

  async #newestId(prefix: string): Promise<string | undefined> {
    const range = { startkey: `${prefix}\uffff`, endkey: prefix, descending: true, limit: 1 };
    const { rows } = await this.#database.use((database) => database.allDocs(range));
    return rows[0]?.id;
  }

  async seal(sealedAt: string): Promise<void> {
    const record = { ...this.#record, sealedAt };
    await this.#write((database) => writeLocal(database, 'segment', record));
    this.#record = record;
  }

  /** Replaces all but what was told, which has another writer. */
  async writeDelivery(delivery: DeliveryRecord): Promise<void> {
    if (delivery === this.#delivery) return;
    await this.#changeDelivery(({ told }) => ({ ...delivery, ...(told ? { told } : {}) }));
  }

  /** Keeps what the centre was told of the ranges. */
  async noteTold(told: AccountedRanges): Promise<void> {
    await this.#changeDelivery((delivery) => ({ ...delivery, told }));
  }

  /** One at a time, each from what the one before left. */
  #changeDelivery(change: (delivery: DeliveryRecord) => DeliveryRecord): Promise<void> {
    const write = async () => {
      const delivery = change(this.#delivery);
      await this.#write((database) => writeLocal(database, 'delivery', delivery));
      this.#delivery = delivery;
    };
    this.#deliveryWriting = this.#deliveryWriting.then(write, write);
    return this.#deliveryWriting;
  }

  /** A checkpoint document of the replication protocol, as PouchDB keeps it on the source's side. */
  readCheckpoint<T>(id: string): Promise<T | undefined> {
    return this.#database.use((database) => readLocal<T>(database, id.replace('_local/', '')));
  }

  async writeCheckpoint(id: string, body: object): Promise<void> {
    await this.#write((database) => writeLocal(database, id.replace('_local/', ''), body));
  }

  /** Ends what is under way first. */
  close(): Promise<void> {
    return this.#database.close();
  }

  async #write<T>(work: (database: Database) => Promise<T>): Promise<T> {
    try {
      return await this.#database.use(work);
    } catch (error) {
      this.#writeFailed = true;
      throw error;
    }
  }
}

export function segmentFolder(root: string, number: number): string {
  return path.join(root, String(number).padStart(6, '0'));
}
