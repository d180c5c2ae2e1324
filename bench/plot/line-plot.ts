/** Lines over a common x axis: what grows with time, or with size. */
import { type ScaleKind, scaleOf, tickText } from './scale.js';
import { element, LINE_KINDS, line, picture, textAt } from './svg.js';

export interface Axis {
  label: string;
  kind: ScaleKind;
  /** Values the axis is to have room for besides the points', such as 0. */
  including?: readonly number[];
}

export interface PlotLine {
  name: string;
  points: readonly { x: number; y: number }[];
}

export interface LinePlot {
  title: string;
  description: string;
  x: Axis;
  y: Axis;
  lines: readonly PlotLine[];
  /** A limit the lines are held against. */
  limit?: { name: string; y: number };
  /** Dots at the points: for a few that were measured each, not for a series. */
  dots?: boolean;
}

const WIDTH = 860;
const PLOT = { left: 88, right: WIDTH - 24, height: 300 };
const LEGEND_ROW = 20;

/** The SVG file. */
export function linePlot({ title, description, x, y, lines, limit, dots = false }: LinePlot): string {
  const top = 44 + LEGEND_ROW * (lines.length + (limit ? 1 : 0));
  const bottom = top + PLOT.height;
  const points = lines.flatMap((one) => one.points);
  const limits = limit ? [limit.y] : [];
  const across = scaleOf(x.kind, [...points.map((point) => point.x), ...(x.including ?? [])], PLOT.left, PLOT.right);
  const upwards = scaleOf(y.kind, [...points.map((point) => point.y), ...(y.including ?? []), ...limits], bottom, top);
  const parts = [
    ...across.ticks.map((tick) => line(across.at(tick), top, across.at(tick), bottom, 'grid')),
    ...upwards.ticks.map((tick) => line(PLOT.left, upwards.at(tick), PLOT.right, upwards.at(tick), 'grid')),
    ...across.ticks.map((tick) => tickAt(across.at(tick), bottom + 18, tick, 'middle')),
    ...upwards.ticks.map((tick) => tickAt(PLOT.left - 8, upwards.at(tick) + 4, tick, 'end')),
    textAt((PLOT.left + PLOT.right) / 2, bottom + 40, x.label, { class: 'dim', 'text-anchor': 'middle' }),
    textAt(16, (top + bottom) / 2, y.label, {
      ...{ class: 'dim', 'text-anchor': 'middle', transform: `rotate(-90 16 ${(top + bottom) / 2})` },
    }),
    ...lines.flatMap(({ name }, i) => legend(i, name, `line c${i % LINE_KINDS}`)),
    ...(limit ? legend(lines.length, limit.name, 'target') : []),
    ...(limit ? [line(PLOT.left, upwards.at(limit.y), PLOT.right, upwards.at(limit.y), 'target')] : []),
    ...lines.map((one, i) =>
      element('polyline', {
        points: one.points.map((point) => `${pixel(across.at(point.x))},${pixel(upwards.at(point.y))}`).join(' '),
        class: `line c${i % LINE_KINDS}`,
      }),
    ),
    ...lines.flatMap((one, i) =>
      one.points
        .filter(() => dots || one.points.length === 1)
        .map((point) =>
          element('circle', { cx: across.at(point.x), cy: upwards.at(point.y), r: 4, class: `f${i % LINE_KINDS}` }),
        ),
    ),
  ];
  return picture({ width: WIDTH, height: bottom + 56, title, description }, parts);
}

function legend(row: number, name: string, kind: string): string[] {
  const y = 48 + row * LEGEND_ROW;
  return [line(16, y, 48, y, kind), textAt(56, y + 4, name)];
}

function tickAt(x: number, y: number, tick: number, anchor: string): string {
  return textAt(x, y, tickText(tick), { class: 'dim', 'text-anchor': anchor });
}

function pixel(value: number): string {
  return (Math.round(value * 10) / 10).toString();
}
