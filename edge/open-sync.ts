/** Wires what speaks to the centre: link, push, registry, and the schedule of forced replications. */
import { parseInstant } from '../shared/time.js';
import { ConnectivityMonitor } from './monitor/connectivity.js';
import { ObservedLink } from './monitor/observed-link.js';
import type { NodeParts, SyncParts } from './node-parts.js';
import { forcedReplication } from './push/forced-replication.js';
import { PushController } from './push/push-controller.js';
import { Pusher } from './push/pusher.js';
import { RightOfWay } from './push/right-of-way.js';
import { Schedule } from './push/schedule.js';
import { RegistryCentre } from './registry/registry-centre.js';
import { RegistrySync } from './registry/registry-sync.js';

/** Beyond what a request may take without progress. */
const STILL_MS = 120_000;

/** `tool`: no schedule, and pushes only on request. Starts nothing. */
export function openSync(parts: NodeParts, url: string, purpose: 'node' | 'tool'): SyncParts {
  const { config, ledger, keeper, state, quarantine, clock, log } = parts;
  const isLive = config.SYNC_MODE === 'live' && purpose === 'node';
  const connectivity = new ConnectivityMonitor({
    intervalMs: config.CONNECTIVITY_INTERVAL * 1000,
    now: () => clock.now(),
    probe: async (signal) => {
      const { headers } = await link.request({ method: 'GET', path: '/', signal });
      const centreMs = Date.parse(headers.date ?? '');
      if (Number.isFinite(centreMs)) clock.compareWith(centreMs);
    },
  });
  const link = new ObservedLink(
    {
      url,
      user: config.CENTRAL_USER ?? config.VILLAGE_ID,
      password: config.CENTRAL_PASSWORD,
      timeoutMs: config.SYNC_TIMEOUT * 1000,
    },
    connectivity,
  );
  const rightOfWay = new RightOfWay();
  const pusher = new Pusher({ ledger, keeper, state, link, quarantine, clock, log, rightOfWay });
  const controller = new PushController({
    ...{ pusher, ledger, quarantine, link, connectivity, state, clock, log },
    live: isLive,
    rules: { probeIntervalMs: config.CONNECTIVITY_INTERVAL * 1000, random: Math.random },
    watchdog: { stillMs: STILL_MS + 2 * config.SYNC_TIMEOUT * 1000 },
  });
  const registry = new RegistrySync({
    ...{ registry: parts.registry, connectivity, rightOfWay, clock, log },
    centre: new RegistryCentre({ link, village: config.VILLAGE_ID, timeoutMs: config.SYNC_TIMEOUT * 1000 }),
    rules: { live: isLive, random: Math.random },
  });
  const sync: SyncParts = { link, connectivity, pusher, controller, registry, schedule: undefined };
  if (config.SYNC_SCHEDULE !== 'off' && purpose === 'node') sync.schedule = openSchedule({ ...parts, sync });
  const { events } = connectivity;
  // While nobody looked, the centre may have been begun anew or set back.
  if (purpose === 'node') keeper.doubtConfirmations();
  events.on('down', () => keeper.doubtConfirmations());
  events.on('down', ({ lastError }) => log.verbose('the link to the centre is down', { error: lastError?.message }));
  events.on('up', () => log.verbose('the link to the centre is up'));
  events.on('restored', () => sync.schedule?.linkRestored());
  return sync;
}

function openSchedule(parts: NodeParts & { sync: SyncParts }): Schedule {
  const { config, clock, state, sync, log } = parts;
  return new Schedule({
    expression: config.SYNC_SCHEDULE,
    timeZone: config.SYNC_TIMEZONE,
    jitterS: config.SYNC_JITTER,
    village: config.VILLAGE_ID,
    lastForcedSuccessMs: () => parseInstant(sync.controller.history.lastForcedSuccessAt ?? ''),
    createdMs: parseInstant(state.createdAt) ?? clock.now(),
    replicate: () => replicateOnSchedule(parts),
    ...{ clock, log },
  });
}

/** True when nothing is left to try again: everything arrived, or the centre has refused what did not. */
async function replicateOnSchedule(parts: NodeParts & { sync: SyncParts }): Promise<boolean> {
  const { ok, sent, pending, quarantined, error } = await forcedReplication(parts, {}, () => undefined);
  const facts = { sent, pending, quarantined };
  if (ok) parts.log.info('the scheduled replication is complete', facts);
  else parts.log.warn(`the scheduled replication is not complete: ${error?.message ?? 'unknown'}`, facts);
  return ok || (error !== undefined && 'code' in error && (error.code === 'quarantined' || error.code === 'refused'));
}
