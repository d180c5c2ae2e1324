/**
 * Energy by hour or day: each interval between two readings belongs to the bucket it lies in; one that spans a border is
 * split by time, and that share of the bucket is said to be interpolated. Nothing is lost or counted twice: the buckets
 * add up to what flowed from the first border to the last. Pure.
 */
import type { Bucket } from './calendar-buckets.js';
import type { EnergyInterval } from './energy-intervals.js';

export interface EnergyBucket extends Bucket {
  kwh: number;
  /** Of `kwh`: from intervals that span a border. */
  interpolatedKwh: number;
  /** Of `kwh`: from times without readings. */
  gapKwh: number;
  /** How much of the bucket intervals cover. */
  coveredMs: number;
}

/** Both in order of time; buckets without anything between them. */
export function intoBuckets(intervals: readonly EnergyInterval[], buckets: readonly Bucket[]): EnergyBucket[] {
  const filled = buckets.map((bucket) => ({ ...bucket, kwh: 0, interpolatedKwh: 0, gapKwh: 0, coveredMs: 0 }));
  let position = 0;
  for (const interval of intervals) {
    while ((filled[position]?.endMs ?? Number.POSITIVE_INFINITY) <= interval.fromMs) position++;
    for (let n = position; n < filled.length; n++) {
      const bucket = filled[n];
      if (!bucket || bucket.startMs >= interval.toMs) break;
      add(bucket, interval);
    }
  }
  return filled;
}

function add(bucket: EnergyBucket, { fromMs, toMs, kwh, kind }: EnergyInterval): void {
  const overlapMs = Math.min(toMs, bucket.endMs) - Math.max(fromMs, bucket.startMs);
  if (overlapMs <= 0) return;
  const isWhole = overlapMs === toMs - fromMs;
  const share = isWhole ? kwh : (kwh * overlapMs) / (toMs - fromMs);
  bucket.kwh += share;
  bucket.coveredMs += overlapMs;
  if (!isWhole) bucket.interpolatedKwh += share;
  if (kind === 'gap') bucket.gapKwh += share;
}

/** Counts spans of time, which are in order and do not overlap; told of a bucket without looking at all of them. */
export class SpanCount {
  readonly #spans: readonly { fromMs: number; toMs: number }[];

  constructor(spans: readonly { fromMs: number; toMs: number }[]) {
    this.#spans = spans;
  }

  /** Those that have a part in it. */
  touching(startMs: number, endMs: number): number {
    const begun = this.#count(({ fromMs }) => fromMs < endMs);
    return Math.max(0, begun - this.#count(({ toMs }) => toMs <= startMs));
  }

  /** How many of the first ones it is true of. */
  #count(isTrue: (span: { fromMs: number; toMs: number }) => boolean): number {
    let low = 0;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const span = this.#spans[middle];
      if (span && isTrue(span)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
