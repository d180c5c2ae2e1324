/**
 * A sample of what a list will hold, for telling which measurements there are: the first and the last document of each
 * device (of each model and device). Meters tell the same fields from one reading to the next.
 */
import type { PostedType, TelemetryDocument } from '../../shared/documents.js';
import type { RangeReader } from '../../shared/range-reader.js';
import { AFTER, findSeries, type SeriesQuery } from '../../shared/series-search.js';

/** Enough to hide a store's latency, few enough not to flood it. */
const PARALLEL_READS = 16;

export async function* sampleOf(
  reader: RangeReader,
  village: string,
  type: PostedType,
  query: SeriesQuery,
): AsyncGenerator<TelemetryDocument, void, undefined> {
  const { cursor, ...whole } = query;
  for (const order of ['asc', 'desc'] as const) {
    const series = await findSeries(reader, { oldest: '', newest: AFTER }, village, type, { ...whole, order });
    for (let start = 0; start < series.length; start += PARALLEL_READS) {
      const group = series.slice(start, start + PARALLEL_READS);
      await Promise.all(group.map((one) => one.advance(1)));
      for (const { head } of group) if (head) yield head;
    }
  }
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
