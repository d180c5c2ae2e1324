/** The figures as tables, for a terminal and for the documentation. */
import { machineText } from './machine.js';
import type { ComponentShare, FunctionShare } from './profile/components.js';
import { dayOf, type Sitting, type ToldFigure } from './results.js';
import { figuresBehind, figuresMissed, timesBetter } from './summary.js';

/** Shrunk figures are told without verdicts. */
export interface TableOptions {
  small?: boolean;
}

interface Cell {
  text: string;
  /** What links to the documentation's figure lead to. */
  anchor?: string;
}

const HEAD: readonly Cell[] = ['figure', 'what', 'ours', 'peer', 'ratio', 'target', 'met'].map((text) => ({ text }));
/** Columns of numbers stand to the right. */
const RIGHT = [2, 3, 4];

/** A table of aligned columns. */
export function textTable(figures: readonly ToldFigure[], { small = false }: TableOptions = {}): string {
  const [head = [], ...lines] = [HEAD, ...figures.flatMap((figure) => linesOf(figure, '', small))].map((line) =>
    line.map(({ text }) => text),
  );
  return aligned([head, ...lines], RIGHT);
}

/** The same as Markdown; figures of a later group of sittings than the first are marked with the group's letter. */
export function markdownTable(figures: readonly ToldFigure[], groups: readonly Sitting[][]): string {
  const rule = HEAD.map((_, column) => (RIGHT.includes(column) ? '---:' : '---'));
  const lines = figures.flatMap((figure) => linesOf(figure, markOf(figure.sitting, groups), false));
  const drawn = [HEAD, ...lines].map((line) =>
    line.map(({ text, anchor }) => (anchor === undefined ? text : `<a id="${anchor}"></a>${text}`)),
  );
  const [head = [], ...rest] = drawn;
  return [head, rule, ...rest].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** The figures in which a peer is ahead: by how much, and why. */
export function behindTable(told: readonly ToldFigure[]): string {
  const lines = figuresBehind(told).map(({ figure, ratio = 1 }) => {
    const { key, peer, unit, behind = '' } = figure;
    const times = shown(1 / timesBetter(unit, ratio), 2);
    return `| \`${key}\` | ${peer ?? ''} | ${times} × | ${behind} |`;
  });
  if (lines.length === 0) return 'None.';
  return ['| figure | peer | ahead | why |', '| --- | --- | ---: | --- |', ...lines].join('\n');
}

/** The figures that miss a limit, and why. */
export function missedTable(told: readonly ToldFigure[]): string {
  const lines = figuresMissed(told).map(({ figure, ours, verdicts }) => {
    const { key, unit, digits, missed = '' } = figure;
    const limits = verdicts.filter(({ met }) => met === false).map(({ target }) => target.text);
    return `| \`${key}\` | ${shown(ours ?? 0, digits)} ${unit} | ${limits.join(', ')} | ${missed} |`;
  });
  if (lines.length === 0) return 'None.';
  return ['| figure | ours | limit | why, and what was tried |', '| --- | ---: | --- | --- |', ...lines].join('\n');
}

/** What each group of sittings was measured on, the first without a mark. */
export function groupsText(groups: readonly Sitting[][]): string {
  return groups
    .map((group, index) => `${index === 0 ? '' : `${letterOf(index)} `}${sittingText(group)}.`)
    .map((text) => (text.startsWith('(') ? `- ${text}` : text))
    .join('\n')
    .replace('\n- ', '\n\nFigures marked with a letter are of another sitting:\n\n- ');
}

/** Day, version, runs and machine of sittings that are alike. */
export function sittingText(group: readonly Sitting[]): string {
  const [first] = group;
  if (!first) return 'nothing was measured';
  const runs = first.runs === 1 ? 'one run' : `medians of ${first.runs} runs`;
  const machine = machineText(group.map((sitting) => sitting.machine));
  return `solar-sync ${first.version}, ${dayOf(first)}, ${runs}. ${machine}`;
}

/** Where the time of one program went, the largest first. */
export function profileTable(components: readonly ComponentShare[], kind: 'text' | 'markdown'): string {
  const head = ['component', 'seconds', 'share'];
  const lines = components.map(({ name, seconds, share }) => [
    ...[name, seconds.toFixed(2), `${(share * 100).toFixed(1)} %`],
  ]);
  if (kind === 'text') return aligned([head, ...lines], [1, 2]);
  return [head, ['---', '---:', '---:'], ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** The largest functions in a sentence. */
export function functionsText(functions: readonly FunctionShare[]): string {
  const told = functions.map(({ name, share }) => `\`${name}\` ${(share * 100).toFixed(1)} %`);
  return `Most in themselves: ${told.join(', ')}.`;
}

/** A figure's value as tables and prose show it. */
export function shown(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** One line for each target of a figure, and one for a figure without. */
function linesOf(told: ToldFigure, mark: string, small: boolean): Cell[][] {
  const { figure, ours, peer, ratio, verdicts } = told;
  const { key, digits, unit } = figure;
  const value = (one: number | undefined) => (one === undefined ? '–' : `${shown(one, digits)} ${unit}`);
  const what = figure.peer === undefined ? figure.what : `${figure.what}; peer: ${figure.peer}`;
  const facts: Cell[] = [
    { text: `\`${key}\`${mark}`, anchor: key },
    { text: what },
    { text: ours === undefined ? 'not measured' : value(ours) },
    { text: value(peer), ...(peer === undefined ? {} : { anchor: `${key}-peer` }) },
    { text: ratio === undefined ? '–' : shown(ratio, 2) },
  ];
  if (verdicts.length === 0) return [[...facts, { text: '–' }, { text: '–' }]];
  return verdicts.map(({ target, met }, i) => {
    const verdict = small || met === undefined ? '–' : met ? 'yes' : 'NO';
    const first = i === 0 ? facts : facts.map(() => ({ text: '' }));
    return [...first, { text: target.text }, { text: verdict }];
  });
}

function markOf(sitting: Sitting | undefined, groups: readonly Sitting[][]): string {
  const index = groups.findIndex((group) => group.some(({ id }) => id === sitting?.id));
  return index <= 0 ? '' : ` ${letterOf(index)}`;
}

function letterOf(index: number): string {
  return `(${String.fromCharCode(96 + index)})`;
}

function aligned(table: readonly string[][], right: readonly number[]): string {
  const [head = [], ...lines] = table;
  const widths = head.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  return [head, widths.map((width) => '-'.repeat(width)), ...lines]
    .map((line) =>
      line
        .map((cell, column) =>
          right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
