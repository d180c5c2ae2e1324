/**
 * What a node's report says of the numbers that are not here: whether they may still be pending in the village. Pure.
 *
 * The node knows what it has not delivered, and tells its report ahead of its backlog. Where no more is missing than it
 * says is pending, or is to tell of as void, lost or quarantined, nothing needs an explanation yet. Where it says that all
 * up to its last number is delivered, whatever is missing up to there does at once. In between, or once the report is
 * older than a village may be silent, the age of the numbers decides as without it.
 */
import type { NodeReport } from '../registry/node-report.js';
import type { ToldSpan } from './accounted-numbers.js';
import type { OpenGap } from './number-gaps.js';

export interface ReportQuestion {
  node: string;
  report: NodeReport | undefined;
  /** When the village's last document came, by the centre's clock. */
  lastDocumentAt: string | undefined;
  silentAfterHours: number;
}

export type ReportedNumbers = NodeReport & { lastSeq: number; pending: number };

const MS_PER_HOUR = 3_600_000;

/** The report where it speaks of this node and is recent enough to be believed. */
export function reportOn(question: ReportQuestion): ReportedNumbers | undefined {
  const { node, report, lastDocumentAt, silentAfterHours } = question;
  if (report?.node !== node || report.lastSeq === undefined || report.pending === undefined) return undefined;
  const { lastSeq, pending } = report;
  const ageMs = lastDocumentAt === undefined ? 0 : Date.parse(lastDocumentAt) - Date.parse(report.receivedAt);
  return ageMs <= silentAfterHours * MS_PER_HOUR ? { ...report, lastSeq, pending } : undefined;
}

/** The numbers behind the highest one that is held or told of, which the node has given; none where there are none. */
export function gapBehind(highest: number, report: ReportedNumbers | undefined): OpenGap[] {
  const from = highest + 1;
  if (!report || report.lastSeq < from) return [];
  return [{ from, to: report.lastSeq, missing: report.lastSeq - highest }];
}

/**
 * What the missing numbers up to the report's last are; `undefined` where their age must tell. `gaps`: all of the node's,
 * those behind its highest number included.
 */
export function verdictOn(
  gaps: readonly OpenGap[],
  told: readonly ToldSpan[],
  report: ReportedNumbers,
): 'notYetSent' | 'unexplained' | undefined {
  const missing = gaps
    .filter(({ from }) => from <= report.lastSeq)
    .reduce((sum, gap) => sum + Math.min(gap.missing, report.lastSeq - gap.from + 1), 0);
  // Those a person gave up are no longer among the quarantined.
  const toldOf = told.filter(({ kind }) => kind !== 'released').reduce((sum, { from, to }) => sum + (to - from + 1), 0);
  const { pending, accounted: { quarantined = 0, lost = 0, void: voided = 0 } = {} } = report;
  const toBeTold = Math.max(0, quarantined + lost + voided - toldOf);
  if (missing <= pending + toBeTold) return 'notYetSent';
  return pending + toBeTold === 0 ? 'unexplained' : undefined;
}
