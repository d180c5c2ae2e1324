/**
 * One segment: a bounded run of telemetry of one node name, in a PouchDB database of its own.
 *
 * What it is and how far it is delivered is kept in memory (`known-segment.ts`) and, durably, in the database itself,
 * which is opened only while it is needed. Invariants: the document with local sequence k carries the number
 * `firstSeq + k - 1`; only what is acknowledged is counted and pushed; a segment whose database failed a read is damaged
 * until it is repaired.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import type { EncodedDocument } from '../../shared/pouchdb-layout.js';
import { type RangeReader, ReaderGone } from '../../shared/range-reader.js';
import { asDamage, DamagedError } from './damaged-error.js';
import { factsOf, KnownSegment, type SegmentFacts } from './known-segment.js';
import { holdsNumber, withNumber, withoutRanges, withRange } from './number-ranges.js';
import type { OpenDatabases } from './open-databases.js';
import type { IdRange, SegmentDatabase, SegmentEntry } from './segment-database.js';
import { segmentFolder } from './segment-folders.js';
import {
  type DeliveryRecord,
  NOTHING_DELIVERED,
  type SegmentRecord,
  type SegmentSpans,
  type ToldRanges,
} from './segment-record.js';
import { SpanTracker } from './span-tracker.js';

export class Segment extends KnownSegment implements RangeReader {
  readonly folder: string;
  readonly #databases: OpenDatabases;
  #deliveryWriting: Promise<void> = Promise.resolve();
  #isGone = false;

  private constructor(databases: OpenDatabases, folder: string, facts: SegmentFacts) {
    super(facts);
    this.#databases = databases;
    this.folder = folder;
  }

  /** Makes a new, empty segment. */
  static async create(databases: OpenDatabases, root: string, record: SegmentRecord): Promise<Segment> {
    const folder = segmentFolder(root, record.number);
    try {
      await databases.use(folder, (database) => database.writeLocal('segment', record));
    } catch (error) {
      // Left open, it would be used again by the next attempt, and LevelDB loses what follows a failed write.
      await databases.close(folder);
      throw error;
    }
    return new Segment(databases, folder, factsOf(record, NOTHING_DELIVERED, 0));
  }

  /**
   * Looks what is in `folder`; `undefined` when it was never finished being made and holds nothing. Throws DamagedError
   * where documents are without a record.
   */
  static async load(databases: OpenDatabases, folder: string): Promise<Segment | undefined> {
    const facts = await databases.use(folder, (database) => readFacts(database, folder));
    return facts && new Segment(databases, folder, facts);
  }

  /** Stands for what cannot be read until it is repaired; `record` is what its neighbours say of it. */
  static damaged(databases: OpenDatabases, folder: string, record: SegmentRecord, damage: DamagedError): Segment {
    const count = Math.max(0, (record.lastSeq ?? 0) - record.firstSeq + 1);
    const facts = factsOf(record, NOTHING_DELIVERED, count);
    return new Segment(databases, folder, { ...facts, spans: undefined, damage });
  }

  /** The database's identity in PouchDB's replication ids. */
  databaseId(): Promise<string> {
    return this.#use((database) => database.databaseId());
  }

  /** Revisions of those of the ids that are stored. */
  async revisions(ids: readonly string[]): Promise<Map<string, string>> {
    return this.count === 0 ? new Map() : this.#use((database) => database.revisions(ids));
  }

  /** Stores documents behind the last one; neither counted nor pushed before `acknowledge`. */
  write(documents: readonly EncodedDocument[]): Promise<void> {
    this.facts.spans?.add(documents.map(({ id }) => id));
    return this.#use((database) => database.write(documents));
  }

  /** Counts `documents` more of what is written. */
  acknowledge(documents: number): void {
    this.facts.count += documents;
  }

  /**
   * Documents after a local sequence, oldest first; one that cannot be read or is not what was written is left out,
   * which shows as a gap.
   */
  async entriesAfter(localSeq: number, limit: number): Promise<SegmentEntry[]> {
    const entries = await this.#use((database) => database.entriesAfter(localSeq, this.count, limit));
    // Neither the name nor the number is part of the content the revision proves: the place proves them.
    const { node, firstSeq } = this;
    return entries.filter((one) => one.document.node === node && one.document.seq === firstSeq + one.localSeq - 1);
  }

  /** True when the newest document can be read and stands where its number says. */
  async tailIsProven(): Promise<boolean> {
    if (this.count === 0) return true;
    const [last] = await this.entriesAfter(this.count - 1, 1);
    return last?.localSeq === this.count;
  }

  /** Rejects with ReaderGone once the segment was deleted. */
  readRange(range: IdRange): Promise<TelemetryDocument[]> {
    return this.#use((database) => database.readRange(range));
  }

  firstId(startId: string, endId: string): Promise<string | undefined> {
    return this.#use((database) => database.firstId(startId, endId));
  }

  /** For whoever must see what is stored as it is, damaged or not; a failed read is damage as everywhere. */
  inspect<T>(work: (database: SegmentDatabase) => Promise<T>): Promise<T> {
    return this.#use(work);
  }

  /** From now on it takes no documents. `lastSeq` is the highest number given in it. */
  seal(sealedAt: string, lastSeq: number): Promise<void> {
    const spans = this.facts.spans?.spans;
    return this.#writeRecord({ ...this.record, sealedAt, lastSeq, ...(spans ? { spans } : {}) });
  }

  /** Whose numbers it held, where nothing in it tells. */
  async adopt(place: { node: string; firstSeq: number; lastSeq: number }): Promise<void> {
    const { guessed: _, ...record } = this.record;
    await this.#writeRecord({ ...record, ...place });
  }

  /**
   * Takes it for sealed although that cannot be written down: it is damaged, and the repair will. `lastSeq` is the
   * highest number given in it, where that is known.
   */
  leave(sealedAt: string, lastSeq?: number): void {
    this.facts.record = { ...this.record, sealedAt, ...(lastSeq === undefined ? {} : { lastSeq }) };
  }

  /** Counts it as damaged, for a reason found outside, such as numbers given twice. `lastSeq` is what it may hold. */
  condemn(reason: string, lastSeq: number): void {
    this.facts.record = { ...this.record, lastSeq };
    this.facts.damage ??= new DamagedError(this.folder, reason);
  }

  /** What is done once after sealing and may take a moment: the spans, where not known, and a small form on the disk. */
  async settle(): Promise<void> {
    if (!this.facts.spans) {
      const spans = await this.#readSpans();
      await this.#writeRecord({ ...this.record, spans });
      this.facts.spans = new SpanTracker(spans);
    }
    await this.#use((database) => database.flush());
  }

  async confirm(confirmedAt: string): Promise<void> {
    await this.#writeRecord({ ...this.record, confirmedAt });
  }

  async #withdrawConfirmation(): Promise<void> {
    const { confirmedAt, ...record } = this.record;
    if (confirmedAt !== undefined) await this.#writeRecord(record);
  }

  /** Replaces all but what was told and what was released, which have other writers. */
  async writeDelivery(delivery: DeliveryRecord): Promise<void> {
    if (delivery === this.delivery) return;
    await this.updateDelivery(({ told, released }) => {
      const { told: _, released: __, ...changed } = delivery;
      return { ...changed, ...(told ? { told } : {}), ...(released ? { released } : {}) };
    });
  }

  /** Changes the record from what it says when the turn of this change has come. */
  updateDelivery(change: (delivery: DeliveryRecord) => DeliveryRecord): Promise<void> {
    return this.#changeDelivery(async (before) => {
      const after = change(before);
      // What the centre turned out to lack it must be asked for again, before the segment may go.
      if (after.deliveredSeq < before.deliveredSeq) await this.#withdrawConfirmation();
      return withoutVainReleases(after);
    });
  }

  /** A person has given up a quarantined document: its number is told as released from now on. */
  noteReleased(seq: number): Promise<void> {
    return this.updateDelivery((delivery) => {
      if (!holdsNumber(delivery.quarantined, seq)) return delivery;
      return { ...delivery, released: withNumber(delivery.released ?? [], seq) };
    });
  }

  /** Keeps what the centre was told of the ranges, and leaves the rest as it is. */
  noteTold(told: ToldRanges): Promise<void> {
    return this.updateDelivery((delivery) => ({ ...delivery, told }));
  }

  /** One at a time, each from what the one before left. */
  #changeDelivery(change: (delivery: DeliveryRecord) => Promise<DeliveryRecord>): Promise<void> {
    const write = async () => {
      const delivery = await change(this.delivery);
      if (delivery === this.delivery) return;
      await this.#use((database) => database.writeLocal('delivery', delivery));
      this.facts.delivery = delivery;
    };
    this.#deliveryWriting = this.#deliveryWriting.then(write, write);
    return this.#deliveryWriting;
  }

  /** Counts the numbers above the last document, up to `lastSeq`, as lost, but for those delivered. */
  async loseTail(lastSeq: number): Promise<void> {
    const firstLost = Math.max(this.lastSeq, this.firstSeq + this.delivery.deliveredSeq - 1) + 1;
    if (lastSeq < firstLost) return;
    const { void: voided, quarantined, lost: before } = this.delivery;
    let lost = before;
    for (const range of withoutRanges([[firstLost, lastSeq]], [...voided, ...quarantined]))
      lost = withRange(lost, range);
    // Every start finds the same tail gone.
    if (lost !== before) await this.writeDelivery({ ...this.delivery, lost });
  }

  /** A checkpoint document of the replication protocol, as PouchDB keeps it on the source's side. */
  readCheckpoint<T>(id: string): Promise<T | undefined> {
    return this.#use((database) => database.readLocal<T>(id.replace('_local/', '')));
  }

  async writeCheckpoint(id: string, body: object): Promise<void> {
    await this.#use((database) => database.writeLocal(id.replace('_local/', ''), body));
  }

  /**
   * Looks anew what is stored, after the database was closed; what was written but not acknowledged counts now. What is
   * found damaged is so afterwards; rejects with any other failure.
   */
  async reload(): Promise<void> {
    try {
      const facts = await this.#databases.use(this.folder, (database) => readFacts(database, this.folder));
      if (facts) this.facts = facts;
      else this.facts.damage = new DamagedError(this.folder, 'its documents are gone');
    } catch (error) {
      const damage = asDamage(error, this.folder);
      if (!damage) throw error;
      this.facts.damage = damage;
    }
  }

  /** It will be deleted: whoever still reads from it is told that it is gone. */
  leaveBehind(): Promise<void> {
    this.#isGone = true;
    return this.close();
  }

  /** Nothing is to be read from it for a while. */
  release(): void {
    this.#databases.release(this.folder);
  }

  close(): Promise<void> {
    return this.#databases.close(this.folder);
  }

  async #readSpans(): Promise<SegmentSpans> {
    const tracker = new SpanTracker();
    await this.#use(async (database) => {
      for await (const ids of database.allIds()) tracker.add(ids);
    });
    return tracker.spans;
  }

  async #writeRecord(record: SegmentRecord): Promise<void> {
    await this.#use((database) => database.writeLocal('segment', record));
    this.facts.record = record;
  }

  async #use<T>(work: (database: SegmentDatabase) => Promise<T>): Promise<T> {
    if (this.#isGone) throw new ReaderGone(`the segment ${this.number} was deleted`);
    if (this.damage) throw this.damage;
    try {
      return await this.#databases.use(this.folder, work);
    } catch (error) {
      const damage = asDamage(error, this.folder);
      if (!damage) throw error;
      this.facts.damage ??= damage;
      throw damage;
    }
  }
}

/** What was taken after all, or is pushed again, is not given up any more. */
function withoutVainReleases(delivery: DeliveryRecord): DeliveryRecord {
  const { released = [], quarantined } = delivery;
  if (withoutRanges(released, quarantined).length === 0) return delivery;
  const { released: _, ...rest } = delivery;
  const given = withoutRanges(released, withoutRanges(released, quarantined));
  return given.length > 0 ? { ...rest, released: given } : rest;
}

/** What a database says of its segment; `undefined` where it holds nothing. */
async function readFacts(database: SegmentDatabase, folder: string): Promise<SegmentFacts | undefined> {
  const record = await database.readLocal<SegmentRecord>('segment');
  const count = database.lastLocalSeq;
  if (!record && count === 0) return undefined;
  if (!record) throw new DamagedError(folder, `it holds ${count} documents and does not say whose`);
  const delivery = (await database.readLocal<DeliveryRecord>('delivery')) ?? NOTHING_DELIVERED;
  return factsOf(record, delivery, count);
}
