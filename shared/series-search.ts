/**
 * The series of a reader that a list asks for, and of each the range of ids that can be on it.
 *
 * Ids put the series (device, or model and device) before the time, so one series is one key range, and the series are
 * found by skipping from one prefix to the next, unless the reader knows a quicker way.
 */
import { type PostedType, parseTelemetryId, TYPE_LETTER } from './documents.js';
import type { RangeReader, TimeSpan } from './range-reader.js';
import { comparePlaces } from './series-merge.js';
import { type IdRange, type Place, type SeriesEnds, SeriesReader, timeOf } from './series-reader.js';

/** Which documents a list is about, and in which order. */
export interface SeriesQuery {
  device?: string | undefined;
  model?: string | undefined;
  /** Canonical instant, inclusive. */
  from?: string | undefined;
  /** Canonical instant, exclusive. */
  to?: string | undefined;
  order: 'asc' | 'desc';
  /** The place after which the list begins. */
  cursor?: Place | undefined;
}

/** Sorts after every character that may follow a prefix. */
export const AFTER = '\uffff';

/** The series of `reader` that may have wanted documents within `span`; nothing of their documents is read yet. */
export async function findSeries(...search: Parameters<typeof eachSeries>): Promise<SeriesReader[]> {
  const series: SeriesReader[] = [];
  for await (const one of eachSeries(...search)) series.push(one);
  return series;
}

/** The same, each as soon as it is found. */
export async function* eachSeries(
  reader: RangeReader,
  span: TimeSpan,
  village: string,
  type: PostedType,
  query: SeriesQuery,
): AsyncGenerator<SeriesReader, void, undefined> {
  for await (const { prefix, firstId, ends } of prefixesOf(reader, village, type, query)) {
    const range = idRange(prefix, span, query);
    if (!range || firstId > (range.descending ? range.startId : range.endId)) continue;
    yield new SeriesReader(reader, range, (id) => isWanted(id, query), ends);
  }
}

interface FoundPrefix {
  prefix: string;
  /** No id of the series sorts before it. */
  firstId: string;
  /** Where finding the series told them. */
  ends?: SeriesEnds;
}

/** Prefixes of the series that match, whatever their times. */
async function* prefixesOf(
  reader: RangeReader,
  village: string,
  type: PostedType,
  query: SeriesQuery,
): AsyncGenerator<FoundPrefix> {
  const root = `${village}:${TYPE_LETTER[type]}:`;
  const leading = type === 'reading' ? query.device : query.model;
  // A reading has no model: asking for one finds nothing.
  if (type === 'reading' && query.model !== undefined) return;
  if (type === 'reading' && leading !== undefined) return yield knownPrefix(`${root}${leading}:`);
  if (type === 'prediction' && leading !== undefined && query.device !== undefined) {
    return yield knownPrefix(`${root}${leading}:${query.device}:`);
  }
  const scope = leading === undefined ? root : `${root}${leading}:`;
  if (reader.seriesBelow) {
    for (const ends of await reader.seriesBelow(scope)) {
      const { prefix, first } = ends;
      if (matchesDevice(prefix, type, query.device)) yield { prefix, firstId: first._id, ends };
    }
    return;
  }
  let startId = scope;
  for (;;) {
    const id = await reader.firstId(startId, scope + AFTER);
    if (id === undefined) return;
    const parsed = parseTelemetryId(id);
    if (!parsed) {
      startId = `${id}\u0000`;
      continue;
    }
    if (matchesDevice(parsed.prefix, type, query.device)) yield { prefix: parsed.prefix, firstId: id };
    // ';' follows ':' in byte order: the first id behind everything that has this prefix.
    startId = `${parsed.prefix.slice(0, -1)};`;
  }
}

function knownPrefix(prefix: string): FoundPrefix {
  return { prefix, firstId: prefix };
}

function matchesDevice(prefix: string, type: PostedType, device: string | undefined): boolean {
  return type === 'reading' || device === undefined || prefix.endsWith(`:${device}:`);
}

/** The ids of one series within the span that can be on the page; undefined when none can. */
function idRange(prefix: string, span: TimeSpan, query: SeriesQuery): IdRange | undefined {
  const lows = [prefix + (query.from ?? ''), prefix + span.oldest];
  const highs = [prefix + (query.to ?? AFTER), prefix + span.newest + AFTER];
  if (query.cursor) (query.order === 'asc' ? lows : highs).push(resumeId(prefix, query.cursor));
  const lowId = lows.reduce((a, b) => (a > b ? a : b));
  const highId = highs.reduce((a, b) => (a < b ? a : b));
  if (lowId > highId) return undefined;
  const descending = query.order === 'desc';
  return descending ? { startId: highId, endId: lowId, descending } : { startId: lowId, endId: highId, descending };
}

/**
 * Where a series goes on after the cursor, whichever the order: documents of the cursor's own time are ordered by id,
 * so a series that sorts before the cursor's has them all behind it already, one that sorts after it has them all
 * ahead.
 */
function resumeId(prefix: string, cursor: Place): string {
  const cursorPrefix = parseTelemetryId(cursor.id)?.prefix ?? '';
  if (prefix === cursorPrefix) return cursor.id;
  return prefix < cursorPrefix ? `${prefix}${cursor.time}${AFTER}` : prefix + cursor.time;
}

/** True within `to` and behind the cursor: the id range is wider by the documents exactly at either. */
function isWanted(id: string, query: SeriesQuery): boolean {
  const time = timeOf(id);
  if (query.to !== undefined && time >= query.to) return false;
  if (!query.cursor) return true;
  const order = comparePlaces({ time, id }, query.cursor);
  return query.order === 'asc' ? order > 0 : order < 0;
}
