/**
 * Whether a figure of a process has stayed flat over a soak. Pure. Two questions, since kills end what one life leaks:
 *
 * - all lives together: the median of the last third of the soak against that of the first, a fifth of it left out as
 *   warming up. It tells what grows with the store.
 * - the longest life alone: the median of its last quarter against that of the third. It tells of leaks.
 *
 * The limits: in ten minutes of a soak on a busy machine, memory's last median was at most 1.12 times its first in all
 * lives, and 1.05 times in the longest one, and handles differed by one. In a life of ten minutes of real time a leak of
 * 150 kB a second, or of a handle every 20 seconds, is beyond them.
 *
 * Memory is held against what has done as much: a life takes minutes of work to grow into its heap and its caches (the centre
 * has 92 MiB for as long as it waits for a link, 137 after a minute of work, some 170 from ten minutes on), and where kills
 * and outages fall is chance.
 */
import { median } from '../../bench/support/statistics.js';

export interface FlatSample {
  /** Since the soak began, in any unit. */
  at: number;
  /** Since the life of the process began, seconds of real time. */
  ageS: number;
  /** Processor time this life has taken, seconds. */
  cpuS: number;
  value: number;
}

export interface FlatnessLimit {
  factor: number;
  plus: number;
  /** Seconds of processor time after which it does not matter how many there were; 0 unless given. */
  grownAfterCpuS?: number;
}

/** What three minutes of a soak take. */
const GROWN_AFTER_CPU_S = 25;

/** Of all lives, MiB and open handles. */
export const MEMORY_LIMIT: FlatnessLimit = { factor: 1.25, plus: 16, grownAfterCpuS: GROWN_AFTER_CPU_S };
export const HANDLES_LIMIT: FlatnessLimit = { factor: 1.25, plus: 8 };
/** Of the longest one. */
export const LIFE_MEMORY_LIMIT: FlatnessLimit = { factor: 1.05, plus: 12 };
export const LIFE_HANDLES_LIMIT: FlatnessLimit = { factor: 1, plus: 6 };

/** A process has loaded what it needs, and met its first work, by then. */
const WARM_AFTER_S = 10;
/** The first documents, segments and nights let heaps and caches grow to their size. */
const WARM_SHARE = 0.2;
/** A shorter life is still growing into its caches. */
const MIN_LIFE_S = 180;
/** Fewer samples in a part say nothing. */
const MIN_SAMPLES = 15;
const LIKE_WORK_CPU_S = 0.5;
const MIN_LIKE = 3;

export type Flatness =
  | { judged: false; why: string }
  | { judged: true; first: number; last: number; most: number; isFlat: boolean };

/** `lengthTotal`: of the soak, in the unit of `at`. */
export function flatnessOf(samples: readonly FlatSample[], lengthTotal: number, limit: FlatnessLimit): Flatness {
  const warm = samples.filter(({ ageS }) => ageS >= WARM_AFTER_S);
  const beginAt = WARM_SHARE * lengthTotal;
  const third = (lengthTotal - beginAt) / 3;
  const between = (from: number, to: number) => warm.filter(({ at }) => at >= from && at < to);
  const first = between(beginAt, beginAt + third);
  const last = between(lengthTotal - third, Number.POSITIVE_INFINITY);
  return compared(...ofLikeWork(first, last, limit.grownAfterCpuS ?? 0), limit);
}

/** The last ones that have done as much as some of the first, and for each of them the median of these. */
function ofLikeWork(
  first: FlatSample[],
  last: FlatSample[],
  grownAfterCpuS: number,
): [first: number[], last: number[]] {
  if (first.length < MIN_SAMPLES) return [[], []];
  const work = ({ cpuS }: FlatSample) => Math.floor(Math.min(cpuS, grownAfterCpuS) / LIKE_WORK_CPU_S);
  const before = new Map<number, number[]>(first.map((one) => [work(one), []]));
  for (const one of first) before.get(work(one))?.push(one.value);
  const medians = new Map(
    [...before].flatMap(([done, all]) => (all.length < MIN_LIKE ? [] : [[done, median(all)] as const])),
  );
  const like = last.flatMap((one) => {
    const held = medians.get(work(one));
    return held === undefined ? [] : [{ first: held, last: one.value }];
  });
  return [like.map((one) => one.first), like.map((one) => one.last)];
}

/** The same of the longest life alone; samples are in the order of time. */
export function flatnessOfLongestLife(samples: readonly FlatSample[], limit: FlatnessLimit): Flatness {
  const lives: FlatSample[][] = [];
  let lastAgeS = Number.POSITIVE_INFINITY;
  for (const sample of samples) {
    if (sample.ageS < lastAgeS) lives.push([]);
    lives.at(-1)?.push(sample);
    lastAgeS = sample.ageS;
  }
  const longest = lives.reduce<FlatSample[]>((best, life) => (lengthOf(life) > lengthOf(best) ? life : best), []);
  const lengthS = lengthOf(longest);
  if (lengthS < MIN_LIFE_S) return { judged: false, why: 'too short to tell' };
  const between = (from: number, to: number): number[] =>
    longest.filter(({ ageS }) => ageS >= from * lengthS && ageS < to * lengthS).map(({ value }) => value);
  return compared(between(0.5, 0.75), between(0.75, Number.POSITIVE_INFINITY), limit);
}

function lengthOf(life: readonly FlatSample[]): number {
  return life.at(-1)?.ageS ?? 0;
}

function compared(first: readonly number[], last: readonly number[], limit: FlatnessLimit): Flatness {
  if (Math.min(first.length, last.length) < MIN_SAMPLES) return { judged: false, why: 'too short to tell' };
  const most = limit.factor * median(first) + limit.plus;
  return { judged: true, first: median(first), last: median(last), most, isFlat: median(last) <= most };
}
