/**
 * Lists telemetry in order of time, page by page, from anything that can read a range of ids in order.
 *
 * Ids put the series (device, or model and device) before the time, so one series is one key range, and all series are
 * merged by time: the series are found by skipping from one prefix to the next, and each is read in small chunks as the
 * merge needs them. Used by both programs, so that a village and the centre answer the same question the same way.
 */
import { z } from 'zod';
import { AppError } from './app-error.js';
import {
  instantSchema,
  nameSchema,
  type ParsedTelemetryId,
  type PostedType,
  parseTelemetryId,
  type TelemetryDocument,
  TYPE_LETTER,
} from './documents.js';
import type { RangeReader } from './range-reader.js';
import { comparePlaces, type IdRange, type Place, SeriesQueue, SeriesReader, timeOf } from './series-merge.js';
import { problemsOf, sentenceOf } from './validation.js';

export interface TelemetryQuery {
  device?: string | undefined;
  model?: string | undefined;
  /** Canonical instant, inclusive. */
  from?: string | undefined;
  /** Canonical instant, exclusive. */
  to?: string | undefined;
  order: 'asc' | 'desc';
  /** 1 to 1,000. */
  limit: number;
  cursor?: Cursor | undefined;
}

/** The place after which a page begins. */
export type Cursor = Place;

export interface TelemetryPage {
  items: TelemetryDocument[];
  next?: string;
}

const MAX_LIMIT = 1000;
/** Sorts after every character that may follow a prefix. */
const AFTER = '\uffff';

const cursorSchema = z.string().transform((text, context): Cursor => {
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

/**
 * Series whose first documents are read at the same time: enough to hide a store's latency, few enough not to flood it.
 */
const PARALLEL_READS = 8;
const MIN_CHUNK = 4;
const MAX_CHUNK = 1000;

/**
 * Every document that matches, in order of time, then id, each id once; `query.limit` is not looked at.
 * Memory is bounded by about `bufferedDocuments` documents (a few per series where there are very many series).
 */
export async function* streamTelemetry(
  readers: readonly RangeReader[],
  village: string,
  type: PostedType,
  query: TelemetryQuery,
  bufferedDocuments = 8 * MAX_CHUNK,
): AsyncGenerator<TelemetryDocument, void, undefined> {
  const series: SeriesReader[] = [];
  for (const reader of readers) {
    for await (const prefix of seriesOf(reader, village, type, query)) {
      const range = idRange(prefix, query);
      if (range) series.push(new SeriesReader(reader, range, (id) => isWanted(id, query)));
    }
  }
  const chunk = Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, Math.ceil(bufferedDocuments / Math.max(1, series.length))));
  const queue = new SeriesQueue(query.order);
  for (let start = 0; start < series.length; start += PARALLEL_READS) {
    const group = series.slice(start, start + PARALLEL_READS);
    await Promise.all(group.map((one) => one.advance(chunk)));
    for (const one of group) queue.add(one);
  }
  let lastId: string | undefined;
  for (let next = queue.take(); next; next = queue.take()) {
    const document = next.head;
    // The same document can stand in two segments after a move between stores; an id is listed once.
    if (document && document._id !== lastId) {
      lastId = document._id;
      yield document;
    }
    await next.advance(chunk);
    queue.add(next);
  }
}

/** Prefixes of the series that match, by skipping from one to the next. */
async function* seriesOf(
  reader: RangeReader,
  village: string,
  type: PostedType,
  query: TelemetryQuery,
): AsyncGenerator<string> {
  const root = `${village}:${TYPE_LETTER[type]}:`;
  const leading = type === 'reading' ? query.device : query.model;
  // A reading has no model: asking for one finds nothing.
  if (type === 'reading' && query.model !== undefined) return;
  if (type === 'reading' && leading !== undefined) return yield `${root}${leading}:`;
  if (type === 'prediction' && leading !== undefined && query.device !== undefined) {
    return yield `${root}${leading}:${query.device}:`;
  }
  const scope = leading === undefined ? root : `${root}${leading}:`;
  let startId = scope;
  for (;;) {
    const id = await reader.firstId(startId, scope + AFTER);
    if (id === undefined) return;
    const parsed = parseTelemetryId(id);
    if (!parsed) {
      startId = `${id}\u0000`;
      continue;
    }
    if (matchesDevice(parsed, type, query.device)) yield parsed.prefix;
    // ';' follows ':' in byte order: the first id behind everything that has this prefix.
    startId = `${parsed.prefix.slice(0, -1)};`;
  }
}

function matchesDevice(parsed: ParsedTelemetryId, type: PostedType, device: string | undefined): boolean {
  return type === 'reading' || device === undefined || parsed.prefix.endsWith(`:${device}:`);
}

/** The ids of one series that can be on the page; undefined when none can. */
function idRange(prefix: string, query: TelemetryQuery): IdRange | undefined {
  let lowId = prefix + (query.from ?? '');
  let highId = prefix + (query.to ?? AFTER);
  if (query.cursor && query.order === 'asc') {
    const resume = resumeId(prefix, query.cursor);
    if (resume > lowId) lowId = resume;
  } else if (query.cursor) {
    const resume = resumeId(prefix, query.cursor);
    if (resume < highId) highId = resume;
  }
  if (lowId > highId) return undefined;
  const descending = query.order === 'desc';
  return descending ? { startId: highId, endId: lowId, descending } : { startId: lowId, endId: highId, descending };
}

/**
 * Where a series goes on after the cursor, whichever the order: documents of the cursor's own time are ordered by id,
 * so a series that sorts before the cursor's has them all behind it already, one that sorts after it has them all
 * ahead.
 */
function resumeId(prefix: string, cursor: Cursor): string {
  const cursorPrefix = parseTelemetryId(cursor.id)?.prefix ?? '';
  if (prefix === cursorPrefix) return cursor.id;
  return prefix < cursorPrefix ? `${prefix}${cursor.time}${AFTER}` : prefix + cursor.time;
}

/** True within `to` and behind the cursor: the id range is wider by the documents exactly at either. */
function isWanted(id: string, query: TelemetryQuery): boolean {
  const time = timeOf(id);
  if (query.to !== undefined && time >= query.to) return false;
  if (!query.cursor) return true;
  const order = comparePlaces({ time, id }, query.cursor);
  return query.order === 'asc' ? order > 0 : order < 0;
}
