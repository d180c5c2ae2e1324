/**
 * Lists telemetry in order of time, page by page, from anything that can read a range of ids in order.
 *
 * Ids put the series (device, or model and device) before the time, so one series is one key range, and all series are merged by time:
 * the series are found by skipping from one prefix to the next, and each contributes a bounded page. Used by both programs, so that
 * a village and the centre answer the same question the same way.
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

/** Reads documents by id; `startId` and `endId` inclusive; with `descending`, `startId` is the higher one. */
export interface RangeReader {
  readRange(range: {
    startId: string;
    endId: string;
    descending: boolean;
    limit: number;
  }): Promise<TelemetryDocument[]>;
  /** The lowest id within [startId, endId], or undefined. */
  firstId(startId: string, endId: string): Promise<string | undefined>;
}

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
export interface Cursor {
  time: string;
  id: string;
}

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

/** The query parameters of a list, from text. Unknown parameters are refused, so that a typing error is not silently ignored. */
export const telemetryQuerySchema = z.strictObject({
  device: nameSchema.optional(),
  model: nameSchema.optional(),
  from: instantSchema.optional(),
  to: instantSchema.optional(),
  order: z.enum(['asc', 'desc'], { error: 'must be asc or desc' }).default('asc'),
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
  const details = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: key, message: 'is not a parameter of this list' }))
      : [{ path: issue.path.join('.'), message: issue.message }],
  );
  const first = details[0];
  throw new AppError('invalid_request', `the parameter ${first?.path} ${first?.message}`, { details });
}

/** One page of a village's readings or predictions in order of time, then id. */
export async function listTelemetry(
  readers: readonly RangeReader[],
  village: string,
  type: PostedType,
  query: TelemetryQuery,
): Promise<TelemetryPage> {
  const found: TelemetryDocument[] = [];
  // One more than asked tells whether there is a next page; two more are read, for the document at the cursor and the one at `to`.
  const wanted = query.limit + 1;
  for (const reader of readers) {
    for await (const prefix of seriesOf(reader, village, type, query)) {
      const range = idRange(prefix, query);
      if (!range) continue;
      const documents = await reader.readRange({ ...range, limit: wanted + 2 });
      for (const document of documents) if (isAfterCursor(document._id, query)) found.push(document);
      if (found.length > 8 * wanted) keepFirst(found, wanted, query.order);
    }
  }
  keepFirst(found, wanted, query.order);
  const items = found.slice(0, query.limit);
  const last = items.at(-1);
  if (found.length <= query.limit || !last) return { items };
  return { items, next: Buffer.from(last._id, 'utf8').toString('base64url') };
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
function idRange(
  prefix: string,
  query: TelemetryQuery,
): { startId: string; endId: string; descending: boolean } | undefined {
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
 * Where a series goes on after the cursor, whichever the order: documents of the cursor's own time are ordered by id, so a series that sorts
 * before the cursor's has them all behind it already, one that sorts after it has them all ahead.
 */
function resumeId(prefix: string, cursor: Cursor): string {
  const cursorPrefix = parseTelemetryId(cursor.id)?.prefix ?? '';
  if (prefix === cursorPrefix) return cursor.id;
  return prefix < cursorPrefix ? `${prefix}${cursor.time}${AFTER}` : prefix + cursor.time;
}

function isAfterCursor(id: string, query: TelemetryQuery): boolean {
  const time = timeOf(id);
  if (query.to !== undefined && time >= query.to) return false;
  if (!query.cursor) return true;
  const order = compare({ time, id }, query.cursor);
  return query.order === 'asc' ? order > 0 : order < 0;
}

function keepFirst(documents: TelemetryDocument[], count: number, order: 'asc' | 'desc'): void {
  const sign = order === 'asc' ? 1 : -1;
  documents.sort((a, b) => sign * compare({ time: timeOf(a._id), id: a._id }, { time: timeOf(b._id), id: b._id }));
  // The same document can stand in two segments after a move between stores; an id is listed once.
  const seen = new Set<string>();
  let kept = 0;
  for (const document of documents) {
    if (kept === count) break;
    if (seen.has(document._id)) continue;
    seen.add(document._id);
    documents[kept++] = document;
  }
  documents.length = kept;
}

function timeOf(id: string): string {
  return parseTelemetryId(id)?.time ?? '';
}

function compare(a: Cursor, b: Cursor): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
