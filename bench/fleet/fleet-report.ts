/** The figures of a fleet as a table for a terminal or for the documentation, and as JSON. */
import { type Machine, machineText } from '../machine.js';
import { median, percentile } from '../support/statistics.js';
import { type FleetSize, factorOf, spreadS } from './fleet-plan.js';
import type { LatencyFigures } from './request-log.js';
import type { ScenarioResult } from './scenario.js';

export interface FleetReport {
  /** Day of the measurement, `2026-01-05`. */
  date: string;
  version: string;
  machine: Machine;
  size: FleetSize;
  /** What was before the gateways, in words. */
  store: string;
  seed: number;
  results: readonly ScenarioResult[];
}

type Line = [what: string, told: (result: ScenarioResult, size: FleetSize) => string];

const LINES: readonly Line[] = [
  ['until the last village was done', ({ wallS }) => `${shown(wallS, 1)} s`],
  ['documents a second, overall', ({ documents, wallS }) => shown(documents / wallS)],
  ['requests a second of the light villages', ({ requests, wallS }) => shown(requests / wallS)],
  ['time to finish of a light village: median, p95, p99, slowest', ({ finishedS }) => finishText(finishedS)],
  ['the same: slowest ÷ median', ({ finishedS }) => shown((finishedS.at(-1) ?? 0) / median(finishedS), 2)],
  ['the same of the nodes, CronJob to exit: median, slowest', edgesText],
  ['any request: p50, p99, p99.9, longest', ({ latency }) => latencyText(latency)],
  ['a batch (`_bulk_docs`): p50, p99, p99.9, longest', ({ batchLatency }) => latencyText(batchLatency)],
  ['answers', ({ answers }) => answersText(answers)],
  ['gateway memory, peak, each', ({ gateways }) => gateways.map(({ peakMiB }) => `${shown(peakMiB)} MiB`).join(', ')],
  [
    'gateway processor time, each',
    ({ gateways }) => gateways.map(({ processorS }) => `${shown(processorS, 1)} s`).join(', '),
  ],
  ['CouchDB on disk: file a document, of it active, indexes', diskText],
  ['load generator: processor, its timers late (p99)', generatorText],
  [
    'broken on purpose',
    ({ broken }) => (broken ? `${broken.what}, ${shown(broken.fromS)}–${shown(broken.toS)} s` : '–'),
  ],
  [
    '**documents sent = held**',
    ({ count }) => `${shown(count.sent)} ${isWhole(count) ? '=' : '≠'} ${shown(count.held)}`,
  ],
];

/** True when nothing is missing, nothing differs and nobody failed. */
export function isWhole({ sent, held, problems }: ScenarioResult['count']): boolean {
  return sent === held && problems.length === 0;
}

/** A block for each scenario. */
export function textReport(report: FleetReport): string {
  const width = Math.max(...LINES.map(([what]) => what.length));
  const blocks = report.results.map((result) => {
    const lines = LINES.map(
      ([what, told]) => `  ${what.replaceAll('**', '').padEnd(width)}  ${told(result, report.size)}`,
    );
    return [result.scenario.title, ...lines].join('\n');
  });
  return [titleOf(report), ...blocks].join('\n\n');
}

/** A table with a column for each scenario. */
export function markdownReport(report: FleetReport): string {
  const { results, size } = report;
  const head = ['', ...results.map(({ scenario }) => scenario.title)];
  const lines = LINES.map(([what, told]) => [what, ...results.map((result) => told(result, size))]);
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [titleOf(report), '', ...[head, rule, ...lines].map((line) => `| ${line.join(' | ')} |`)].join('\n');
}

/** Everything, with the series to plot. */
export function jsonReport(report: FleetReport): string {
  const { size } = report;
  const hour = { factor: factorOf(size), spreadS: spreadS(size) };
  return JSON.stringify({ ...report, hour }, undefined, 1);
}

function titleOf({ date, version, machine, size, store, seed }: FleetReport): string {
  const factor = factorOf(size);
  return (
    `solar-sync ${version}, ${date}. ${shown(size.villages)} light villages and ${shown(size.edges)} nodes with ` +
    `${shown(size.readings)} readings each, before ${store}; the hour takes ${shown(size.hourS)} s ` +
    `(${shown(factor, factor % 1 === 0 ? 0 : 1)} times as dense), jitter spreads over ${shown(spreadS(size), 1)} s; ` +
    `seed ${seed}. ${machineText([machine])}.`
  );
}

function finishText(finishedS: readonly number[]): string {
  const values = [0.5, 0.95, 0.99, 1].map((share) => shown(percentile(finishedS, share), 1));
  return `${values.join(', ')} s`;
}

function edgesText({ edgesFinishedS, edgeTries }: ScenarioResult): string {
  if (edgesFinishedS.length === 0) return '–';
  const again = edgeTries.filter((tries) => tries > 1).length;
  const tried = again === 0 ? '' : ` (${again} needed another try)`;
  return `${shown(median(edgesFinishedS), 1)}, ${shown(edgesFinishedS.at(-1) ?? 0, 1)} s${tried}`;
}

function latencyText({ p50Ms, p99Ms, p999Ms, longestMs }: LatencyFigures): string {
  return `${[p50Ms, p99Ms, p999Ms, longestMs].map((ms) => shown(ms)).join(', ')} ms`;
}

function answersText(answers: Record<string, number>): string {
  return Object.entries(answers)
    .map(([answer, times]) => `${answer}: ${shown(times)}`)
    .join(', ');
}

function diskText({ disk, documents }: ScenarioResult): string {
  if (!disk) return '–';
  const each = (bytes: number) => shown(bytes / documents);
  const total = shown((disk.fileBytes + disk.indexBytes) / 1024 / 1024);
  return `${each(disk.fileBytes)}, ${each(disk.activeBytes)}, ${each(disk.indexBytes)} bytes; ${total} MiB in all`;
}

function generatorText({ generator, wallS }: ScenarioResult): string {
  const { processorS, p99LateMs } = generator;
  return `${shown((processorS / wallS) * 100)} % of a core, ${shown(p99LateMs)} ms`;
}

function shown(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
