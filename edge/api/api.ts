/**
 * The node's REST API: who may ask, what there is, and how failures are answered. One file per resource beside this
 * one.
 */
import express, { type Express, type RequestHandler } from 'express';
import { AppError } from '../../shared/app-error.js';
import { bearerToken, sameSecret } from '../../shared/http/credentials.js';
import { errorHandler, methodNotAllowed, notFoundHandler } from '../../shared/http/errors.js';
import { jsonBody } from '../../shared/http/json-body.js';
import { LoginGuard } from '../../shared/http/login-guard.js';
import { isOwnRequest } from '../../shared/http/page/own-request.js';
import { refuseParameters } from '../../shared/http/registry-requests.js';
import { securityHeaders } from '../../shared/http/security-headers.js';
import { sendJson } from '../../shared/http/send-json.js';
import { openApiHandler } from '../../shared/openapi/handler.js';
import { formatInstant } from '../../shared/time.js';
import { createMetrics } from '../monitor/metrics/metrics.js';
import type { NodeParts } from '../node-parts.js';
import { getAlerts } from './alerts.js';
import { checkRoutes } from './check.js';
import { postCleanup } from './cleanup.js';
import { conflictRoutes } from './conflicts.js';
import { dashboardRoutes, type NodeSession, nodeSession } from './dashboard/dashboard.js';
import { getEvents } from './dashboard/events.js';
import { listHandler } from './list-telemetry.js';
import { postTelemetry } from './post-telemetry.js';
import { readBody } from './posted-body.js';
import { quarantineRoutes } from './quarantine.js';
import { getHistory, registryRoutes } from './registry.js';
import { postReplicate } from './replicate.js';
import { getStats } from './stats.js';
import { statusOf } from './status.js';

/** Failures from one address: of people at the page's login, and of programs. */
const LOGINS_PER_MINUTE = 10;
const TOKENS_PER_MINUTE = 100;

export function createApi(parts: NodeParts): Express {
  const { config, log } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.use(securityHeaders({ tls: false }));
  app
    .route('/healthz')
    .get((_request, response) => {
      response.json({ ok: true, at: formatInstant(Date.now()) });
    })
    .all(methodNotAllowed('GET'));
  app
    .route('/readyz')
    .get((_request, response) => {
      if (parts.stopping.aborted) throw new AppError('busy', 'the node is stopping', { retryAfterS: 5 });
      response.json({ ok: true, village: config.VILLAGE_ID, node: parts.ledger.node });
    })
    .all(methodNotAllowed('GET'));
  const token = config.EDGE_TOKEN;
  const session = token === undefined ? undefined : nodeSession(token, () => parts.clock.now());
  const guardOf = (perMinute: number) =>
    new LoginGuard({ clock: parts.clock, perName: perMinute, perAddress: perMinute });
  app.use(dashboardRoutes({ village: config.VILLAGE_ID, session, guard: guardOf(LOGINS_PER_MINUTE) }));
  app.use(requireToken(token, session, guardOf(TOKENS_PER_MINUTE)));
  app
    .route('/v1/readings')
    .get(listHandler(parts, 'reading'))
    .post(readBody, postTelemetry(parts, 'reading'))
    .all(methodNotAllowed('GET', 'POST'));
  app
    .route('/v1/predictions')
    .get(listHandler(parts, 'prediction'))
    .post(readBody, postTelemetry(parts, 'prediction'))
    .all(methodNotAllowed('GET', 'POST'));
  app
    .route('/v1/status')
    .get(async (request, response) => {
      refuseParameters(request.query);
      response.json(await statusOf(parts));
    })
    .all(methodNotAllowed('GET'));
  app.route('/v1/alerts').get(getAlerts(parts)).all(methodNotAllowed('GET'));
  app.route('/v1/stats').get(getStats(parts)).all(methodNotAllowed('GET'));
  app.route('/v1/events').get(getEvents(parts)).all(methodNotAllowed('GET'));
  app
    .route('/v1/devices')
    .get(async (request, response) => {
      refuseParameters(request.query);
      await sendJson(request, response, { items: await parts.latest.list() });
    })
    .all(methodNotAllowed('GET'));
  app.route('/v1/replicate').post(jsonBody(10_000), postReplicate(parts)).all(methodNotAllowed('POST'));
  app.route('/v1/cleanup').post(jsonBody(1000), postCleanup(parts.keeper)).all(methodNotAllowed('POST'));
  app.use('/v1/quarantine', quarantineRoutes(parts));
  const registry = { registry: parts.registry.registry, village: config.VILLAGE_ID };
  app.use('/v1/registry', registryRoutes(registry));
  app.use('/v1/conflicts', conflictRoutes(registry));
  app.route('/v1/history').get(getHistory(registry.registry)).all(methodNotAllowed('GET'));
  app.use('/v1', checkRoutes(parts));
  const metrics = createMetrics(parts);
  app
    .route('/metrics')
    .get(async (_request, response) => {
      response.type(metrics.contentType).send(await metrics.text());
    })
    .all(methodNotAllowed('GET'));
  app
    .route('/openapi.json')
    .get(openApiHandler(async () => (await import('./openapi.js')).edgeOpenApi()))
    .all(methodNotAllowed('GET'));
  app.use(notFoundHandler);
  app.use(errorHandler(log));
  return app;
}

/**
 * Where a token is set, nothing but the probes and the login is answered without it, or without a login, and guesses at
 * it are limited by address.
 */
function requireToken(
  expected: string | undefined,
  session: NodeSession | undefined,
  guard: LoginGuard,
): RequestHandler {
  return (request, response, next) => {
    if (session?.admits(request) !== undefined) return next();
    if (expected === undefined) {
      // A page of anybody's, open in a browser that reaches this node, must not act on it.
      const isForeign = request.get('origin') !== undefined && !isOwnRequest(request);
      return next(isForeign ? new AppError('forbidden', 'this request came from a page of another site') : undefined);
    }
    const given = bearerToken(request.get('authorization'));
    const address = request.ip ?? '';
    const waitS = given === undefined ? 0 : guard.waitS(address, '', given);
    if (waitS > 0) {
      const message = 'too many wrong tokens have come from this address';
      return next(new AppError('too_many_requests', message, { retryAfterS: waitS }));
    }
    if (given !== undefined && sameSecret(given, expected)) {
      guard.succeeded('', given);
      return next();
    }
    if (given !== undefined) guard.failed(address, '', given);
    response.set('WWW-Authenticate', 'Bearer');
    next(new AppError('unauthorized', 'this node requires its token: Authorization: Bearer …'));
  };
}
