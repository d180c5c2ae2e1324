/**
 * What the centre has of a village's numbers, and of those it has not, why: told by the node as void, lost, quarantined or
 * given up, not yet sent, or unexplained. Counted from the store's index and the nodes' own events at the time of asking.
 *
 * A number nobody has told of counts as not yet sent while it may still be on its way: newest data goes first, and a
 * backlog follows. It is unexplained once it was given more than `silentAfterHours` before the village's last document
 * came, since a forced run, which sends and proves everything, is due every day. While a village sends nothing, nothing of
 * it becomes unexplained. The node's own report says more, see `reported-numbers.ts`.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import { formatInstant } from '../../shared/time.js';
import type { NodeReport } from '../registry/node-report.js';
import type { CentralStore, NodeNumbers, NumberSpan } from '../store/contract.js';
import { MAX_NODES, type NodeTold, readTold, type ToldKind } from './accounted-numbers.js';
import { findGaps, type OpenGap } from './number-gaps.js';
import { gapBehind, reportOn, verdictOn } from './reported-numbers.js';

export type GapKind = ToldKind | 'notYetSent' | 'unexplained';

/** Numbers `from` to `to` that are not held. */
export interface NumberGap {
  from: number;
  to: number;
  kind: GapKind;
  /** Only where not all numbers from `from` to `to` are missing: so many of them. */
  missing?: number;
}

export type MissingCounts = Record<GapKind, number>;

export interface NodeView {
  node: string;
  /** Documents held. */
  held: number;
  /** The highest number held or told of. */
  highest: number;
  /** The highest the node has given, as it reported. */
  lastSeq?: number;
  missing: MissingCounts;
  /** In order of their numbers, the first hundred. */
  gaps: NumberGap[];
  /** Gaps that are not listed. */
  moreGaps?: number;
  /** The numbers below this one were not looked at, since the node told of too many spans; `missing` leaves them out. */
  lookedAtFrom?: number;
}

export interface NumbersView {
  held: number;
  missing: MissingCounts;
  nodes: NodeView[];
  /** Nodes that were not looked at, those with the fewest documents; `held` and `missing` leave them out. */
  moreNodes?: number;
  /** What was not looked at, in a sentence: what else is told here is not all there is. */
  partly?: string;
}

const MAX_GAPS = 100;
/** A village's own events must not make an answer endless: so many told spans of a node are looked at. */
const MAX_SPANS = 2_000;
/** That are named where not all of a village was looked at. */
const NAMED_NODES = 3;
/** Questions that look for gaps, of all nodes together. */
const MAX_COUNTS = 1_500;
const MS_PER_HOUR = 3_600_000;

export interface NumbersQuestion {
  village: string;
  /** When the village's last document came, by the centre's clock. */
  lastDocumentAt: string | undefined;
  report?: NodeReport | undefined;
  silentAfterHours: number;
}

/** A node, and all gaps of it. */
export interface LookedNode {
  view: NodeView;
  /** In order of their numbers. */
  gaps: readonly NumberGap[];
  told: NodeTold;
}

export interface LookedNumbers {
  numbers: NumbersView;
  nodes: readonly LookedNode[];
}

const NOTHING_TOLD: NodeTold = { spans: [], events: [], from: 1 };

export async function numbersOf(store: CentralStore, question: NumbersQuestion): Promise<NumbersView> {
  return (await lookAtNumbers(store, question)).numbers;
}

export async function lookAtNumbers(store: CentralStore, question: NumbersQuestion): Promise<LookedNumbers> {
  const { village, report } = question;
  const held = await store.numbers.nodes(village);
  const reported = report?.lastSeq ? [report.node] : [];
  const most = [...held].sort((a, b) => b.held - a.held).map(({ node }) => node);
  const first = [...new Set([...most, ...reported])].slice(0, MAX_NODES);
  const fold = await readTold(store.telemetry, village, first);
  const told = fold.told();
  const names = new Set([
    ...held.map(({ node }) => node),
    ...[...told].flatMap(([node, { spans, from }]) => (spans.length > 0 || from > 1 ? [node] : [])),
    ...reported,
    ...fold.others,
  ]);
  const byNode = new Map(held.map((one) => [one.node, one]));
  const known = [...names].sort().map((node) => byNode.get(node) ?? { node, held: 0, highest: 0 });
  const looked = known.filter(({ node }) => first.includes(node) || told.has(node));
  // All at once: a store that is far away takes as long for one question as for those of every node.
  const looks = await Promise.all(
    looked.map((one) => lookAtNode(store, question, one, told.get(one.node) ?? NOTHING_TOLD, looked.length)),
  );
  const nodes = looks.map(({ view }) => view);
  const missing = noneMissing();
  for (const one of nodes) for (const kind of kindsOf(missing)) missing[kind] += one.missing[kind];
  const more = known.length - nodes.length;
  const sum = nodes.reduce((total, one) => total + one.held, 0);
  const partly = partlyOf(nodes, more);
  const numbers: NumbersView = {
    ...{ held: sum, missing, nodes },
    ...(more > 0 ? { moreNodes: more } : {}),
    ...(partly === undefined ? {} : { partly }),
  };
  return { numbers, nodes: looks };
}

/** Which part of a village's numbers was not looked at; `undefined` where all were. */
function partlyOf(nodes: readonly NodeView[], moreNodes: number): string | undefined {
  const cut = nodes.flatMap(({ node, lookedAtFrom }) => (lookedAtFrom === undefined ? [] : [{ node, lookedAtFrom }]));
  const left = [
    ...cut.slice(0, NAMED_NODES).map(({ node, lookedAtFrom }) => `the numbers of ${node} below ${lookedAtFrom}`),
    ...(cut.length > NAMED_NODES ? [`low numbers of ${cut.length - NAMED_NODES} others`] : []),
    ...(moreNodes > 0 ? [moreNodes === 1 ? '1 node' : `${moreNodes} nodes`] : []),
  ];
  if (left.length === 0) return undefined;
  return `the village has or tells of more than is looked at; left out are ${left.join(', ')}`;
}

async function lookAtNode(
  store: CentralStore,
  question: NumbersQuestion,
  numbers: NodeNumbers,
  told: NodeTold,
  nodes: number,
): Promise<LookedNode> {
  const { village } = question;
  const { node, held } = numbers;
  const spans = told.spans.slice(-MAX_SPANS);
  const lowest = spans.length < told.spans.length ? (spans[0]?.from ?? 1) : told.from;
  const count = (asked: readonly NumberSpan[]) => store.numbers.counts(village, node, asked);
  const maxCounts = Math.floor(MAX_COUNTS / nodes);
  const { gaps: open, heldOfTold } = await findGaps(numbers.highest, spans, count, { lowest, maxCounts });
  const gaps = spans.flatMap(({ from, to, kind }, n) => gapOf(from, to, kind, to - from + 1 - (heldOfTold[n] ?? 0)));
  const highest = Math.max(numbers.highest, told.spans.at(-1)?.to ?? 0);
  const report = reportOn({ ...question, node, report: question.report });
  const behind = gapBehind(highest, report);
  const verdict = report && verdictOn([...open, ...behind], told.spans, report);
  const byAge = open.filter(({ to }) => !report || !verdict || to > report.lastSeq);
  const limit = limitOf(question);
  const oldCount = await countOld(byAge, (gap) =>
    wasGivenBefore(limit, gap, told, async () => (await store.numbers.besideGaps(village, node, [gap.to + 1]))[0]),
  );
  const kinds = new Map<OpenGap, GapKind>(byAge.map((gap, n) => [gap, n < oldCount ? 'unexplained' : 'notYetSent']));
  for (const gap of [...open, ...behind]) {
    gaps.push(...gapOf(gap.from, gap.to, kinds.get(gap) ?? verdict ?? 'notYetSent', gap.missing));
  }
  const missing = noneMissing();
  for (const { from, to, kind, missing: some } of gaps) missing[kind] += some ?? to - from + 1;
  gaps.sort((a, b) => a.from - b.from);
  const view: NodeView = {
    ...{ node, held, highest, missing },
    ...(report ? { lastSeq: report.lastSeq } : {}),
    gaps: gaps.slice(0, MAX_GAPS),
    ...(gaps.length > MAX_GAPS ? { moreGaps: gaps.length - MAX_GAPS } : {}),
    ...(lowest > 1 ? { lookedAtFrom: lowest } : {}),
  };
  return { view, gaps, told };
}

function gapOf(from: number, to: number, kind: GapKind, missing: number): NumberGap[] {
  if (missing <= 0) return [];
  return [{ from, to, kind, ...(missing === to - from + 1 ? {} : { missing }) }];
}

/** Numbers are given in their order: below a gap that is old all are. Found by halving. */
async function countOld(gaps: readonly OpenGap[], isOld: (gap: OpenGap) => Promise<boolean>): Promise<number> {
  let low = 0;
  let high = gaps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const gap = gaps[middle];
    if (gap && (await isOld(gap))) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Numbers given before this instant have had their forced run. */
function limitOf({ lastDocumentAt, silentAfterHours }: NumbersQuestion): string {
  if (lastDocumentAt === undefined) return '';
  return formatInstant(Date.parse(lastDocumentAt) - silentAfterHours * MS_PER_HOUR);
}

/**
 * True when the gap's numbers were given before `limit`: so it is when a later number was. The node's own events tell when
 * they were given. The document behind the gap may have been imported and be of any age: it counts unless it is older
 * than an event before it. What an unsure clock says counts for nothing.
 */
async function wasGivenBefore(
  limit: string,
  gap: OpenGap,
  { events }: NodeTold,
  readBehind: () => Promise<TelemetryDocument | undefined>,
): Promise<boolean> {
  const next = events.find(({ seq }) => seq > gap.to);
  if (next && next.at < limit) return true;
  const behind = await readBehind();
  if (!behind || behind.clock !== undefined || behind.at >= limit) return false;
  const before = events.findLast(({ seq }) => seq < gap.from);
  return before === undefined || behind.at >= before.at;
}

function noneMissing(): MissingCounts {
  return { lost: 0, quarantined: 0, released: 0, void: 0, notYetSent: 0, unexplained: 0 };
}

function kindsOf(counts: MissingCounts): GapKind[] {
  return Object.keys(counts) as GapKind[];
}
