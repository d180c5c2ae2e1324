/** `GET /v1/status`: where the data is, what the link does, and what a person should know. */

import { version } from '../../shared/version.js';
import type { Alert } from '../monitor/alerts/alert.js';
import { alertInputsOf } from '../monitor/alerts/alert-inputs.js';
import type { LinkStatus } from '../monitor/connectivity.js';
import type { NodeParts } from '../node-parts.js';
import type { RegistryStatus } from '../registry/registry-status.js';

export interface NodeStatus {
  village: string;
  node: string;
  version: string;
  clock: 'sure' | 'unsure';
  store: {
    /** Documents not yet delivered, the quarantined left out. */
    pending: number;
    oldestPendingAt?: string;
    lastSeq: number;
    segments: number;
    quarantined: number;
    lost: number;
    bytes: number;
    capacityBytes: number;
    usedPct: number;
  };
  link: LinkStatus;
  sync: {
    state: string;
    mode: string;
    /** Why no push begins by itself, where one otherwise would. */
    pausedBy?: string[];
    lastSuccessAt?: string;
    /** When a forced replication last succeeded whole. */
    lastForcedSuccessAt?: string;
    lastAttemptAt?: string;
    nextScheduledAt?: string;
    /** The next one that is not skipped for a forced one that succeeded shortly before. */
    nextForcedAt?: string;
    docsSent: number;
    bytesSent: number;
    bytesReceived: number;
  };
  registry: RegistryStatus;
  alerts: Alert[];
}

export async function statusOf(parts: NodeParts): Promise<NodeStatus> {
  const { config, ledger, quarantine, clock, space, alerts } = parts;
  const link = linkOf(parts);
  // The status is most wanted when something is wrong: one figure that cannot be read must not take the others with it.
  const oldestPendingAt = await ledger.oldestPendingAt().catch(() => undefined);
  const { pending, lost } = ledger;
  const inputs = alertInputsOf(parts);
  return {
    village: config.VILLAGE_ID,
    node: ledger.node,
    version,
    clock: clock.sure ? 'sure' : 'unsure',
    store: {
      pending,
      ...(oldestPendingAt === undefined ? {} : { oldestPendingAt }),
      lastSeq: ledger.lastSeq,
      segments: ledger.segments.length,
      quarantined: quarantine.count,
      lost,
      bytes: space.usedBytes,
      capacityBytes: space.capacityBytes,
      usedPct: space.usedPct,
    },
    link,
    sync: syncOf(parts),
    // Without a centre there is nobody to wait for.
    registry: parts.sync ? await parts.sync.registry.status() : { state: 'local', pendingEdits: 0, refused: 0 },
    alerts: [...alerts.evaluate(inputs, clock.now(), clock.monotonic()), ...parts.thresholds.alerts()],
  };
}

function linkOf({ sync, state }: NodeParts): LinkStatus {
  return sync ? sync.connectivity.status : { state: 'unknown', since: state.createdAt };
}

function syncOf({ sync, config }: NodeParts): NodeStatus['sync'] {
  const mode = config.SYNC_MODE;
  if (!sync) return { state: 'stopped', mode, docsSent: 0, bytesSent: 0, bytesReceived: 0 };
  const { lastAttemptAt, lastSuccessAt, lastForcedSuccessAt, docsSent, bytesSent, bytesReceived } =
    sync.controller.history;
  const { nextAt: nextScheduledAt, nextForcedAt } = sync.schedule ?? {};
  // That a scheduled node pushes at the schedule only is its mode.
  const pausedBy = [...sync.controller.state.pauses].filter((reason) => reason !== 'schedule');
  return {
    state: sync.controller.state.name,
    mode,
    ...(pausedBy.length === 0 ? {} : { pausedBy }),
    ...(lastSuccessAt === undefined ? {} : { lastSuccessAt }),
    ...(lastForcedSuccessAt === undefined ? {} : { lastForcedSuccessAt }),
    ...(lastAttemptAt === undefined ? {} : { lastAttemptAt }),
    ...(nextScheduledAt === undefined ? {} : { nextScheduledAt }),
    ...(nextForcedAt === undefined ? {} : { nextForcedAt }),
    ...{ docsSent, bytesSent, bytesReceived },
  };
}
