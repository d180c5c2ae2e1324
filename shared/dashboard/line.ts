/** A measured quantity as a line to draw: what is missing is a hole, neither a line nor a zero. Pure. */

export interface Point {
  atMs: number;
  value: number;
}

export interface Gap {
  fromMs: number;
  toMs: number;
}

/** A line in pieces, and the holes between, before and behind them. */
export interface Line {
  runs: Point[][];
  gaps: Gap[];
}

const HOUR_MS = 3_600_000;
const SHORTEST_GAP_MS = 120_000;
/** What is missing for three times the usual interval is missing, and what is missing for `longestMs` in any case. */
const INTERVALS = 3;

/** `points` in order of time. */
export function lineOf(points: readonly Point[], fromMs: number, toMs: number, longestMs = HOUR_MS): Line {
  const allowedMs = allowedStep(points, longestMs);
  const runs: Point[][] = [];
  const gaps: Gap[] = [];
  let beforeMs = fromMs;
  for (const point of points) {
    const run = runs.at(-1);
    if (run && point.atMs - beforeMs < allowedMs) run.push(point);
    else {
      if (point.atMs - beforeMs >= allowedMs) gaps.push({ fromMs: beforeMs, toMs: point.atMs });
      runs.push([point]);
    }
    beforeMs = point.atMs;
  }
  if (toMs - beforeMs >= allowedMs) gaps.push({ fromMs: beforeMs, toMs });
  return { runs, gaps };
}

function allowedStep(points: readonly Point[], longestMs: number): number {
  const steps = points.slice(1).map(({ atMs }, index) => atMs - (points[index]?.atMs ?? atMs));
  const median = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? longestMs;
  return Math.min(longestMs, Math.max(SHORTEST_GAP_MS, INTERVALS * median));
}

/** The same line with the lowest and the highest point of each of `slots` parts of the time: what can be seen of it. */
export function thinned({ runs, gaps }: Line, fromMs: number, toMs: number, slots: number): Line {
  const slotMs = (toMs - fromMs) / slots;
  const slotOf = ({ atMs }: Point) => Math.floor((atMs - fromMs) / slotMs);
  return { runs: runs.map((run) => (run.length <= 2 * slots ? run : extremes(run, slotOf))), gaps };
}

function extremes(run: readonly Point[], slotOf: (point: Point) => number): Point[] {
  const kept: Point[] = [];
  let low: Point | undefined;
  let high: Point | undefined;
  const keep = () => {
    if (!low || !high) return;
    kept.push(...(low === high ? [low] : low.atMs < high.atMs ? [low, high] : [high, low]));
  };
  let slot: number | undefined;
  for (const point of run) {
    if (slotOf(point) !== slot) {
      keep();
      slot = slotOf(point);
      low = point;
      high = point;
    }
    if (!low || point.value < low.value) low = point;
    if (!high || point.value > high.value) high = point;
  }
  keep();
  return kept;
}
