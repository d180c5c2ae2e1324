/**
 * Which villages need somebody most: the silent, the losing, the blocked, those behind, and those with anything else to look
 * at (an alert, numbers nobody has explained or looked at, an open conflict), in this order; then those not heard of yet,
 * which are silent once they should have been. Pure.
 */
import type { VillageView } from './village-view.js';

/** The greatest need first. */
export const NEEDS = ['silent', 'losing', 'blocked', 'behind', 'alerts', 'awaited', 'none', 'disabled'] as const;
export type Need = (typeof NEEDS)[number];

/** Documents: fewer come and go between two reports. */
const BACKLOG = 100;
const REFUSED: ReadonlySet<number> = new Set([401, 403]);

/** Told from everything else about a village. */
type Viewed = Omit<VillageView, 'need'>;

export function needOf(view: Viewed): Need {
  if (view.disabled) return 'disabled';
  if (view.silent) return 'silent';
  const codes = new Set(view.alerts?.map(({ code }) => code));
  const { unexplained = 0 } = view.missing ?? {};
  // A node counts as lost what it cannot prove it had delivered: what is missing here is told by what is here.
  const lost = view.missing?.lost ?? view.report?.accounted?.lost ?? 0;
  if (codes.has('lost') || lost > (view.lostToldOf ?? 0)) return 'losing';
  if (codes.has('blocked') || isRefused(view)) return 'blocked';
  if (codes.has('pending') || codes.has('stalled') || (view.pending ?? 0) > BACKLOG) return 'behind';
  const isWhole = unexplained === 0 && view.missingPartly === undefined;
  if (codes.size > 0 || !isWhole || (view.openConflicts ?? 0) > 0) return 'alerts';
  return isHeardOf(view) ? 'none' : 'awaited';
}

function isHeardOf({ lastContactAt, lastDocumentAt, reportedAt }: Viewed): boolean {
  return lastContactAt !== undefined || lastDocumentAt !== undefined || reportedAt !== undefined;
}

/** What it asked last was refused for want of a credential. */
function isRefused({ lastFailureAt = '', lastFailureStatus = 0, lastContactAt = '' }: Viewed): boolean {
  return REFUSED.has(lastFailureStatus) && lastFailureAt > lastContactAt;
}

/** Sorts villages: the neediest first, of the same need those with most to send, then by id. */
export type NeedRank = readonly [need: number, pending: number, id: string];

export function rankOf(view: Viewed): NeedRank {
  return [NEEDS.indexOf(needOf(view)), -(view.pending ?? 0), view.id];
}

export function compareRanks(a: NeedRank, b: NeedRank): number {
  return a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0);
}

export function byNeed(a: Viewed, b: Viewed): number {
  return compareRanks(rankOf(a), rankOf(b));
}
