/**
 * The node's own report: a registry document that says at the centre what `GET /v1/status` says here, in little.
 *
 * It is looked at every few seconds and written seldom: every 15 minutes where something in it has changed, and once a day
 * in any case. Within a minute, but no more than four times an hour, after there are alerts of a kind there were none of,
 * or none of a kind any more, or a backlog it told of is gone. So nothing in it may change by itself: sizes are rounded.
 */
import type { Logger } from '../../shared/logger.js';
import type { Registry } from '../../shared/registry/registry.js';
import { formatInstant } from '../../shared/time.js';
import type { NodeStatus } from '../api/status.js';

const EVERY_MS = 900_000;
const SOONEST_MS = 60_000;
const HOUR_MS = 3_600_000;
const URGENT_PER_HOUR = 4;
/** Documents: fewer come and go between two readings. */
const BACKLOG = 100;
const SHOWN_ALERTS = 8;
const MB = 1_000_000;
/** Of what passes an idle link in a day. */
const LINK_STEP_BYTES = 500_000;

/** The fields of a report. */
export interface NodeReportBody {
  /** Canonical instant. */
  at: string;
  /** Of `at`, in UTC: a report is not left as it is for longer. */
  day: string;
  version: string;
  /** Documents not yet delivered, and since when. */
  pending: number;
  oldestPendingAt?: string;
  lastSeq: number;
  /** How many of the numbers will not arrive, and why. */
  accounted: { quarantined: number; lost: number; void: number };
  /** The first of them; `furtherAlerts` are left out. */
  alerts: { code: string; severity: string; since: string }[];
  furtherAlerts?: number;
  disk: { bytes: number; capacityBytes: number; usedPct: number };
  clock: string;
  sync: { state: string; mode: string };
  link: { state: string; since: string; docsSent: number; bytesSent: number; bytesReceived: number };
  registry: { pendingEdits: number; refused: number };
}

export interface NodeReportOptions {
  registry: Pick<Registry, 'putReport'>;
  /** Numbers the centre held under others. */
  countVoid: () => number;
  /** Milliseconds since 1970, and milliseconds that only ever grow. */
  clock: { now(): number; monotonic(): number };
  log: Logger;
}

/** `nowMs`: milliseconds since 1970. */
export function reportOf(status: NodeStatus, voids: number, nowMs: number): NodeReportBody {
  const { store, link, sync, alerts, registry, version, clock } = status;
  const { pending, oldestPendingAt, lastSeq, quarantined, lost } = store;
  const at = formatInstant(nowMs);
  return {
    ...{ at, day: at.slice(0, 10), version, pending, lastSeq, clock },
    ...(oldestPendingAt === undefined ? {} : { oldestPendingAt }),
    accounted: { quarantined, lost, void: voids },
    alerts: alerts.slice(0, SHOWN_ALERTS).map(({ code, severity, since }) => ({ code, severity, since })),
    ...(alerts.length > SHOWN_ALERTS ? { furtherAlerts: alerts.length - SHOWN_ALERTS } : {}),
    disk: {
      bytes: roundedTo(store.bytes, MB),
      capacityBytes: roundedTo(store.capacityBytes, MB),
      usedPct: Math.round(store.usedPct),
    },
    // What it does this second is no state of the node's.
    sync: { state: SETTLED[sync.state] ?? sync.state, mode: sync.mode },
    link: {
      ...{ state: link.state, since: link.since, docsSent: sync.docsSent },
      bytesSent: roundedTo(sync.bytesSent, LINK_STEP_BYTES),
      bytesReceived: roundedTo(sync.bytesReceived, LINK_STEP_BYTES),
    },
    registry: { pendingEdits: registry.pendingEdits, refused: registry.refused },
  };
}

export class NodeReport {
  readonly #options: NodeReportOptions;
  #last: { report: NodeReportBody; codes: string } | undefined;
  /** When urgent ones were written within the last hour. */
  #urgentMs: number[] = [];
  #writtenMs = Number.NEGATIVE_INFINITY;
  #isWriting = false;

  constructor(options: NodeReportOptions) {
    this.#options = options;
  }

  /** To be called every few seconds; writes what is due. Never rejects. */
  async look(status: NodeStatus): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      await this.#writeIfDue(status);
    } catch (error) {
      this.#options.log.verbose('the report could not be written', { error: String(error) });
    } finally {
      this.#isWriting = false;
    }
  }

  /** Writes what there is to say now; false where it says the same as before. */
  async write(status: NodeStatus): Promise<boolean> {
    const { clock, countVoid } = this.#options;
    return this.#put(status, reportOf(status, countVoid(), clock.now()));
  }

  async #writeIfDue(status: NodeStatus): Promise<void> {
    const { clock, countVoid } = this.#options;
    const report = reportOf(status, countVoid(), clock.now());
    const nowMs = clock.monotonic();
    const passedMs = nowMs - this.#writtenMs;
    this.#urgentMs = this.#urgentMs.filter((urgentMs) => nowMs - urgentMs < HOUR_MS);
    const mayBeUrgent = this.#urgentMs.length < URGENT_PER_HOUR && passedMs >= SOONEST_MS;
    if (passedMs >= EVERY_MS) await this.#put(status, report);
    else if (mayBeUrgent && this.#isUrgent(status, report)) {
      await this.#put(status, report);
      this.#urgentMs.push(nowMs);
    }
  }

  #isUrgent({ alerts }: NodeStatus, report: NodeReportBody): boolean {
    if (!this.#last) return true;
    const isDrained = this.#last.report.pending >= BACKLOG && report.pending === 0;
    return isDrained || this.#last.codes !== codesOf(alerts);
  }

  async #put(status: NodeStatus, report: NodeReportBody): Promise<boolean> {
    const { registry, clock } = this.#options;
    const isNew = await registry.putReport(status.node, report);
    this.#last = { report, codes: codesOf(status.alerts) };
    this.#writtenMs = clock.monotonic();
    return isNew;
  }
}

const SETTLED: Readonly<Record<string, string>> = { connecting: 'live', draining: 'live' };

function codesOf(alerts: NodeStatus['alerts']): string {
  return [...new Set(alerts.map(({ code }) => code))].sort().join();
}

function roundedTo(value: number, step: number): number {
  return Math.round(value / step) * step;
}
