/**
 * Between which times documents lie, from their ids: what a segment surely does not hold need not be looked up in it.
 *
 * A few separate spans are kept for each type: one document of a board that booted into 1970 must not make it seem that
 * the segment holds something of every day since.
 */
import { type PostedType, parseTelemetryId } from '../../shared/documents.js';
import type { TimeSpan } from '../../shared/range-reader.js';
import type { SegmentSpans } from './segment-record.js';

const MAX_SPANS = 4;
/** Times further apart than this begin a span of their own. */
const APART_MS = 86_400_000;

export class SpanTracker {
  readonly #spans: SegmentSpans;

  constructor(known: SegmentSpans = {}) {
    this.#spans = { ...known };
  }

  /** Must be told before ids are written: a span too wide costs a look-up, one too narrow would cost a document. */
  add(ids: readonly string[]): void {
    for (const id of ids) {
      const parsed = parseTelemetryId(id);
      if (!parsed) continue;
      const spans = this.#spans[parsed.type] ?? [];
      if (!isWithin(spans, parsed.time)) this.#spans[parsed.type] = widened(spans, parsed.time);
    }
  }

  /** In order of time, apart from each other; undefined where there is no document of the type. */
  of(type: PostedType): readonly TimeSpan[] | undefined {
    return this.#spans[type];
  }

  get spans(): SegmentSpans {
    return { ...this.#spans };
  }
}

/** Times are canonical instants: their text sorts as they do. */
export function isWithin(spans: readonly TimeSpan[], time: string): boolean {
  return spans.some(({ oldest, newest }) => oldest <= time && time <= newest);
}

function widened(spans: readonly TimeSpan[], time: string): readonly TimeSpan[] {
  const sorted = [...spans, { oldest: time, newest: time }].sort((a, b) => (a.oldest < b.oldest ? -1 : 1));
  const gaps = sorted.slice(1).map(({ oldest }, index) => Date.parse(oldest) - Date.parse(sorted[index]?.newest ?? ''));
  // Whatever is near, and the nearest of what would be too many, becomes one.
  const limit = sorted.length > MAX_SPANS ? Math.max(APART_MS, Math.min(...gaps)) : APART_MS;
  return sorted.slice(1).reduce<TimeSpan[]>(
    (joined, span, index) => {
      const last = joined.at(-1);
      if (last && (gaps[index] ?? 0) <= limit) joined[joined.length - 1] = { ...last, newest: span.newest };
      else joined.push(span);
      return joined;
    },
    sorted.slice(0, 1),
  );
}
