/**
 * What a person should know now: each alert is raised once, keeps the time it began, and is cleared when its reason has
 * gone.
 */
import { formatInstant } from '../../shared/time.js';
import type { SpaceLevel } from '../ledger/space-monitor.js';
import type { LinkState } from './connectivity.js';

export interface Alert {
  code: 'pending' | 'storage' | 'quarantine' | 'lost' | 'blocked' | 'clock' | 'stalled';
  severity: 'warning' | 'critical';
  since: string;
  message: string;
}

export interface AlertInputs {
  pending: number;
  usedPct: number;
  /** How near the limits are, that of the disk included. */
  spaceLevel?: SpaceLevel;
  quarantined: number;
  lost: number;
  link: LinkState;
  linkMessage: string | undefined;
  clockSure: boolean;
  /** Why new data is refused now, if it is, and what helps. */
  noRoom: string | undefined;
  /** What the watchdog says of a push that stands still. */
  stalled?: string | undefined;
}

export interface AlertThresholds {
  pending: number;
  pendingMs: number;
  fullPct: number;
  quarantined: number;
}

const AT_THE_LIMIT =
  'at the limit the oldest segments the centre has confirmed are deleted, and without any new data is refused';

interface Finding {
  severity: Alert['severity'];
  message: string;
  /** How long the reason must last before it is an alert. */
  afterMs?: number;
}

/** When a reason was first seen, by both clocks. */
interface Beginning {
  wallMs: number;
  monotonicMs: number;
}

/** Clocks that have grown apart by more: the wall clock was set. */
const SET_MS = 60_000;

export class AlertMonitor {
  readonly #thresholds: AlertThresholds;
  readonly #beginnings = new Map<Alert['code'], Beginning>();

  constructor(thresholds: AlertThresholds) {
    this.#thresholds = thresholds;
  }

  /**
   * The alerts at a moment; must be asked regularly, since a reason's beginning is when it was first seen. How long
   * that is ago is told by the monotonic clock: a wall clock that is set neither raises an alert nor keeps it back.
   */
  evaluate(inputs: AlertInputs, nowMs: number, monotonicMs = nowMs): Alert[] {
    const findings = findingsOf(inputs, this.#thresholds);
    for (const code of this.#beginnings.keys()) if (!findings.has(code)) this.#beginnings.delete(code);
    const alerts: Alert[] = [];
    for (const [code, { severity, message, afterMs = 0 }] of findings) {
      const beginning = this.#beginnings.get(code) ?? { wallMs: nowMs, monotonicMs };
      const lastedMs = monotonicMs - beginning.monotonicMs;
      const wasSet = Math.abs(nowMs - beginning.wallMs - lastedMs) > SET_MS;
      const wallMs = wasSet ? nowMs - lastedMs : beginning.wallMs;
      this.#beginnings.set(code, { ...beginning, wallMs });
      if (lastedMs >= afterMs) alerts.push({ code, severity, since: formatInstant(wallMs), message });
    }
    return alerts;
  }
}

function findingsOf(inputs: AlertInputs, thresholds: AlertThresholds): Map<Alert['code'], Finding> {
  const findings = new Map<Alert['code'], Finding>();
  const { pending, quarantined, lost, link, linkMessage, clockSure } = inputs;
  if (pending > thresholds.pending) {
    const message = `${pending} documents wait to be delivered; look at the link to the centre`;
    findings.set('pending', { severity: 'warning', message, afterMs: thresholds.pendingMs });
  }
  const storage = storageFinding(inputs, thresholds);
  if (storage) findings.set('storage', storage);
  if (quarantined > thresholds.quarantined) {
    findings.set('quarantine', {
      severity: 'warning',
      message: `the centre refused ${quarantined} documents; see the quarantine`,
    });
  }
  if (lost > 0)
    findings.set('lost', { severity: 'critical', message: `${lost} stored documents cannot be read any more` });
  if (link === 'blocked') {
    findings.set('blocked', {
      severity: 'critical',
      message: `the centre refuses this node: ${linkMessage ?? 'no reason given'}`,
    });
  }
  if (inputs.stalled !== undefined) findings.set('stalled', { severity: 'critical', message: inputs.stalled });
  if (!clockSure)
    findings.set('clock', { severity: 'warning', message: 'the clock of this machine cannot be trusted' });
  return findings;
}

/** Full is critical only where data is refused: as long as confirmed segments can be deleted, room is made by itself. */
function storageFinding(inputs: AlertInputs, thresholds: AlertThresholds): Finding | undefined {
  const { usedPct, spaceLevel = 'ok', noRoom } = inputs;
  if (noRoom !== undefined) return { severity: 'critical', message: `new data is refused: ${noRoom}` };
  const isFilling = usedPct > thresholds.fullPct;
  if (!isFilling && spaceLevel === 'ok') return undefined;
  const message = isFilling
    ? `the store is ${usedPct} % full; ${AT_THE_LIMIT}; a link to the centre helps, or a larger BUFFER_MAX_MB`
    : `the disk is nearly full; ${AT_THE_LIMIT}; a link to the centre helps, or deleting other files on that disk`;
  return { severity: 'warning', message };
}
