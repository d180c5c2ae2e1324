/**
 * Looks through one segment for damage, a few documents at a time, while the node goes on working.
 *
 * Every local sequence must hold a document that is what its revision says, under the number and name of its place, with
 * an entry by id that points to it; every number that is not there must be accounted for. What is found is told, and
 * changes nothing: only a read that fails marks the segment, as any failed read does.
 */
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../shared/app-error.js';
import {
  DOC_COUNT_KEY,
  decodeDocument,
  decodeMetadata,
  documentKey,
  idOf,
  LAST_DOCUMENT_KEY,
  sequenceKey,
  sequenceOf,
  UPDATE_SEQ_KEY,
} from '../../shared/pouchdb-layout.js';
import { ReaderGone } from '../../shared/range-reader.js';
import { DamagedError } from './damaged-error.js';
import { type NumberRange, withoutRanges } from './number-ranges.js';
import type { Segment } from './segment.js';
import type { RawEntry, SegmentDatabase } from './segment-database.js';
import type { SegmentRecord } from './segment-record.js';

/** What was found in one segment. Ranges are of numbers, both ends inclusive. */
export interface SegmentReport {
  segment: number;
  node: string;
  firstSeq: number;
  /** The highest number it is held against; `firstSeq - 1` for an empty one. */
  lastSeq: number;
  /** Documents that are whole and in their place. */
  documents: number;
  /** Not there, and accounted for nowhere. */
  missing: NumberRange[];
  /** Not there, and counted as lost already. */
  lost: NumberRange[];
  /** Not there, and delivered, void or in quarantine: the document is kept elsewhere. */
  elsewhere: NumberRange[];
  /** A sentence for each thing that is not as it was written, the first ones. */
  damaged: string[];
  /** Nothing is damaged and nothing is missing. */
  ok: boolean;
}

/** Documents looked at in one go. */
const CHUNK = 500;
const SENTENCES = 20;

/**
 * Checks what the segment held when the check began. `isWanted` is asked before each step; where it says no (the segment
 * was deleted, or nobody waits any more) the answer is `undefined`. Rejects when the segment cannot be opened for
 * another reason than damage, such as a full disk.
 */
export async function checkSegment(
  segment: Segment,
  isWanted: () => boolean = () => true,
): Promise<SegmentReport | undefined> {
  const check = new SegmentCheck(segment);
  try {
    for (const step of [() => check.record(), () => check.documents(isWanted), () => check.index(isWanted)]) {
      if (!isWanted()) return undefined;
      await step();
    }
    if (!isWanted()) return undefined;
    await check.counters();
  } catch (error) {
    if (error instanceof ReaderGone) return undefined;
    if (!(error instanceof DamagedError)) throw error;
    check.broken(error);
  }
  return check.report();
}

class SegmentCheck {
  readonly #segment: Segment;
  /** The local sequence up to which is checked. */
  readonly #upTo: number;
  readonly #lastSeq: number;
  readonly #damaged: string[] = [];
  /** Local sequences without a document, as numbers. */
  readonly #absent: NumberRange[] = [];
  /** Local sequences that hold something, and how much of it is a whole document. */
  #held = 0;
  #documents = 0;
  /** Entries by id that point below `upTo`. */
  #indexed = 0;

  constructor(segment: Segment) {
    this.#segment = segment;
    this.#upTo = segment.count;
    this.#lastSeq = Math.max(segment.lastSeq, segment.record.lastSeq ?? 0);
  }

  /** What the segment says of itself. */
  async record(): Promise<void> {
    const { number, node, firstSeq } = this.#segment;
    const found = await this.#segment.inspect((database) => database.readLocal<SegmentRecord>('segment'));
    if (found?.number !== number || found.node !== node || found.firstSeq !== firstSeq) {
      this.#tell('its record does not say whose numbers it holds');
    }
  }

  /** Every document, and its entry by id. */
  async documents(isWanted: () => boolean): Promise<void> {
    let localSeq = 0;
    while (localSeq < this.#upTo && isWanted()) {
      const gt = sequenceKey(localSeq);
      const chunk = await this.#segment.inspect((database) => this.#readChunk(database, gt));
      for (const { key, value, metadata } of chunk) {
        const place = sequenceOf(key);
        if (!(place > localSeq)) {
          this.#tell('a key among its documents cannot be read');
          continue;
        }
        this.#skip(localSeq + 1, place - 1);
        localSeq = place;
        this.#held++;
        this.#judge(place, value, metadata);
      }
      if (chunk.length < CHUNK) {
        this.#skip(localSeq + 1, this.#upTo);
        return;
      }
      await setImmediate();
    }
  }

  /** Entries by id: one of a document that is not there would have it taken for stored when it is sent again. */
  async index(isWanted: () => boolean): Promise<void> {
    for (let gt = documentKey(''); isWanted(); ) {
      const range = { gt, lt: LAST_DOCUMENT_KEY, limit: CHUNK };
      const entries = await this.#segment.inspect((database) => database.rawEntries(range));
      for (const { key, value } of entries) {
        const metadata = decodeMetadata(value);
        if (metadata?.id !== idOf(key)) this.#tell(`the entry of ${idOf(key)} cannot be read`);
        else if (metadata.seq <= this.#upTo) this.#indexed++;
      }
      const last = entries.at(-1)?.key;
      if (last === undefined || entries.length < CHUNK) return;
      gt = last;
      await setImmediate();
    }
  }

  /** PouchDB's own figures, where nothing was written meanwhile. */
  async counters(): Promise<void> {
    const [updateSeq = '0', count = '0'] = await this.#segment.inspect((database) =>
      database.rawValues([UPDATE_SEQ_KEY, DOC_COUNT_KEY]),
    );
    if (Number(updateSeq) < this.#upTo) {
      this.#tell(`it counts ${updateSeq} documents of ${this.#upTo}`);
    } else if (Number(updateSeq) === this.#upTo && Number(count) !== this.#held) {
      this.#tell(`it counts ${count} documents and holds ${this.#held}`);
    }
    // Where a document or its entry is damaged that has been said already.
    if (this.#damaged.length === 0 && this.#indexed > this.#held) {
      this.#tell(`${this.#indexed - this.#held} entries by id are of documents that are not there`);
    }
  }

  /** The segment cannot be read on. */
  broken(damage: DamagedError): void {
    this.#tell(messageOf(damage));
  }

  report(): SegmentReport {
    const { number, node, firstSeq, delivery } = this.#segment;
    const lastSeq = this.#lastSeq;
    // Of a segment that cannot be read on nobody knows what is missing.
    const absent = this.#segment.damage ? [] : [...this.#absent, ...rangeOf(firstSeq + this.#upTo, lastSeq)];
    const accounted = [
      ...rangeOf(firstSeq, firstSeq + delivery.deliveredSeq - 1),
      ...delivery.void,
      ...delivery.quarantined,
    ];
    const notLost = withoutRanges(absent, delivery.lost);
    const missing = withoutRanges(notLost, accounted);
    return {
      ...{ segment: number, node, firstSeq, lastSeq, documents: this.#documents },
      ...{ missing, lost: withoutRanges(absent, notLost), elsewhere: withoutRanges(notLost, missing) },
      damaged: this.#damaged,
      ok: this.#damaged.length === 0 && missing.length === 0,
    };
  }

  async #readChunk(database: SegmentDatabase, gt: string): Promise<(RawEntry & { metadata: string | undefined })[]> {
    const entries = await database.rawEntries({ gt, lte: sequenceKey(this.#upTo), limit: CHUNK });
    const ids = entries.map(({ value }) => decodeDocument(value)?._id ?? '');
    const found = await database.rawValues(ids.map(documentKey));
    return entries.map((entry, index) => ({ ...entry, metadata: found[index] }));
  }

  #judge(localSeq: number, value: string, metadata: string | undefined): void {
    const { node, firstSeq } = this.#segment;
    const seq = firstSeq + localSeq - 1;
    const document = decodeDocument(value);
    const entry = metadata === undefined ? undefined : decodeMetadata(metadata);
    if (!document) this.#tell(`document ${seq} is not what was written`);
    else if (document.node !== node || document.seq !== seq) {
      this.#tell(`${document._id} stands in the place of number ${seq} and says ${document.seq} of ${document.node}`);
    } else if (entry?.id !== document._id || entry.rev !== document._rev || entry.seq !== localSeq) {
      this.#tell(`the entry of ${document._id} does not point to number ${seq}`);
    } else this.#documents++;
  }

  #skip(from: number, to: number): void {
    const { firstSeq } = this.#segment;
    this.#absent.push(...rangeOf(firstSeq + from - 1, firstSeq + to - 1));
  }

  #tell(sentence: string): void {
    if (this.#damaged.length < SENTENCES) this.#damaged.push(sentence);
  }
}

function rangeOf(from: number, to: number): NumberRange[] {
  return from <= to ? [[from, to]] : [];
}
