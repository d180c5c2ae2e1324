/**
 * A sample of what a list will hold, for telling which measurements there are: the first and the last document of each
 * device (of each model and device). Meters tell the same fields from one reading to the next.
 */
import type { PostedType, TelemetryDocument } from '../../shared/documents.js';
import type { RangeReader } from '../../shared/range-reader.js';
import type { SeriesReader } from '../../shared/series-merge.js';
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
  const [oldest, newest] = await Promise.all([
    headsOf(eachSeries(reader, ALL_TIMES, village, type, { ...whole, order: 'asc' })),
    headsOf(eachSeries(reader, ALL_TIMES, village, type, { ...whole, order: 'desc' })),
  ]);
  yield* oldest;
  yield* newest;
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

/** The same reader, which asks only once for the first id of a range: finding the series costs a question for each. */
export function rememberingFirstIds(reader: RangeReader): RangeReader {
  const known = new Map<string, Promise<string | undefined>>();
  return {
    readRange: (range) => reader.readRange(range),
    firstId(startId, endId) {
      const key = `${startId}\n${endId}`;
      const asked = known.get(key) ?? reader.firstId(startId, endId);
      known.set(key, asked);
      return asked;
    },
  };
}
