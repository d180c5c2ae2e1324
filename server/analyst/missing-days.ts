/**
 * On which days what is missing was given: told by the documents next to each gap in the numbers. What lies between two days
 * is spread evenly over the time between them, as meters give it. The node's own events narrow that time down: a document
 * beside a gap may have been imported and be of any age. What an unsure clock says counts for nothing. Numbers that are
 * void are not missing: what they stood for is held.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import type { NodeReport } from '../registry/node-report.js';
import type { CentralStore } from '../store/contract.js';
import { dayOf, MS_PER_DAY } from '../store/days.js';
import type { LookedNode, NumberGap } from './village-numbers.js';

export interface MissingByDay {
  days: ReadonlyMap<string, number>;
  /** Of which it is not known when they were given. */
  undated: number;
}

/** Gaps of a node that are looked at, those with the highest numbers. */
const MAX_GAPS = 200;
/** Of a village; more than anybody can ask for at once. */
const MAX_DAYS = 1_000;
/** A gap is spread over so many days at most, the last ones. */
const MAX_SPREAD_DAYS = 400;

export async function missingByDay(
  store: CentralStore,
  village: string,
  nodes: readonly LookedNode[],
  report: NodeReport | undefined,
): Promise<MissingByDay> {
  const found = { days: new Map<string, number>(), undated: 0 };
  for (const node of nodes) {
    const stretches = stretchesOf(node.gaps);
    const looked = stretches.slice(-MAX_GAPS);
    for (const { missing } of stretches.slice(0, -MAX_GAPS)) found.undated += missing;
    const seqs = looked.flatMap(({ from, to }) => [from - 1, to + 1]);
    const beside = seqs.length === 0 ? [] : await store.numbers.besideGaps(village, node.view.node, seqs);
    const ofNode = report?.node === node.view.node ? report : undefined;
    for (const [n, stretch] of looked.entries()) {
      add(found, stretch.missing, timesOf(stretch, node, ofNode, [beside[2 * n], beside[2 * n + 1]]));
    }
  }
  return found;
}

/** Numbers `from` to `to`, none of which is held but where `missing` is less. */
interface Stretch {
  from: number;
  to: number;
  missing: number;
}

/** Gaps that touch become one: only what lies beside all of them is held. Those of void numbers alone are left out. */
function stretchesOf(gaps: readonly NumberGap[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const { from, to, kind, missing = to - from + 1 } of gaps) {
    const counted = kind === 'void' ? 0 : missing;
    const last = stretches.at(-1);
    if (last && from <= last.to + 1) {
      last.to = Math.max(last.to, to);
      last.missing += counted;
    } else {
      stretches.push({ from, to, missing: counted });
    }
  }
  return stretches.filter(({ missing }) => missing > 0);
}

/** Between which moments its numbers were given; undefined where nothing tells. */
function timesOf(
  { from, to }: Stretch,
  { told: { events }, view }: LookedNode,
  report: NodeReport | undefined,
  [before, behind]: readonly (TelemetryDocument | undefined)[],
): { earliestMs: number; latestMs: number } | undefined {
  const earlier = [timeIn(before), events.findLast(({ seq }) => seq < from)?.at];
  const isBehindAll = to >= view.highest && (report?.lastSeq ?? 0) >= to;
  const later = [timeIn(behind), events.find(({ seq }) => seq > to)?.at, ...(isBehindAll ? [report?.at] : [])];
  const earliestMs = Math.max(...momentsIn(earlier));
  const latestMs = Math.min(...momentsIn(later));
  if (!Number.isFinite(earliestMs) && !Number.isFinite(latestMs)) return undefined;
  if (!Number.isFinite(earliestMs)) return { earliestMs: latestMs, latestMs };
  // Numbers are given in order of time: what is older behind a gap was imported.
  return { earliestMs, latestMs: Number.isFinite(latestMs) ? Math.max(earliestMs, latestMs) : earliestMs };
}

function timeIn(document: TelemetryDocument | undefined): string | undefined {
  return document?.clock === undefined ? document?.at : undefined;
}

function momentsIn(texts: readonly (string | undefined)[]): number[] {
  return texts.flatMap((text) => (text === undefined ? [] : Date.parse(text))).filter(Number.isFinite);
}

function add(
  found: { days: Map<string, number>; undated: number },
  missing: number,
  times: { earliestMs: number; latestMs: number } | undefined,
): void {
  let left = missing;
  for (const [day, share] of times ? sharesOf(missing, times) : []) {
    if (share === 0) continue;
    if (!found.days.has(day) && found.days.size >= MAX_DAYS) break;
    found.days.set(day, (found.days.get(day) ?? 0) + share);
    left -= share;
  }
  found.undated += left;
}

/** Each day's share; together they are all. */
function* sharesOf(
  missing: number,
  { earliestMs, latestMs }: { earliestMs: number; latestMs: number },
): Generator<readonly [day: string, share: number], void> {
  const startMs = Math.max(earliestMs, latestMs - MAX_SPREAD_DAYS * MS_PER_DAY);
  let given = 0;
  for (let ms = startMs; ; ) {
    const nextDayMs = (Math.floor(ms / MS_PER_DAY) + 1) * MS_PER_DAY;
    const isLast = nextDayMs > latestMs;
    const upToHere = isLast ? missing : Math.round((missing * (nextDayMs - startMs)) / (latestMs - startMs));
    yield [dayOf(ms), upToHere - given];
    if (isLast) return;
    given = upToHere;
    ms = nextDayMs;
  }
}
