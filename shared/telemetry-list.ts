/**
 * Lists telemetry in order of time, page by page, from anything that can read a range of ids in order.
 *
 * All series of all readers are merged by time, each read in small chunks as the merge needs them, and a reader only
 * once the merge has come to the time its documents begin: a page costs the same however much is kept before and behind
 * it. Used by both programs, so that a village and the centre answer the same question the same way.
 */
import { z } from 'zod';
import { AppError } from './app-error.js';
import { instantSchema, nameSchema, type PostedType, parseTelemetryId, type TelemetryDocument } from './documents.js';
import { ListStages } from './list-stages.js';
import type { RangeReader } from './range-reader.js';
import { type Place, SeriesMerge, type SeriesReader } from './series-merge.js';
import { findSeries, type SeriesQuery } from './series-search.js';
import { problemsOf, sentenceOf } from './validation.js';

export interface TelemetryQuery extends SeriesQuery {
  /** 1 to 1,000. */
  limit: number;
}

export interface TelemetryPage {
  items: TelemetryDocument[];
  next?: string;
}

const MAX_LIMIT = 1000;
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
const telemetryQuerySchema = z.strictObject({
  device: nameSchema.optional(),
  model: nameSchema.optional(),
  from: instantSchema.optional(),
  to: instantSchema.optional(),
  order: z
    .enum(['asc', 'desc'], {
      error: ({ input }) => (Array.isArray(input) ? 'must be given once' : 'must be asc or desc'),
    })
    .default('asc'),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, `must be a whole number from 1 to ${MAX_LIMIT}`)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= MAX_LIMIT, `must be a whole number from 1 to ${MAX_LIMIT}`)
    .default(100),
  cursor: cursorSchema.optional(),
});

/** Parses query parameters; throws `invalid_request` naming the parameter. */
export function parseTelemetryQuery(parameters: Record<string, unknown>): TelemetryQuery {
  const parsed = telemetryQuerySchema.safeParse(parameters);
  if (parsed.success) return parsed.data;
  const details = problemsOf(parsed.error, { isQuery: true });
  throw new AppError('invalid_request', `the parameter ${sentenceOf(details)}`, { details });
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
  bufferedDocuments = BUFFERED_DOCUMENTS,
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
