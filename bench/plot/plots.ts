/** The plots that are made from the benchmark's figures: which bars and lines, in which words. */
import type { ToldFigure } from '../results.js';
import type { FigurePoint, Target } from '../row.js';
import { timesBetter } from '../summary.js';
import { type Bar, barPlot } from './bar-plot.js';
import { linePlot, type PlotLine } from './line-plot.js';

export interface PlotFile {
  /** From the repository's root. */
  file: string;
  text: string;
  /** What it shows, for the page it is shown on. */
  alt: string;
}

const FOLDER = 'docs/plots';

/** All of them, those left out for which nothing was measured. */
export function plotsOf(told: readonly ToldFigure[]): PlotFile[] {
  return [...ratioPlot(told), ...targetPlot(told), ...backlogPlot(told)];
}

/** Ours against each peer, so that more is always better: peer ÷ ours for times, bytes and memory. */
function ratioPlot(told: readonly ToldFigure[]): PlotFile[] {
  const bars = told.flatMap(({ figure, peer, ratio, verdicts }): Bar[] => {
    // Nothing is any number of times better than nothing.
    if (ratio === undefined || peer === undefined || ratio <= 0 || !Number.isFinite(ratio)) return [];
    const better = (value: number) => timesBetter(figure.unit, value);
    const limits = verdicts.flatMap(({ target }) => limitOf(target, peer));
    const target = hardest(limits.map((limit) => better(limit / peer)));
    const met = verdicts.every((verdict) => verdict.met !== false);
    const bar: Bar = { label: figure.key, note: `against ${figure.peer ?? 'its peer'}`, value: better(ratio), met };
    return [target === undefined ? bar : { ...bar, target }];
  });
  if (bars.length === 0) return [];
  const description = `${inWords(bars)} The black mark is the target.`;
  const axis = 'times better than the peer in the same run (to the right of 1: ours is ahead); the mark is the target';
  return [
    plotFile(
      'ratios',
      'Ours against each peer, more is better',
      barPlot({ title: 'Against peers', description, axis, bars }),
    ),
  ];
}

/** Each figure with a limit of its own against it: 2 is twice as good as it has to be. */
function targetPlot(told: readonly ToldFigure[]): PlotFile[] {
  const bars = told.flatMap(({ figure, ours, verdicts }): Bar[] => {
    const own = verdicts.find(({ target }) => target.limit(undefined) !== undefined);
    const limit = own?.target.limit(undefined);
    if (!own || limit === undefined || ours === undefined || ours <= 0) return [];
    const value = own.target.kind === 'atLeast' ? ours / limit : limit / ours;
    const { text } = own.target;
    return [
      { label: figure.key, note: `${figure.what}, ${text} ${figure.unit}`, value, met: own.met !== false, target: 1 },
    ];
  });
  if (bars.length === 0) return [];
  const axis = 'times better than the limit (to the right of 1: kept)';
  return [
    plotFile(
      'targets',
      'Ours against each limit, more is better',
      barPlot({ title: 'Against the limits', description: inWords(bars), axis, bars }),
    ),
  ];
}

function backlogPlot(told: readonly ToldFigure[]): PlotFile[] {
  const points = told.flatMap(({ figure, ours, peer }) => [
    ...pointOf(figure.point, ours),
    ...pointOf(figure.peerPoint, peer),
  ]);
  if (points.length === 0) return [];
  const names = [...new Set(points.map(({ name }) => name))];
  const lines: PlotLine[] = names.map((name) => ({
    name,
    points: points.filter((one) => one.name === name).sort((a, b) => a.x - b.x),
  }));
  const text = linePlot({
    title: 'Cost as the backlog grows',
    description: lines
      .map(
        ({ name, points: of }) =>
          `${name}: ${of.map(({ x, y }) => `${whole(y)} documents/s at ${whole(x)}`).join(', ')}.`,
      )
      .join(' '),
    x: { label: 'documents pending', kind: 'log' },
    y: { label: 'documents drained per second', kind: 'linear', including: [0] },
    lines,
    dots: true,
  });
  return [plotFile('backlog', 'What a larger backlog costs', text)];
}

function pointOf(point: FigurePoint | undefined, y: number | undefined): { name: string; x: number; y: number }[] {
  return point === undefined || y === undefined ? [] : [{ name: point.line, x: point.x, y }];
}

function limitOf(target: Target, peer: number): number[] {
  const limit = target.limit(peer);
  return limit === undefined ? [] : [limit];
}

function hardest(limits: readonly number[]): number | undefined {
  return limits.length === 0 ? undefined : Math.max(...limits);
}

function inWords(bars: readonly Bar[]): string {
  return bars
    .map(({ label, value }) => `${label}: ${value.toLocaleString('en-US', { maximumSignificantDigits: 3 })} times.`)
    .join(' ');
}

function whole(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** A plot in the folder of plots. */
export function plotFile(name: string, alt: string, text: string): PlotFile {
  return { file: `${FOLDER}/${name}.svg`, alt, text };
}
