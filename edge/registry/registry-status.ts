/** What of the registry stands in `GET /v1/status`. */
import { formatInstant } from '../../shared/time.js';
import type { LinkErrorReport } from '../link/link-error.js';
import type { SetAside } from './set-aside.js';
import type { SyncName } from './sync-state.js';

export interface SetAsideReport {
  id: string;
  reason: string;
  lastTriedAt: string;
}

export interface RegistryStatus {
  state: SyncName | 'local';
  /** Canonical instant at which both sides last held the same. */
  lastSyncAt?: string;
  /** Documents edited here that the centre does not hold yet, without the refused. */
  pendingEdits: number;
  /** Documents the centre refused. */
  refused: number;
  /** The first of them. */
  refusals?: SetAsideReport[];
  /** Documents of the centre that cannot be fetched, where there are any. */
  unfetched?: number;
  /** The first of them. */
  unfetchedDocuments?: SetAsideReport[];
  /** Why the last round failed, or what it had to leave undone, until one succeeds. */
  lastError?: LinkErrorReport | { message: string };
}

const SHOWN = 10;

/** What of them stands in the status. */
export function setAsideReports({
  refused,
  unfetched,
}: {
  refused: SetAside;
  unfetched: SetAside;
}): Pick<RegistryStatus, 'refused' | 'refusals' | 'unfetched' | 'unfetchedDocuments'> {
  const [refusals, unfetchedDocuments] = [reportsOf(refused), reportsOf(unfetched)];
  return {
    refused: Object.keys(refused).length,
    ...(refusals.length === 0 ? {} : { refusals }),
    ...(unfetchedDocuments.length === 0 ? {} : { unfetched: Object.keys(unfetched).length, unfetchedDocuments }),
  };
}

function reportsOf(setAside: SetAside): SetAsideReport[] {
  const first = Object.entries(setAside).slice(0, SHOWN);
  return first.map(([id, { reason, triedMs }]) => ({ id, reason, lastTriedAt: formatInstant(triedMs) }));
}
