/** The parts of a running node, as its routes, verbs and housekeeping see them; `node.ts` makes them. */
import type { Logger } from '../shared/logger.js';
import type { NodeConfig } from './config.js';
import type { ClockGuard } from './ledger/clock-guard.js';
import type { IngestQueue } from './ledger/ingest-queue.js';
import type { Ledger } from './ledger/ledger.js';
import type { SpaceKeeper } from './ledger/space-keeper.js';
import type { SpaceMonitor } from './ledger/space-monitor.js';
import type { StoreState } from './ledger/store-state.js';
import type { Link } from './link/link.js';
import type { AlertBook } from './monitor/alerts/alert-book.js';
import type { AlertMonitor } from './monitor/alerts/alert-monitor.js';
import type { ConnectivityMonitor } from './monitor/connectivity.js';
import type { LatestReadings } from './monitor/latest-readings.js';
import type { NodeReport } from './monitor/node-report.js';
import type { StatsBook } from './monitor/stats/stats-book.js';
import type { ThresholdWatch } from './monitor/thresholds/threshold-watch.js';
import type { PushController } from './push/push-controller.js';
import type { Pusher } from './push/pusher.js';
import type { QuarantineStore } from './push/quarantine-store.js';
import type { Schedule } from './push/schedule.js';
import type { EdgeRegistry } from './registry/edge-registry.js';
import type { RegistrySync } from './registry/registry-sync.js';

export interface NodeParts {
  config: NodeConfig;
  log: Logger;
  clock: ClockGuard;
  state: StoreState;
  ledger: Ledger;
  ingest: IngestQueue;
  space: SpaceMonitor;
  keeper: SpaceKeeper;
  quarantine: QuarantineStore;
  registry: EdgeRegistry;
  alerts: AlertMonitor;
  alertBook: AlertBook;
  stats: StatsBook;
  thresholds: ThresholdWatch;
  latest: LatestReadings;
  report: NodeReport;
  /** Absent on a node without API_URL, which only stores. */
  sync: SyncParts | undefined;
  /** Aborted when the node begins to stop. */
  stopping: AbortSignal;
}

export interface SyncParts {
  link: Link;
  connectivity: ConnectivityMonitor;
  pusher: Pusher;
  controller: PushController;
  registry: RegistrySync;
  schedule: Schedule | undefined;
}
