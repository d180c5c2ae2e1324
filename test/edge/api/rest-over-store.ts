/** The REST API over a store put together by hand, so that requests meet a disk of the test's own. */
import { createApi } from '../../../edge/api/api.js';
import { ClockGuard, NEW_CLOCK } from '../../../edge/ledger/clock-guard.js';
import { SpaceKeeper } from '../../../edge/ledger/space-keeper.js';
import { SpaceMonitor } from '../../../edge/ledger/space-monitor.js';
import { AlertBook } from '../../../edge/monitor/alerts/alert-book.js';
import { AlertMonitor } from '../../../edge/monitor/alerts/alert-monitor.js';
import { LatestReadings } from '../../../edge/monitor/latest-readings.js';
import { NodeReport } from '../../../edge/monitor/node-report.js';
import { NO_FIGURES, StatsBook } from '../../../edge/monitor/stats/stats-book.js';
import { ThresholdWatch } from '../../../edge/monitor/thresholds/threshold-watch.js';
import { QuarantineStore } from '../../../edge/push/quarantine-store.js';
import { EdgeRegistry } from '../../../edge/registry/edge-registry.js';
import { HttpServer } from '../../../shared/http/server.js';
import { silentLogger } from '../../../shared/logger.js';
import { systemClock } from '../../../shared/time.js';
import { openStore, type Store, type StoreOptions } from '../ledger/store-under-test.js';
import { testConfig } from './node-under-test.js';

export interface RestStore extends Store {
  url: string;
}

/** Serves the store in a folder on a free port; `close` ends both. */
export async function serveStore(options: StoreOptions): Promise<RestStore> {
  const store = await openStore(options);
  const quarantine = await QuarantineStore.open(options.folder);
  const registry = await EdgeRegistry.open({ folder: options.folder, clock: systemClock, log: silentLogger() });
  const clock = new ClockGuard({ clock: systemClock, buildTimeMs: 0, record: NEW_CLOCK });
  const log = silentLogger();
  const space = new SpaceMonitor({ folder: options.folder, maxMb: 1000, minFreeMb: 0 });
  const reserve = { keep: async () => false };
  const keeper = new SpaceKeeper({ shelf: store.ledger, monitor: space, reserve, retentionDays: 7, clock, log });
  const handler = createApi({
    ...store,
    ...{ config: testConfig(options.folder), log, quarantine, registry, sync: undefined },
    ...{ clock, space, keeper },
    report: new NodeReport({ registry: registry.registry, clock, log, countVoid: () => 0 }),
    thresholds: new ThresholdWatch({
      ...{ ...store, registry: registry.registry, clock, log },
      onRegistryChanged: (listener) => registry.onChanged(listener),
    }),
    latest: new LatestReadings({ ledger: store.ledger, log }),
    alerts: new AlertMonitor({ pending: 100, pendingMs: 0, fullPct: 90, quarantined: 10 }),
    alertBook: new AlertBook({ state: store.state, clock, log }),
    stats: new StatsBook({ state: store.state, clock, log, counted: () => NO_FIGURES }),
    stopping: new AbortController().signal,
  });
  const server = new HttpServer({ host: '127.0.0.1', port: 0, handler, settingNames: { host: 'HOST', port: 'PORT' } });
  await server.start();
  return {
    ...store,
    url: server.url,
    async close() {
      await server.stop();
      await store.close();
      await registry.close();
      await quarantine.close();
    },
  };
}
