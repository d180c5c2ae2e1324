/** Between which times documents lie, from their ids: what a segment surely does not hold need not be looked up in it. */
import { type PostedType, parseTelemetryId } from '../../shared/documents.js';
import type { TimeSpan } from '../../shared/range-reader.js';
import type { SegmentSpans } from './segment-record.js';

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
      const { type, time } = parsed;
      const span = this.#spans[type];
      if (!span) this.#spans[type] = { oldest: time, newest: time };
      else if (time < span.oldest) this.#spans[type] = { ...span, oldest: time };
      else if (time > span.newest) this.#spans[type] = { ...span, newest: time };
    }
  }

  of(type: PostedType): TimeSpan | undefined {
    return this.#spans[type];
  }

  get spans(): SegmentSpans {
    return { ...this.#spans };
  }
}
