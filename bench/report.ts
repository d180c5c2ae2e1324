/** The figures as a table for a terminal or for the documentation, and as JSON. */
import { type Machine, machineText } from './machine.js';
import type { FigureSummary } from './summary.js';

export interface Report {
  /** Day of the measurement, `2026-01-05`. */
  date: string;
  version: string;
  machine: Machine;
  runs: number;
  /** Shrunk: targets are not judged. */
  small: boolean;
  figures: readonly FigureSummary[];
}

const HEAD = ['what', 'ours', 'peer', 'ratio', 'target', 'met'];
/** Columns of numbers stand to the right. */
const RIGHT = [1, 2, 3];

/** A table of aligned columns, with the machine above it. */
export function textReport(report: Report): string {
  const [head = [], ...lines] = cells(report);
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => line[column]?.length ?? 0)));
  const drawn = [head, widths.map((width) => '-'.repeat(width)), ...lines].map((line) =>
    line
      .map((cell, column) =>
        RIGHT.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return [titleOf(report), '', ...drawn].join('\n');
}

/** The same as Markdown. */
export function markdownReport(report: Report): string {
  const [head = [], ...lines] = cells(report);
  const rule = head.map((_, column) => (RIGHT.includes(column) ? '---:' : '---'));
  return [titleOf(report), '', ...[head, rule, ...lines].map((line) => `| ${line.join(' | ')} |`)].join('\n');
}

/** Everything, each run's figures included. */
export function jsonReport({ figures, ...facts }: Report): string {
  const told = figures.map(({ figure, runs, ours, peer, ratio, verdicts }) => ({
    key: figure.key,
    what: figure.what,
    peerIs: figure.peer,
    unit: figure.unit,
    ours,
    peer,
    ratio,
    targets: verdicts.map(({ target, met }) => ({ target: target.text, met: facts.small ? undefined : met })),
    runs: runs.map((run) => ({ ours: run.ours, peer: run.peer })),
  }));
  return JSON.stringify({ ...facts, figures: told }, undefined, 2);
}

function titleOf({ date, version, machine, runs, small }: Report): string {
  const kind = small
    ? 'small sizes, which say nothing about targets'
    : `medians of ${runs} run${runs === 1 ? '' : 's'}`;
  return `solar-sync ${version}, ${date}, ${kind}. ${machineText(machine)}.`;
}

/** One line for each target of a figure, and one for a figure without. */
function cells({ figures, small }: Report): string[][] {
  const lines = figures.flatMap((summary) => {
    const { figure, ours, peer, ratio, verdicts } = summary;
    const told = (value: number | undefined) =>
      value === undefined ? '–' : `${shown(value, figure.digits)} ${figure.unit}`;
    const what = figure.peer === undefined ? figure.what : `${figure.what}; peer: ${figure.peer}`;
    const facts = [what, ours === undefined ? 'not measured' : told(ours), told(peer)];
    const share = ratio === undefined ? '–' : shown(ratio, 2);
    if (verdicts.length === 0) return [[...facts, share, '–', '–']];
    return verdicts.map(({ target, met }, i) => {
      const verdict = small || met === undefined ? '–' : met ? 'yes' : 'NO';
      const first = i === 0 ? [...facts, share] : ['', '', '', ''];
      return [...first, target.text, verdict];
    });
  });
  return [HEAD, ...lines];
}

function shown(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
