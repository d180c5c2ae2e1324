/** The centre's HTTP application: which routes there are and what stands before and behind them. */
import express, { type Express } from 'express';
import { messageOf } from '../shared/app-error.js';
import { errorHandler, methodNotAllowed, notFoundHandler } from '../shared/http/errors.js';
import type { LoginGuard } from '../shared/http/login-guard.js';
import { securityHeaders } from '../shared/http/security-headers.js';
import type { Logger } from '../shared/logger.js';
import { openApiHandler } from '../shared/openapi/handler.js';
import type { Clock } from '../shared/time.js';
import type { NumbersMemory } from './alerts/numbers-memory.js';
import { alertRoutes } from './analyst/alert-routes.js';
import { changeRoutes } from './analyst/change-routes.js';
import { completenessRoutes } from './analyst/completeness-routes.js';
import { contactRoutes } from './analyst/contact-routes.js';
import { couchQueryRoutes } from './analyst/couch-queries.js';
import { deviceRoutes } from './analyst/device-routes.js';
import { energyRoutes } from './analyst/energy-routes.js';
import { telemetryRoutes } from './analyst/telemetry-routes.js';
import { villageRoutes } from './analyst/village-routes.js';
import { fleetPageRoutes, fleetSession } from './dashboard/fleet-page.js';
import type { Admission } from './gateway/admission.js';
import type { ContactLog } from './gateway/contact-log.js';
import { gatewayRoutes } from './gateway/gateway-routes.js';
import type { RegistryWaits } from './gateway/registry-waits.js';
import type { VillageAllowance } from './gateway/village-allowance.js';
import type { VillageDirectory } from './gateway/village-directory.js';
import { type CentralMetrics, fromHereOr } from './metrics.js';
import { conflictRoutes, settlementRoutes } from './registry/conflict-routes.js';
import { pushRoutes } from './registry/push-routes.js';
import type { RegistryNotes } from './registry/registry-notes.js';
import { registryRoutes } from './registry/registry-routes.js';
import type { VillageRegistries } from './registry/village-registries.js';
import { Roles } from './roles.js';
import type { CentralStore } from './store/contract.js';
import type { Tokens } from './tokens.js';

export interface AppOptions {
  /** Throws `unavailable` while there is none. */
  store(): CentralStore;
  tokens(): Tokens;
  directory: VillageDirectory;
  contacts: ContactLog;
  admission: Admission;
  allowance: VillageAllowance;
  waits: RegistryWaits;
  guard: LoginGuard;
  registries: VillageRegistries;
  notes: RegistryNotes;
  metrics: CentralMetrics;
  memory: NumbersMemory;
  /** How old numbers may be that alerts are told from. */
  numbersAgeMs: number;
  clock: Clock;
  log: Logger;
  silentAfterHours: number;
  /** True where it is served over TLS. */
  tls: boolean;
  /** Proxies in front whose X-Forwarded-For is believed. */
  trustedProxies: number;
}

export function createApp(options: AppOptions): Express {
  const { store, contacts, directory, clock, log, silentAfterHours, tls, metrics } = options;
  const session = fleetSession(options.tokens, () => clock.now());
  const roles = new Roles({ ...options, session });
  const analyst = { store, directory, contacts, clock, silentAfterHours, log };
  const registry = { ...analyst, registries: options.registries, notes: options.notes };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('case sensitive routing', true);
  app.set('trust proxy', options.trustedProxies);
  app.use(metrics.count);
  // Before the gateway's own routes, which are for villages alone.
  app.use('/telemetry', couchQueryRoutes({ store, log }, roles));
  // Before the headers for browsers: every byte of an answer is paid for on 2G, and no browser asks for these.
  app.use(gatewayRoutes(options, roles));
  app.use(securityHeaders({ tls }));

  app
    .route('/healthz')
    .get((_request, response) => void response.json({ ok: true }))
    .all(methodNotAllowed('GET'));
  app
    .route('/readyz')
    .get(async (_request, response) => {
      try {
        await store().ping();
        response.json({ ok: true });
      } catch (error) {
        // Open to everybody: why is in the log, not in the answer.
        log.debug('not ready', { error: messageOf(error) });
        response.status(503).set('Retry-After', '5').json({ ok: false });
      }
    })
    .all(methodNotAllowed('GET'));

  app
    .route('/metrics')
    .get(fromHereOr(roles.require('analyst', 'admin'), options.trustedProxies), (_request, response) =>
      metrics.send(response),
    )
    .all(methodNotAllowed('GET'));

  app
    .route('/openapi.json')
    .get(openApiHandler(async () => (await import('./openapi.js')).centralOpenApi()))
    .all(methodNotAllowed('GET'));

  app.use(fleetPageRoutes({ session, guard: options.guard, tls }));

  // Before all routes below it: whoever has no business here does not learn what there is.
  app.use('/v1', roles.require('analyst', 'admin'));
  app.use('/v1/villages', villageRoutes({ ...analyst, memory: options.memory }, roles));
  app.use('/v1/villages', contactRoutes(analyst, roles));
  app.use('/v1/villages', telemetryRoutes(analyst, roles));
  app.use('/v1/villages', energyRoutes(analyst, roles));
  app.use('/v1/villages', deviceRoutes(analyst, roles));
  app.use('/v1/villages', registryRoutes(registry, roles));
  app.use('/v1/villages', settlementRoutes(registry, roles));
  app.use('/v1/registry', pushRoutes(registry, roles));
  app.use('/v1/conflicts', conflictRoutes(registry, roles));
  app.use('/v1/changes', changeRoutes(analyst, roles));
  const { memory, numbersAgeMs } = options;
  app.use('/v1/alerts', alertRoutes({ ...analyst, memory, numbersAgeMs }, roles));
  app.use('/v1/completeness', completenessRoutes({ ...analyst, memory, numbersAgeMs }, roles));
  app.use(notFoundHandler);
  app.use(errorHandler(log));
  return app;
}
