/** A day, and a whole soak, in words for people. */
import { count } from '../../sim/wording.js';
import type { Flatness } from './flatness.js';
import type { HeldDocuments } from './held-documents.js';
import type { DayPlan, Moment } from './schedule.js';
import { HOUR_MS } from './soak-clock.js';
import type { SoakResult } from './soak-result.js';
import type { SoakSite } from './soak-site.js';
import type { Look } from './watch.js';
import type { ProgramWear } from './wear.js';

export interface DayFacts {
  site: Pick<SoakSite, 'logs'>;
  held: Pick<HeldDocuments, 'acknowledged' | 'held'>;
  look: Look | undefined;
}

export function dayLine({ day, moments }: DayPlan, { site, held, look }: DayFacts): string {
  const { edge, centre } = site.logs;
  return [
    `day ${String(day + 1).padStart(2)}`,
    `${count(held.acknowledged)} acknowledged, ${count(held.held)} at the centre with the node's events`,
    moments.flatMap((moment) => wordsOf(moment, moments)).join(', '),
    `node ${look?.edgeMiB ?? '?'} MiB, ${look?.edgeHandles ?? '?'} handles, ${look?.edgeDiskMb ?? '?'} MB on disk`,
    `centre ${look?.centreMiB ?? '?'} MiB, ${look?.centreHandles ?? '?'} handles`,
    `warnings ${edge.warnings} + ${centre.warnings}`,
  ].join('; ');
}

function wordsOf(moment: Moment, all: readonly Moment[]): string[] {
  const lasts = (until: Moment['kind']): string => {
    const end = all.find(({ kind }) => kind === until);
    return end ? `${((end.atMs - moment.atMs) / HOUR_MS).toFixed(1)} h` : '';
  };
  switch (moment.kind) {
    case 'link broken':
      return [`link ${moment.how === 'cut' ? 'cut' : 'silent'} ${lasts('link mended')}`];
    case 'edge killed':
      return ['node killed'];
    case 'centre killed':
      return ['centre killed'];
    case 'clock stepped':
      return [
        `clock ${moment.byMs > 0 ? '+' : ''}${(moment.byMs / HOUR_MS).toFixed(1)} h for ${lasts('clock set right')}`,
      ];
    case 'disk filled':
      return [`${moment.how} full ${lasts('disk freed')}`];
    case 'import':
      return [`${moment.again ? 'a file again' : `import of ${count(moment.documents)}`}`];
    default:
      return [];
  }
}

/** What is told at the end, line by line. */
export function summaryLines(result: SoakResult): string[] {
  const { acknowledged, held, nodes, forcedRuns, segmentsDeleted, edits, retries, wear, problems, seed } = result;
  const { edge, centre, soak } = wear.cores;
  return [
    `acknowledged ${count(acknowledged)}, at the centre ${count(held)} with the node's events; ` +
      `requests made again ${count(retries)}; edits of the registry ${edits.edge} + ${edits.centre}`,
    ...nodes.map((one) => `node ${one.node}: numbers 1 to ${count(one.highest)}, of which void ${count(one.void)}`),
    `forced runs that succeeded ${forcedRuns}, segments deleted ${segmentsDeleted}`,
    ...programLines('node', wear.edge),
    ...programLines('centre', wear.centre),
    `node: disk ${flat(wear.edgeDiskMb, 'MB')}`,
    `cores in use: node ${edge.toFixed(2)}, centre ${centre.toFixed(2)}, the soak itself ${soak.toFixed(2)}`,
    ...problems.map((problem) => `! ${problem}`),
    problems.length === 0
      ? `Nothing was lost, no number was given twice; ${isWhole(wear) ? 'everything is flat' : 'too short to tell whether everything is flat'}.`
      : `FAILED; --seed ${seed} plays the same days again.`,
  ];
}

function flat(one: Flatness, unit = ''): string {
  if (!one.judged) return one.why;
  const figure = (value: number): string => `${value.toFixed(1)}${unit && ` ${unit}`}`;
  return `${figure(one.first)}, then ${figure(one.last)} (limit ${figure(one.most)})`;
}

function programLines(name: string, { memory, handles, lifeMemory, lifeHandles }: ProgramWear): string[] {
  return [
    `${name}: memory ${flat(memory, 'MiB')}; handles ${flat(handles)}`,
    `${name}, longest life: memory ${flat(lifeMemory, 'MiB')}; handles ${flat(lifeHandles)}`,
  ];
}

function isWhole({ edge, centre, edgeDiskMb }: SoakResult['wear']): boolean {
  return [...Object.values(edge), ...Object.values(centre), edgeDiskMb].every((one: Flatness) => one.judged);
}
