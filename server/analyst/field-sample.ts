/**
 * A sample of what a list will hold, for telling which measurements there are: the first and the last document of each
 * device (of each model and device). Meters tell the same fields from one reading to the next.
 */
import type { PostedType, TelemetryDocument } from '../../shared/documents.js';
import type { RangeReader } from '../../shared/range-reader.js';
import { readOn, type SeriesReader } from '../../shared/series-reader.js';
import { AFTER, eachSeries, type SeriesQuery } from '../../shared/series-search.js';

/** Enough to hide a store's latency, few enough not to flood it. */
const PARALLEL_READS = 16;
const ALL_TIMES = { oldest: '', newest: AFTER };

export async function* sampleOf(
  reader: RangeReader,
  village: string,
  type: PostedType,
  query: SeriesQuery,
): AsyncGenerator<TelemetryDocument, void, undefined> {
  const { cursor, ...whole } = query;
  const heads = reader.readRanges ? headsTogether : headsOf;
  const [oldest, newest] = await Promise.all([
    heads(eachSeries(reader, ALL_TIMES, village, type, { ...whole, order: 'asc' })),
    heads(eachSeries(reader, ALL_TIMES, village, type, { ...whole, order: 'desc' })),
  ]);
  yield* oldest;
  yield* newest;
}

/** The same, all asked for together. */
async function headsTogether(found: AsyncIterable<SeriesReader>): Promise<TelemetryDocument[]> {
  const series: SeriesReader[] = [];
  for await (const one of found) series.push(one);
  for (;;) {
    const empty = series.filter((one) => one.ahead === 0 && !one.isRead);
    if (empty.length === 0) break;
    await readOn(
      empty,
      empty.map((one) => one.nextRange(0)),
    );
  }
  for (const one of series) one.step();
  return series.flatMap(({ head }) => head ?? []);
}

/** The first document of each series: read while the next series are being found, for one is found through the other. */
async function headsOf(found: AsyncIterable<SeriesReader>): Promise<TelemetryDocument[]> {
  const series: SeriesReader[] = [];
  const reading = new Set<Promise<void>>();
  for await (const one of found) {
    series.push(one);
    const read = one.advance(1).finally(() => reading.delete(read));
    // Whoever waits for one of them hears of it.
    read.catch(() => undefined);
    reading.add(read);
    if (reading.size >= PARALLEL_READS) await Promise.race(reading);
  }
  await Promise.all(reading);
  return series.flatMap(({ head }) => head ?? []);
}

/** The same reader, which finds the series only once: that costs a question for each. */
export function rememberingSeries(reader: RangeReader): RangeReader {
  const { readRanges, seriesBelow } = reader;
  return {
    readRange: (range) => reader.readRange(range),
    firstId: remembering((startId, endId) => reader.firstId(startId, endId)),
    ...(readRanges && { readRanges: (ranges) => readRanges.call(reader, ranges) }),
    ...(seriesBelow && { seriesBelow: remembering((scope) => seriesBelow.call(reader, scope)) }),
  };
}

function remembering<T>(ask: (...ids: string[]) => Promise<T>): (...ids: string[]) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (...ids) => {
    const key = ids.join('\n');
    const asked = known.get(key) ?? ask(...ids);
    known.set(key, asked);
    return asked;
  };
}
