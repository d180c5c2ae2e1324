/** The hour after 2 AM as pictures: how documents come in, and when villages are done. */
import { linePlot, type PlotLine } from '../plot/line-plot.js';
import { type PlotFile, plotFile } from '../plot/plots.js';
import type { FleetReport } from './fleet-report.js';
import type { ScenarioResult } from './scenario.js';

const SECONDS = { label: 'seconds since 2 AM', kind: 'linear', including: [0] } as const;

/** Nothing where there is nothing to draw: without a CouchDB nobody counts by the second. */
export function plotsOfFleet({ results }: Pick<FleetReport, 'results'>): PlotFile[] {
  const held = linesOf(results, ({ series }) => series.held.map(([x, y]) => ({ x, y })));
  const done = linesOf(results, ({ finishedS }) =>
    finishedS.map((x, i) => ({ x, y: ((i + 1) / finishedS.length) * 100 })),
  );
  return [
    ...plot('fleet-held', 'Documents at the centre in the hour after 2 AM', held, {
      x: SECONDS,
      y: { label: 'documents CouchDB holds', kind: 'linear', including: [0] },
    }),
    ...plot('fleet-finished', 'How long the villages take', done, {
      x: { ...SECONDS, label: 'seconds since the village began' },
      y: { label: 'light villages that are done, %', kind: 'linear', including: [0, 100] },
    }),
  ];
}

function linesOf(
  results: readonly ScenarioResult[],
  pointsOf: (result: ScenarioResult) => { x: number; y: number }[],
): PlotLine[] {
  return results.flatMap((result) => {
    const points = pointsOf(result);
    return points.length === 0 ? [] : [{ name: result.scenario.title, points }];
  });
}

function plot(
  name: string,
  title: string,
  lines: readonly PlotLine[],
  axes: Pick<Parameters<typeof linePlot>[0], 'x' | 'y'>,
): PlotFile[] {
  if (lines.length === 0) return [];
  const ends = lines.map(({ name: line, points }) => {
    const last = points.at(-1) ?? { x: 0, y: 0 };
    return `${line}: ${Math.round(last.y).toLocaleString('en-US')} after ${last.x.toFixed(1)} s.`;
  });
  return [plotFile(name, title, linePlot({ title, description: ends.join(' '), ...axes, lines }))];
}
