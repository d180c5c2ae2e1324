/**
 * Lists telemetry in order of time, page by page, from anything that can read a range of ids in order.
 *
 * All series of all readers are merged by time, each read in small chunks as the merge needs them, and a reader only
 * once the merge has come to the time its documents begin: a page costs the same however much is kept before and behind
 * it. Used by both programs, so that a village and the centre answer the same question the same way.
 */
import { z } from 'zod';
import { instantSchema, nameSchema, type PostedType, parseTelemetryId, type TelemetryDocument } from './documents.js';
import { ListStages } from './list-stages.js';
import { defaultPageLimitSchema } from './page-limit.js';
import type { RangeReader } from './range-reader.js';
import { SeriesMerge } from './series-merge.js';
import type { Place, SeriesReader } from './series-reader.js';
import { findSeries, type SeriesQuery } from './series-search.js';
import { parseParameters } from './validation.js';

export interface TelemetryQuery extends SeriesQuery {
  /** 1 to 1,000. */
  limit: number;
}

export interface TelemetryPage {
  items: TelemetryDocument[];
  next?: string;
}

const cursorSchema = z.string().transform((text, context): Place => {
  const decoded = Buffer.from(text, 'base64url').toString('utf8');
  const parsed = parseTelemetryId(decoded);
  if (parsed) return { time: parsed.time, id: decoded };
  context.addIssue({ code: 'custom', message: 'is not a cursor this program gave' });
  return z.NEVER;
});

/**
 * The query parameters of a list, from text. Unknown parameters are refused, so that a typing error is not silently
 * ignored.
 */
export const telemetryQuerySchema = z.strictObject({
  device: nameSchema.optional().describe('Of this device only'),
  model: nameSchema.optional().describe('Of this model only'),
  from: instantSchema.optional().describe('From this moment on, itself included'),
  to: instantSchema.optional().describe('Up to this moment, itself not included'),
  order: z
    .enum(['asc', 'desc'], {
      error: ({ input }) => (Array.isArray(input) ? 'must be given once' : 'must be asc or desc'),
    })
    .default('asc')
    .describe('By time'),
  limit: defaultPageLimitSchema,
  cursor: cursorSchema.optional().describe('The `next` of the page before'),
});

/** Parses query parameters; throws `invalid_request` naming the parameter. */
export function parseTelemetryQuery(parameters: Record<string, unknown>): TelemetryQuery {
  return parseParameters(telemetryQuerySchema, parameters);
}

/** One page of a village's readings or predictions in order of time, then id. */
export async function listTelemetry(
  readers: readonly RangeReader[],
  village: string,
  type: PostedType,
  query: TelemetryQuery,
): Promise<TelemetryPage> {
  const items: TelemetryDocument[] = [];
  // One document more than asked for tells whether there is a next page.
  for await (const document of streamTelemetry(readers, village, type, query, 2 * (query.limit + 1))) {
    if (items.length === query.limit) return { items, ...nextOf(items) };
    items.push(document);
  }
  return { items };
}

function nextOf(items: readonly TelemetryDocument[]): { next?: string } {
  const last = items.at(-1);
  return last ? { next: Buffer.from(last._id, 'utf8').toString('base64url') } : {};
}

/** About how many documents a stream holds unless told. */
const BUFFERED_DOCUMENTS = 8000;
/** The same where they are read together: the more of each series, the fewer questions; 10 to 24 MiB of readings. */
const BUFFERED_TOGETHER = 24_000;

/**
 * Every document that matches, in order of time, then id, each id once; `query.limit` is not looked at.
 *
 * A reader is not touched before the list comes to its span. Memory is bounded by about `bufferedDocuments` documents
 * (a few per series where there are very many series). Rejects when a reader rejects, other than with `ReaderGone`.
 */
export async function* streamTelemetry(
  readers: readonly RangeReader[],
  village: string,
  type: PostedType,
  query: SeriesQuery,
  bufferedDocuments = readers.some(({ readRanges }) => readRanges) ? BUFFERED_TOGETHER : BUFFERED_DOCUMENTS,
): AsyncGenerator<TelemetryDocument, void, undefined> {
  const stages = new ListStages(readers, type, query);
  const merge = new SeriesMerge(query.order, bufferedDocuments);
  let lastId: string | undefined;
  for (;;) {
    for (let due = stages.takeDue(merge.time); due.length > 0; due = stages.takeDue(merge.time)) {
      const found: SeriesReader[] = [];
      // One reader after the other: each may be a database that has to be opened.
      for (const { reader, span } of due) found.push(...(await findSeries(reader, span, village, type, query)));
      await merge.add(found);
    }
    const document = merge.head;
    if (!document) return;
    // The same document can stand in two segments after a move between stores; an id is listed once.
    if (document._id !== lastId) {
      lastId = document._id;
      yield document;
    }
    await merge.moveOn();
  }
}
