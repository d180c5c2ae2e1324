/** A soak as its part of docs/benchmarks.md: what it came to, and what was seen of both programs day by day. */
import { type Machine, machineText } from '../../bench/machine.js';
import { type LinePlot, linePlot, type PlotLine } from '../../bench/plot/line-plot.js';
import { type PlotFile, plotFile } from '../../bench/plot/plots.js';
import { summaryLines } from './day-line.js';
import type { SoakResult } from './soak-result.js';
import type { Look } from './watch.js';

/** What `--json` writes. */
export interface SoakReport extends SoakResult {
  /** Day of the soak, `2026-01-05`. */
  date: string;
  version: string;
  machine: Machine;
}

/** A look a second is more than a picture can show; of so many the highest value is drawn. */
const MOST_POINTS = 480;

export function soakMarkdown(report: SoakReport): string {
  const { version, date, days, minutes, speed, seed, retentionDays, machine } = report;
  const head =
    `solar-sync ${version}, ${date}. ${days.toFixed(1)} days in ${minutes} minutes (${Math.round(speed)} times as fast), ` +
    `\`RETENTION_DAYS\` ${retentionDays}, seed ${seed}. ${machineText([machine])}.`;
  return [
    head,
    summaryLines(report)
      .map((line) => `- ${line}`)
      .join('\n'),
  ].join('\n\n');
}

export function plotsOfSoak({ looks }: Pick<SoakResult, 'looks'>): PlotFile[] {
  return [
    plot('soak-memory', 'Resident memory through weeks', 'MiB', [
      line('node', looks, ({ edgeMiB }) => edgeMiB),
      line('centre', looks, ({ centreMiB }) => centreMiB),
    ]),
    plot('soak-handles', 'Open handles through weeks', 'open files and connections', [
      line('node', looks, ({ edgeHandles }) => edgeHandles),
      line('centre', looks, ({ centreHandles }) => centreHandles),
    ]),
    plot('soak-disk', 'Disk through weeks', 'MB', [
      line('node', looks, ({ edgeDiskMb }) => edgeDiskMb),
      line('centre', looks, ({ centreDiskMb }) => centreDiskMb),
    ]),
    plot('soak-documents', 'Documents through weeks', 'documents', [
      line('acknowledged by the node', looks, ({ acknowledged }) => acknowledged),
      line("at the centre, the node's events among them", looks, ({ held }) => held),
      line('not delivered', looks, ({ pending }) => pending),
    ]),
  ];
}

function plot(name: string, title: string, unit: string, lines: readonly PlotLine[]): PlotFile {
  const drawn: LinePlot = {
    title,
    description: lines.map((one) => `${one.name}: ${inWords(one)}.`).join(' '),
    x: { label: 'days', kind: 'linear', including: [0] },
    y: { label: unit, kind: 'linear', including: [0] },
    lines,
  };
  return plotFile(name, title, linePlot(drawn));
}

function line(name: string, looks: readonly Look[], of: (look: Look) => number | null): PlotLine {
  const each = Math.ceil(looks.length / MOST_POINTS);
  const points: { x: number; y: number }[] = [];
  for (let from = 0; from < looks.length; from += each) {
    const values = looks.slice(from, from + each).flatMap((look) => of(look) ?? []);
    if (values.length > 0) points.push({ x: (looks[from]?.hour ?? 0) / 24, y: Math.max(...values) });
  }
  return { name, points };
}

function inWords({ points }: PlotLine): string {
  const values = points.map(({ y }) => y);
  const shown = (value: number) => Math.round(value).toLocaleString('en-US');
  return `from ${shown(values[0] ?? 0)} to ${shown(values.at(-1) ?? 0)}, at most ${shown(Math.max(0, ...values))}`;
}
