/**
 * Reads many series together, before a merge has used up what it has of them: for a reader that answers several ranges
 * at once.
 *
 * Invariants: a series is asked for once at a time. No more documents are held or on their way than `maxDocuments`, or than
 * as many of the size of the last ones as come to 24 MiB, and nine of each series: a question is asked only where all it may
 * bring fits in, or else of series that hold fewer than four, for six of each. Of each series so many are read that all of
 * them are likely to last equally long. Nothing is asked but by a call: where the merge is not moved on, the questions end.
 */
import type { ReadRange } from './range-reader.js';
import { readOn, type SeriesReader } from './series-reader.js';

/** Documents of one question: enough to make little of the question itself, few enough to come soon. */
const QUESTION_DOCUMENTS = 1000;
/** Series of one question. */
const QUESTION_SERIES = 64;
/** Questions under way: the database works at one while another's answer is read. */
const MAX_QUESTIONS = 3;
const MIN_CHUNK = 4;
const MAX_CHUNK = 1000;
/** As JSON. */
const MAX_BYTES = 24 * 1024 * 1024;
/**
 * Of what may be held, the part that reading ahead leaves free, for series that are used up sooner than was thought: without
 * it each of these would cost a question of its own.
 */
const PART_IN_RESERVE = 1 / 3;
/** Of each series a question may bring so many more than its chunk. */
const BESIDE_CHUNK = 2;
/** With less room than this a question is about series that hold next to nothing, since one of them is needed now. */
const LEAST_ROOM = QUESTION_SERIES * (MIN_CHUNK + BESIDE_CHUNK);
/** A merge that may hold less is for one page, which might not need what was read ahead. */
const MIN_DOCUMENTS_TO_READ_AHEAD = 4 * QUESTION_DOCUMENTS;
/** Of the series in the order in which they will be used up, the part that is kept: to put all in order takes long. */
const PART_IN_ORDER = 1 / 4;

export class ReadAhead {
  readonly #isAscending: boolean;
  readonly #maxDocuments: number;
  readonly #partInReserve: number;
  /** Not read to their ends. */
  readonly #series = new Set<SeriesReader>();
  /** Series of which documents are to come, read or not. */
  #lasting = 0;
  /** Of these, where it is known. */
  readonly #perMs = new Map<SeriesReader, number>();
  #perMsOfAll = 0;
  readonly #reading = new Map<SeriesReader, Promise<void>>();
  #questions = 0;
  /** Due to be read, the first one last, and whether these were all. */
  #inOrder: SeriesReader[] = [];
  #areAllInOrder = false;
  /** Steps until it is looked again for series that are due, after there were none. */
  #restSteps = 0;
  /** Documents held, and the most that may be on their way. */
  #held = 0;
  #expected = 0;
  /** Of a document, by those that came last. */
  #bytesEach = 0;
  #failure: { error: unknown } | undefined;

  constructor(order: 'asc' | 'desc', maxDocuments: number) {
    this.#isAscending = order === 'asc';
    this.#maxDocuments = maxDocuments;
    this.#partInReserve = maxDocuments < MIN_DOCUMENTS_TO_READ_AHEAD ? 0 : PART_IN_RESERVE;
  }

  /** Takes series whose `head` is yet to come, and gives them one where they have any document. */
  async add(series: readonly SeriesReader[]): Promise<void> {
    for (const one of series) {
      this.#held += one.ahead;
      this.#series.add(one);
      this.#lasting++;
    }
    for (;;) {
      const empty = series.filter((one) => one.ahead === 0 && !one.isRead);
      if (empty.length === 0) break;
      const chunk = Math.floor(Math.min(QUESTION_DOCUMENTS, this.#room) / empty.length) - BESIDE_CHUNK;
      await this.#ask(
        empty.filter(({ reader }) => reader === empty[0]?.reader),
        chunk,
      );
    }
    for (const one of series) {
      this.#step(one);
      this.#weigh(one);
    }
  }

  /** Moves a series on. */
  async advance(series: SeriesReader): Promise<void> {
    while (series.ahead === 0 && !series.isRead) {
      if (this.#failure) throw this.#failure.error;
      const reading = this.#reading.get(series) ?? this.#askFor(series);
      this.#askAhead();
      await reading;
    }
    this.#step(series);
    this.#askAhead();
  }

  /** Documents that may be held: of large ones fewer. */
  get #most(): number {
    return Math.min(this.#maxDocuments, Math.floor(MAX_BYTES / Math.max(1, this.#bytesEach)));
  }

  #weigh({ head }: SeriesReader): void {
    if (!head) return;
    const bytes = JSON.stringify(head).length;
    this.#bytesEach = this.#bytesEach === 0 ? bytes : 0.9 * this.#bytesEach + 0.1 * bytes;
  }

  #step(series: SeriesReader): void {
    if (series.ahead > 0) this.#held--;
    series.step();
    if (series.head) return;
    this.#lasting--;
    this.#perMsOfAll -= this.#perMs.get(series) ?? 0;
    this.#perMs.delete(series);
  }

  /** Asks as long as there is room for what may come. */
  #askAhead(): void {
    if (this.#partInReserve === 0 || this.#failure || this.#restSteps-- > 0) return;
    while (this.#questions < MAX_QUESTIONS && this.#room - this.#most * this.#partInReserve >= this.#fullQuestion) {
      this.#putInOrder();
      const first = this.#nextDue();
      if (!first) {
        this.#restSteps = this.#series.size * PART_IN_ORDER;
        return;
      }
      // Told to whoever moves on beyond what there is.
      this.#askFor(first).catch((error: unknown) => {
        this.#failure ??= { error };
      });
    }
  }

  /** Documents that may come without there being more than may be held. */
  get #room(): number {
    return this.#most - this.#held - this.#expected;
  }

  /** Documents that reading ahead comes to. */
  get #aim(): number {
    return this.#most * (1 - this.#partInReserve);
  }

  get #fullQuestion(): number {
    return Math.min(QUESTION_DOCUMENTS, this.#aim / 4);
  }

  /** Asks for the series, and for those that will be used up next as far as they fit into the question. */
  #askFor(series: SeriesReader): Promise<void> {
    this.#putInOrder();
    const room = Math.min(this.#fullQuestion, this.#room);
    if (room < LEAST_ROOM) {
      const few = this.#nearlyUsedUp(series);
      return this.#ask(few, Math.max(MIN_CHUNK, Math.floor(room / few.length) - BESIDE_CHUNK));
    }
    const together = [series];
    const most = Math.floor(room) - BESIDE_CHUNK;
    let documents = Math.min(most, this.#chunkFor(series)) + BESIDE_CHUNK;
    while (together.length < QUESTION_SERIES) {
      const next = this.#nextDue();
      if (!next) break;
      if (next === series) continue;
      documents += this.#chunkFor(next) + BESIDE_CHUNK;
      if (next.reader !== series.reader || documents > room) {
        this.#inOrder.push(next);
        break;
      }
      together.push(next);
    }
    return this.#ask(together, most);
  }

  /** The series, and others of its reader that hold fewer than may be asked for whatever is held. */
  #nearlyUsedUp(series: SeriesReader): SeriesReader[] {
    const others = this.#inOrder.filter(
      (one) => one !== series && one.reader === series.reader && one.ahead < MIN_CHUNK && this.#isDue(one),
    );
    return [...others.slice(1 - QUESTION_SERIES), series];
  }

  #nextDue(): SeriesReader | undefined {
    for (let next = this.#inOrder.pop(); next; next = this.#inOrder.pop()) if (this.#isDue(next)) return next;
    return undefined;
  }

  /** Puts the series that are due in order, when those that were are read. */
  #putInOrder(): void {
    const next = this.#nextDue();
    if (next) this.#inOrder.push(next);
    if (this.#inOrder.length >= (this.#areAllInOrder ? 1 : QUESTION_SERIES)) return;
    // Summed anew: what is added and subtracted again leaves a remainder.
    this.#perMsOfAll = [...this.#perMs.values()].reduce((sum, perMs) => sum + perMs, 0);
    const due = [...this.#series].filter((one) => this.#isDue(one)).map((one) => ({ one, readTo: one.readTo }));
    due.sort((a, b) => (a.readTo === b.readTo ? 0 : a.readTo < b.readTo === this.#isAscending ? -1 : 1));
    const first = due.slice(0, Math.max(2 * QUESTION_SERIES, due.length * PART_IN_ORDER));
    this.#areAllInOrder = first.length === due.length;
    this.#inOrder = first.reverse().map(({ one }) => one);
  }

  #isDue(series: SeriesReader): boolean {
    return !series.isRead && !this.#reading.has(series) && series.ahead < this.#chunkFor(series);
  }

  /** The share of all documents that makes a series last as long as the others; an equal one while that is not known. */
  #chunkFor(series: SeriesReader): number {
    const perMs = this.#perMs.get(series);
    const share = perMs === undefined ? 1 : (perMs / this.#perMsOfAll) * this.#perMs.size;
    const documents = Math.floor((this.#aim / this.#lasting) * share);
    return Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, documents));
  }

  #ask(series: readonly SeriesReader[], most: number): Promise<void> {
    const ranges = series.map((one) => one.nextRange(Math.max(1, Math.min(most, this.#chunkFor(one)))));
    const expected = ranges.reduce((sum, { limit }) => sum + limit, 0);
    const reading = this.#read(series, ranges).finally(() => {
      for (const one of series) this.#reading.delete(one);
      this.#expected -= expected;
      this.#questions--;
    });
    for (const one of series) this.#reading.set(one, reading);
    this.#expected += expected;
    this.#questions++;
    return reading;
  }

  async #read(series: readonly SeriesReader[], ranges: readonly ReadRange[]): Promise<void> {
    const added = await readOn(series, ranges);
    this.#held += added;
    for (const one of series) {
      this.#learn(one);
      this.#weigh(one);
    }
  }

  /** How many documents a series has in the time of all the others'. */
  #learn(series: SeriesReader): void {
    const known = this.#perMs.get(series);
    const perMs = series.perMs ?? known;
    if (perMs !== undefined) {
      this.#perMsOfAll += perMs - (known ?? 0);
      this.#perMs.set(series, perMs);
    }
    if (series.isRead) this.#series.delete(series);
  }
}
