/** The centre's HTTP application: which routes there are and what stands before and behind them. */
import express, { type Express } from 'express';
import { messageOf } from '../shared/app-error.js';
import { errorHandler, methodNotAllowed, notFoundHandler } from '../shared/http/errors.js';
import { securityHeaders } from '../shared/http/security-headers.js';
import type { Logger } from '../shared/logger.js';
import type { Clock } from '../shared/time.js';
import { alertRoutes } from './analyst/alert-routes.js';
import { changeRoutes } from './analyst/change-routes.js';
import { couchQueryRoutes } from './analyst/couch-queries.js';
import { energyRoutes } from './analyst/energy-routes.js';
import { telemetryRoutes } from './analyst/telemetry-routes.js';
import { villageRoutes } from './analyst/village-routes.js';
import type { Admission } from './gateway/admission.js';
import type { ContactLog } from './gateway/contact-log.js';
import { gatewayRoutes } from './gateway/gateway-routes.js';
import type { LoginGuard } from './gateway/login-guard.js';
import type { VillageAllowance } from './gateway/village-allowance.js';
import type { VillageDirectory } from './gateway/village-directory.js';
import { type CentralMetrics, fromHereOr } from './metrics.js';
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
  guard: LoginGuard;
  metrics: CentralMetrics;
  clock: Clock;
  log: Logger;
  silentAfterHours: number;
  /** True where it is served over TLS. */
  tls: boolean;
  /** Proxies in front whose X-Forwarded-For is believed. */
  trustedProxies: number;
}

export function createApp(options: AppOptions): Express {
  const { store, contacts, directory, admission, allowance, metrics, clock, log, silentAfterHours, tls } = options;
  const roles = new Roles(options);
  const analyst = { store, directory, contacts, clock, silentAfterHours, log };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('case sensitive routing', true);
  app.set('trust proxy', options.trustedProxies);
  app.use(metrics.count);
  // Before the gateway's own routes, which are for villages alone.
  app.use('/telemetry', couchQueryRoutes({ store, log }, roles));
  // Before the headers for browsers: every byte of an answer is paid for on 2G, and no browser asks for these.
  app.use(gatewayRoutes({ store, directory, contacts, admission, allowance, metrics, log }, roles));
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

  // Before all routes below it: whoever has no business here does not learn what there is.
  app.use('/v1', roles.require('analyst', 'admin'));
  app.use('/v1/villages', villageRoutes(analyst, roles));
  app.use('/v1/villages', telemetryRoutes(analyst, roles));
  app.use('/v1/villages', energyRoutes(analyst, roles));
  app.use('/v1/changes', changeRoutes(analyst, roles));
  app.use('/v1/alerts', alertRoutes(analyst, roles));
  app.use(notFoundHandler);
  app.use(errorHandler(log));
  return app;
}
