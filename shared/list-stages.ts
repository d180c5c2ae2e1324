/**
 * When a list needs which reader: each reader's spans, in the order in which the list comes to them.
 *
 * Invariants: a stage is given out before any document at or behind its beginning is listed, and not earlier; one whose
 * span is wholly outside of what the list asks for is never given out.
 */
import type { PostedType } from './documents.js';
import { type RangeReader, ReaderGone, type TimeSpan } from './range-reader.js';
import { AFTER, type SeriesQuery } from './series-search.js';

/** A span of a reader that a list may need. */
export interface Stage {
  reader: RangeReader;
  span: TimeSpan;
  /** Nothing the list asks for of this span comes before it, in the order of the list. */
  begins: string;
}

const ANY_TIME: TimeSpan = { oldest: '', newest: AFTER };

export class ListStages {
  readonly #isAscending: boolean;
  /** In the order of the list. */
  readonly #stages: readonly Stage[];
  #position = 0;

  constructor(readers: readonly RangeReader[], type: PostedType, query: SeriesQuery) {
    this.#isAscending = query.order === 'asc';
    this.#stages = readers
      .flatMap((reader) => stagesOf(reader, type, query))
      .sort((a, b) => this.#compare(a.begins, b.begins));
  }

  /**
   * The stages that begin first of those not given out before, when they begin at or before a document at `time`, which
   * is the next to be listed otherwise; without a time, in any case. To be asked again until there are none: what they
   * hold may come before `time`, and then the stages behind them are not due yet.
   */
  takeDue(time: string | undefined): Stage[] {
    const begins = this.#stages[this.#position]?.begins;
    if (begins === undefined || (time !== undefined && this.#compare(begins, time) > 0)) return [];
    const start = this.#position;
    while (this.#stages[this.#position]?.begins === begins) this.#position++;
    return this.#stages.slice(start, this.#position);
  }

  #compare(a: string, b: string): number {
    if (a === b) return 0;
    return a < b === this.#isAscending ? -1 : 1;
  }
}

function stagesOf(reader: RangeReader, type: PostedType, query: SeriesQuery): Stage[] {
  const given = reader.span?.(type) ?? ANY_TIME;
  if (given === 'none') return [];
  const spans = 'oldest' in given ? [given] : given;
  const asked = askedSpan(query);
  return spans
    .filter(({ oldest, newest }) => newest >= asked.oldest && oldest <= asked.newest && oldest !== query.to)
    .map((span) => ({ reader: passingOver(reader), span, begins: beginningOf(span, asked, query) }));
}

/** What the query leaves; documents exactly at an end may still be kept out by their ids. */
function askedSpan({ from = '', to = AFTER, cursor, order }: SeriesQuery): TimeSpan {
  if (!cursor) return { oldest: from, newest: to };
  if (order === 'asc') return { oldest: cursor.time > from ? cursor.time : from, newest: to };
  return { oldest: from, newest: cursor.time < to ? cursor.time : to };
}

function beginningOf(span: TimeSpan, asked: TimeSpan, { order }: SeriesQuery): string {
  if (order === 'asc') return span.oldest > asked.oldest ? span.oldest : asked.oldest;
  return span.newest < asked.newest ? span.newest : asked.newest;
}

/** The same reader, but empty once it is gone. */
function passingOver(reader: RangeReader): RangeReader {
  const { readRanges, seriesBelow } = reader;
  return {
    readRange: (range) => unlessGone(reader.readRange(range), []),
    firstId: (startId, endId) => unlessGone(reader.firstId(startId, endId), undefined),
    ...(readRanges && {
      readRanges: (ranges) =>
        unlessGone(
          readRanges.call(reader, ranges),
          ranges.map(() => []),
        ),
    }),
    ...(seriesBelow && { seriesBelow: (scope) => unlessGone(seriesBelow.call(reader, scope), []) }),
  };
}

async function unlessGone<T>(answer: Promise<T>, nothing: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ReaderGone) return nothing;
    throw error;
  }
}
