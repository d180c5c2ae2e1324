/**
 * Wires one node: store, ledger, ingest, what speaks to the centre (`open-sync.ts`), and the REST API in front of them.
 *
 * Everything is started in order and stopped in reverse: requests end first, then what was taken is stored, then the
 * push is called off, then the files are closed.
 */

import { HttpServer } from '../shared/http/server.js';
import type { Logger } from '../shared/logger.js';
import { type Service, ServiceGroup } from '../shared/service.js';
import { type Clock, systemClock } from '../shared/time.js';
import { buildTimeMs } from '../shared/version.js';
import { createApi } from './api/api.js';
import { statusOf } from './api/status.js';
import type { NodeConfig } from './config.js';
import { ClockGuard } from './ledger/clock-guard.js';
import { IngestQueue } from './ledger/ingest-queue.js';
import { Ledger } from './ledger/ledger.js';
import { countNumbers } from './ledger/number-ranges.js';
import { ReserveFile } from './ledger/reserve-file.js';
import { SpaceKeeper } from './ledger/space-keeper.js';
import { SpaceMonitor } from './ledger/space-monitor.js';
import { StoreState } from './ledger/store-state.js';
import { AlertBook } from './monitor/alerts/alert-book.js';
import { AlertMonitor } from './monitor/alerts/alert-monitor.js';
import { Housekeeping, keepClock } from './monitor/housekeeping.js';
import { LatestReadings } from './monitor/latest-readings.js';
import { NodeReport } from './monitor/node-report.js';
import { countsOf } from './monitor/stats/counts.js';
import { StatsBook } from './monitor/stats/stats-book.js';
import { StorePulse } from './monitor/store-pulse.js';
import { ThresholdWatch } from './monitor/thresholds/threshold-watch.js';
import type { NodeParts } from './node-parts.js';
import { openSync } from './open-sync.js';
import { QuarantineStore } from './push/quarantine-store.js';
import { EdgeRegistry } from './registry/edge-registry.js';

export interface NodeOptions {
  config: NodeConfig;
  log: Logger;
  clock?: Clock;
  /**
   * `node` is a node at work. `tool` opens the store for one verb: no boot event, no schedule, and pushes only on
   * request.
   */
  purpose?: 'node' | 'tool';
}

export class EdgeNode implements Service {
  readonly name = 'edge node';
  readonly #options: NodeOptions;
  #parts: NodeParts | undefined;
  #services: ServiceGroup | undefined;
  #server: HttpServer | undefined;
  #stopping = new AbortController();

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  /** Where the REST API listens. */
  get url(): string {
    if (!this.#server) throw new Error('the node is not started');
    return this.#server.url;
  }

  /**
   * Opens the store and serves it. Throws `usage` or `in_use` with what a person can do about it; nothing is left open
   * then.
   */
  async start(): Promise<void> {
    if (this.#parts) return;
    this.#stopping = new AbortController();
    const parts = await openParts(this.#options, this.#stopping.signal);
    const { config } = this.#options;
    this.#server = new HttpServer({
      host: config.EDGE_HOST,
      port: config.EDGE_PORT,
      handler: createApi(parts),
      settingNames: { host: 'EDGE_HOST', port: 'EDGE_PORT' },
    });
    this.#parts = parts;
    this.#services = new ServiceGroup('edge node', this.#servicesOf(parts, this.#server));
    try {
      await this.#services.start();
    } catch (error) {
      this.#parts = undefined;
      await closeParts(parts);
      throw error;
    }
  }

  async stop(): Promise<void> {
    const parts = this.#parts;
    if (!parts) return;
    this.#parts = undefined;
    this.#stopping.abort();
    try {
      await this.#services?.stop();
    } finally {
      await closeParts(parts);
    }
  }

  /** What `GET /v1/status` answers. */
  status(): ReturnType<typeof statusOf> {
    if (!this.#parts) throw new Error('the node is not started');
    return statusOf(this.#parts);
  }

  /** Whether the store still moves; `stuckMs`: how long documents may take to be stored. */
  pulse(stuckMs: number): StorePulse {
    if (!this.#parts) throw new Error('the node is not started');
    const { ingest, ledger, state, clock } = this.#parts;
    return new StorePulse({
      ...{ ingest, ledger, stuckMs },
      read: () => state.verify(),
      write: () => keepClock(state, clock),
      monotonic: () => performance.now(),
    });
  }

  #servicesOf(parts: NodeParts, server: HttpServer): Service[] {
    const { sync, space, keeper, thresholds } = parts;
    const services: Service[] = [space, keeper];
    // The registry first, as it goes before the backlog.
    if (sync) services.push(sync.connectivity, sync.registry, sync.controller);
    if (sync?.schedule) services.push(sync.schedule);
    services.push(server);
    // Last: a node that cannot listen must leave no trace of a boot in the store.
    if (this.#options.purpose !== 'tool') services.push(new Housekeeping(parts), thresholds);
    return services;
  }
}

async function openParts(
  { config, log, clock: wallClock = systemClock, purpose = 'node' }: NodeOptions,
  stopping: AbortSignal,
): Promise<NodeParts> {
  const folder = config.LOCAL_CACHE_PATH;
  const state = await StoreState.open({ folder, village: config.VILLAGE_ID, nowMs: wallClock.now(), log });
  const opened: { close(): Promise<void> }[] = [state];
  try {
    const clock = new ClockGuard({ clock: wallClock, buildTimeMs: buildTimeMs(), record: state.clock });
    // Before any time is given that an earlier boot may have given as well.
    if (clock.reservationDue) await keepClock(state, clock);
    const quarantine = await QuarantineStore.open(folder, { log, clock });
    opened.push(quarantine);
    const registry = await EdgeRegistry.open({ folder, clock, log });
    opened.push(registry);
    const { BUFFER_MAX_MB: maxMb, MIN_FREE_MB: minFreeMb } = config;
    const reserve = new ReserveFile({ folder, maxMb, minFreeMb, log });
    const space = new SpaceMonitor({
      ...{ folder, maxMb, minFreeMb, warnPct: config.ALERT_FULL_PCT },
      heldBackBytes: () => reserve.missingBytes,
    });
    const ledger = new Ledger({
      ...{ folder, state, log, clock },
      segmentMaxDocs: config.SEGMENT_MAX_DOCS,
      capacityBytes: space.capacityBytes,
      onWritten: (bytes) => space.noteWritten(bytes),
      makeRoom: () => reserve.release(),
    });
    opened.push(ledger);
    await ledger.open();
    const keeper = new SpaceKeeper({
      ...{ shelf: ledger, monitor: space, reserve, clock, log },
      retentionDays: config.RETENTION_DAYS,
    });
    const ingest = new IngestQueue({
      ...{ ledger, clock, village: config.VILLAGE_ID, boot: state.boot },
      assertSpace: () => keeper.assertSpace(),
      onStored: (documents, stamp) => {
        thresholds.stored(documents, stamp.clock === 'unsure');
        latest.stored(documents, stamp.clock === 'unsure');
      },
    });
    const latest = new LatestReadings({ ledger, log, clock });
    const report = new NodeReport({
      ...{ registry: registry.registry, clock, log },
      countVoid: () => ledger.segments.reduce((sum, { delivery }) => sum + countNumbers(delivery.void), 0),
    });
    const thresholds = new ThresholdWatch({
      ...{ ledger, ingest, state, clock, log, registry: registry.registry },
      onRegistryChanged: (listener) => registry.onChanged(listener),
    });
    const alerts = new AlertMonitor({
      pending: config.ALERT_PENDING,
      pendingMs: config.ALERT_PENDING_MINUTES * 60_000,
      fullPct: config.ALERT_FULL_PCT,
      quarantined: config.ALERT_QUARANTINED,
      noForcedSyncMs: config.ALERT_NO_FORCED_SYNC_HOURS * 3_600_000,
    });
    const alertBook = new AlertBook({ state, clock, log });
    alerts.restore(alertBook.open, clock.now(), clock.monotonic(), alertBook.loss);
    const stats: StatsBook = new StatsBook({ state, clock, log, counted: () => countsOf(parts) });
    const parts: NodeParts = {
      ...{
        config,
        log,
        clock,
        state,
        ledger,
        ingest,
        space,
        keeper,
        quarantine,
        registry,
        alerts,
        alertBook,
        stats,
        thresholds,
        latest,
        report,
        stopping,
      },
      sync: undefined,
    };
    if (config.API_URL !== undefined) parts.sync = openSync(parts, config.API_URL, purpose);
    return parts;
  } catch (error) {
    // The failure itself is what is told; closing is only tidying up after it.
    for (const one of opened.reverse()) await one.close().catch(() => undefined);
    throw error;
  }
}

async function closeParts(parts: NodeParts): Promise<void> {
  const { ingest, quarantine, registry, ledger, latest, state, clock, sync, alertBook, stats } = parts;
  await ingest.close();
  await latest.close();
  await alertBook.write();
  await stats.write();
  sync?.link.close();
  await ledger.close();
  await quarantine.close();
  await registry.close();
  await state.writeClock(clock.lastRecord());
  await state.close();
}
