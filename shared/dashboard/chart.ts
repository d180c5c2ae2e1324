/** Small charts as SVG; holes in the data are shaded. */
import { svg } from './elements.js';
import type { Gap, Line } from './line.js';

export interface ChartFrame {
  fromMs: number;
  toMs: number;
  /** Times of the axis. */
  ticksMs: readonly number[];
  /** What the chart says, for those who do not see it. */
  label: string;
  /** A value of the axis with its unit. */
  format: (value: number) => string;
  /** A time of the axis. */
  formatTime: (ms: number) => string;
  /** Of the drawing, in its own units, which are about pixels; 340 unless given. */
  width?: number;
}

export interface Bar {
  fromMs: number;
  toMs: number;
  /** From zero up, one on the other; undefined where there is nothing to tell: a hole. */
  parts: readonly { value: number; className: string }[] | undefined;
}

const WIDTH = 340;
const HEIGHT = 130;
const PLOT = { left: 8, top: 18, bottom: 112 };
/** Room for half a time at the right edge. */
const EDGE = 20;

export function lineChart({ runs, gaps }: Line, frame: ChartFrame): SVGElement {
  const { low, high } = rangeOf(runs);
  const x = horizontal(frame);
  const y = vertical(low, high);
  const curves = runs.map((run) => {
    const [first] = run;
    if (run.length === 1 && first) {
      return svg('circle', { class: 'dot', cx: x(first.atMs), cy: y(first.value), r: 1.8 });
    }
    const points = run.map(({ atMs, value }) => `${x(atMs)},${y(value)}`).join(' ');
    return svg('polyline', { class: 'curve', points });
  });
  return chart(frame, { low, high }, [...gaps.map((gap) => shade(gap, x)), ...curves]);
}

export function barChart(bars: readonly Bar[], frame: ChartFrame): SVGElement {
  const sumOf = ({ parts = [] }: Bar) => parts.reduce((sum, { value }) => sum + value, 0);
  const high = bars.reduce((most, bar) => Math.max(most, sumOf(bar)), 0);
  const x = horizontal(frame);
  const y = vertical(0, high);
  const drawn = bars.flatMap(({ fromMs, toMs, parts }) => {
    if (!parts) return [shade({ fromMs, toMs }, x)];
    const width = Math.max(0.5, round(x(toMs) - x(fromMs) - 1));
    let below = 0;
    return parts.map(({ value, className }) => {
      const top = y(below + value);
      const height = round(y(below) - top);
      below += value;
      return svg('rect', { class: className, x: x(fromMs), y: top, width, height });
    });
  });
  return chart(frame, { low: 0, high }, drawn);
}

function chart(frame: ChartFrame, { low, high }: { low: number; high: number }, drawn: SVGElement[]): SVGElement {
  const x = horizontal(frame);
  const y = vertical(low, high);
  const right = rightOf(frame);
  const zero = svg('line', { class: 'grid', x1: PLOT.left, x2: right, y1: y(0), y2: y(0) });
  const top = svg('line', { class: 'grid', x1: PLOT.left, x2: right, y1: PLOT.top, y2: PLOT.top });
  const most = svg('text', { x: PLOT.left, y: PLOT.top - 5 }, frame.format(high));
  const times = frame.ticksMs.map((ms) => {
    const anchor = x(ms) < PLOT.left + EDGE ? 'start' : x(ms) > right - EDGE ? 'end' : 'middle';
    return svg('text', { x: x(ms), y: HEIGHT - 4, 'text-anchor': anchor }, frame.formatTime(ms));
  });
  const { width = WIDTH, label } = frame;
  const attributes = { class: 'chart', viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': label };
  return svg('svg', attributes, top, zero, ...drawn, most, ...times);
}

function shade({ fromMs, toMs }: Gap, x: (ms: number) => number): SVGElement {
  const [left, right] = [x(fromMs), x(toMs)];
  const height = PLOT.bottom - PLOT.top;
  return svg('rect', { class: 'gap', x: left, y: PLOT.top, width: Math.max(0.5, round(right - left)), height });
}

/** Zero is always within it. */
function rangeOf(runs: Line['runs']): { low: number; high: number } {
  const range = { low: 0, high: 0 };
  for (const run of runs) {
    for (const { value } of run) {
      range.low = Math.min(range.low, value);
      range.high = Math.max(range.high, value);
    }
  }
  return range;
}

function rightOf({ width = WIDTH }: ChartFrame): number {
  return width - PLOT.left;
}

function horizontal(frame: ChartFrame): (ms: number) => number {
  const scale = (rightOf(frame) - PLOT.left) / (frame.toMs - frame.fromMs || 1);
  return (ms) => round(PLOT.left + (ms - frame.fromMs) * scale);
}

function vertical(low: number, high: number): (value: number) => number {
  const scale = (PLOT.bottom - PLOT.top) / (high - low || 1);
  return (value) => round(PLOT.bottom - (value - low) * scale);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
