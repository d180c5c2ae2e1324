/**
 * Which reasons for an alert there are at a moment. Pure.
 *
 * What the link says of the centre is not known for a while after a start: a reason that cannot be told now is
 * `undecided`, and stays as it was.
 */

import { isTellable, type ToldLoss } from '../../../shared/told-loss.js';
import type { SpaceLevel } from '../../ledger/space-monitor.js';
import type { LinkErrorReport } from '../../link/link-error.js';
import type { LinkState } from '../connectivity.js';
import type { Alert, AlertCode } from './alert.js';

export interface AlertInputs {
  /** Absent where nothing is to be delivered. */
  pending?: number;
  usedPct: number;
  /** How near the limits are, that of the disk included. */
  spaceLevel?: SpaceLevel;
  quarantined: number;
  lost: number;
  link: LinkState;
  linkMessage: string | undefined;
  linkTag?: LinkErrorReport['tag'] | undefined;
  clockSure: boolean;
  /** How far the clock is from the centre's, where that is too far; less than 0: behind it. */
  clockAheadMs?: number | undefined;
  /** Why new data is refused now, if it is, and what helps. */
  noRoom: string | undefined;
  /** What the watchdog says of a push that stands still. */
  stalled?: string | undefined;
  /** The centre refused so much at the last try that the fault must be its own. */
  refusesInFloods?: boolean;
  /** Segments repaired since the start. */
  repairs?: number;
  /** When a forced run last succeeded, or the store was made: milliseconds since 1970; absent where nobody expects one. */
  forcedMs?: number | undefined;
  registry?: RegistryInputs;
}

export interface RegistryInputs {
  /** Undefined while nobody knows. */
  blocked: boolean | undefined;
  refused: number;
}

export interface AlertThresholds {
  pending: number;
  pendingMs: number;
  fullPct: number;
  quarantined: number;
  /** 0 or absent: never. */
  noForcedSyncMs?: number;
}

export interface Finding {
  severity: Alert['severity'];
  message: string;
  subject?: string;
  /** How long the reason must last before it is an alert. */
  afterMs?: number;
}

export type Findings = Map<AlertCode, Finding | 'undecided'>;

const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 3_600_000;
const AT_THE_LIMIT =
  'at the limit the oldest segments the centre has confirmed are deleted, and without any new data is refused';

/** `nowMs`: milliseconds since 1970; `loss`: what was told of lost documents, those of this moment included. */
export function findingsOf(
  inputs: AlertInputs,
  thresholds: AlertThresholds,
  nowMs: number,
  loss: ToldLoss | undefined,
): Findings {
  const findings: Findings = new Map();
  const note = (code: AlertCode, finding: Finding | 'undecided' | undefined) => {
    if (finding) findings.set(code, finding);
  };
  const { pending = 0, quarantined, lost, stalled } = inputs;
  if (pending > thresholds.pending) {
    const message = `${pending} documents wait to be delivered; look at the link to the centre`;
    note('pending', { severity: 'warning', message, afterMs: thresholds.pendingMs });
  }
  note('storage', storageFinding(inputs, thresholds));
  if (quarantined > thresholds.quarantined) {
    note('quarantine', warning(`the centre refused ${quarantined} documents; see the quarantine`));
  }
  if (isTellable(loss, lost)) {
    const message = `${lost} stored documents cannot be read any more`;
    note('lost', { ...critical(message), ...(loss ? { subject: String(loss.count) } : {}) });
  }
  for (const [code, finding] of linkFindings(inputs)) note(code, finding);
  if (stalled !== undefined) note('stalled', critical(stalled));
  note('clock', clockFinding(inputs));
  note('no-forced-sync', forcedFinding(inputs, thresholds, nowMs));
  note('registry', registryFinding(inputs));
  return findings;
}

function clockFinding({ clockSure, clockAheadMs }: AlertInputs): Finding | undefined {
  if (!clockSure) return warning('the clock of this machine cannot be trusted');
  if (clockAheadMs === undefined) return undefined;
  const minutes = Math.round(Math.abs(clockAheadMs) / MS_PER_MINUTE);
  const by = minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
  return warning(`the clock of this machine is ${by} ${clockAheadMs > 0 ? 'ahead of' : 'behind'} the centre's`);
}

function warning(message: string): Finding {
  return { severity: 'warning', message };
}

function critical(message: string): Finding {
  return { severity: 'critical', message };
}

/** Full is critical only where data is refused: as long as confirmed segments can be deleted, room is made by itself. */
function storageFinding(inputs: AlertInputs, thresholds: AlertThresholds): Finding | undefined {
  const { usedPct, spaceLevel = 'ok', noRoom } = inputs;
  if (noRoom !== undefined) return critical(`new data is refused: ${noRoom}`);
  const isFilling = usedPct > thresholds.fullPct;
  if (!isFilling && spaceLevel === 'ok') return undefined;
  return warning(
    isFilling
      ? `the store is ${usedPct} % full; ${AT_THE_LIMIT}; a link to the centre helps, or a larger BUFFER_MAX_MB`
      : `the disk is nearly full; ${AT_THE_LIMIT}; a link to the centre helps, or deleting other files on that disk`,
  );
}

/** What Node says of a certificate whose time has not come, or has passed. */
const NOT_YET = /not yet valid|NOT_YET_VALID/i;
const PASSED = /has expired|HAS_EXPIRED/i;

function linkFindings(inputs: AlertInputs): [AlertCode, Finding | 'undecided' | undefined][] {
  const { link, linkMessage = 'no reason given', linkTag, clockSure, refusesInFloods = false } = inputs;
  if (link === 'unknown') {
    return [
      ['blocked', 'undecided'],
      ['refusals', 'undecided'],
      ['tls-clock', 'undecided'],
    ];
  }
  const isBlocked = link === 'blocked';
  const isTime = linkTag === 'TLS_ERROR' && (NOT_YET.test(linkMessage) || (!clockSure && PASSED.test(linkMessage)));
  const inFloods = `${linkMessage}; nothing more is put into quarantine, and it is tried again by itself`;
  return [
    ['blocked', isBlocked && !refusesInFloods ? critical(`the centre refuses this node: ${linkMessage}`) : undefined],
    ['refusals', isBlocked && refusesInFloods ? critical(inFloods) : undefined],
    ['tls-clock', isTime ? critical(`set the clock of this machine: ${linkMessage}`) : undefined],
  ];
}

function forcedFinding(
  { forcedMs, clockSure }: AlertInputs,
  { noForcedSyncMs = 0 }: AlertThresholds,
  nowMs: number,
): Finding | 'undecided' | undefined {
  if (forcedMs === undefined || noForcedSyncMs === 0) return undefined;
  // How long ago it was, only a clock that can be believed tells.
  if (!clockSure) return 'undecided';
  if (nowMs - forcedMs <= noForcedSyncMs) return undefined;
  const hours = noForcedSyncMs / MS_PER_HOUR;
  return warning(`no forced replication has succeeded for more than ${hours} h; see sync and link in the status`);
}

function registryFinding({ link, registry }: AlertInputs): Finding | 'undecided' | undefined {
  const { blocked, refused } = registry ?? { blocked: false, refused: 0 };
  if (refused > 0) {
    return warning(`the centre refused ${refused} documents of the registry; the status names them and says why`);
  }
  // Whoever is refused everything is refused the registry, too: that is told as such.
  if (link === 'blocked') return undefined;
  if (blocked === undefined) return 'undecided';
  return blocked ? critical('the centre refuses this node its registry') : undefined;
}
