/**
 * The node's REST API: who may ask, what there is, and how failures are answered. One file per resource beside this
 * one.
 */
import express, { type Express, type RequestHandler } from 'express';
import { AppError } from '../../shared/app-error.js';
import { bearerToken, sameSecret } from '../../shared/http/credentials.js';
import { errorHandler, methodNotAllowed, notFoundHandler } from '../../shared/http/errors.js';
import { jsonBody } from '../../shared/http/json-body.js';
import { securityHeaders } from '../../shared/http/security-headers.js';
import { formatInstant } from '../../shared/time.js';
import { createMetrics } from '../monitor/metrics.js';
import type { NodeParts } from '../node-parts.js';
import { checkRoutes } from './check.js';
import { postCleanup } from './cleanup.js';
import { listHandler } from './list-telemetry.js';
import { postTelemetry } from './post-telemetry.js';
import { readBody } from './posted-body.js';
import { quarantineRoutes } from './quarantine.js';
import { postReplicate } from './replicate.js';
import { statusOf } from './status.js';

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
  app.use(requireToken(config.EDGE_TOKEN));
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
    .get(async (_request, response) => {
      response.json(await statusOf(parts));
    })
    .all(methodNotAllowed('GET'));
  app.route('/v1/replicate').post(jsonBody(10_000), postReplicate(parts)).all(methodNotAllowed('POST'));
  app.route('/v1/cleanup').post(jsonBody(1000), postCleanup(parts.keeper)).all(methodNotAllowed('POST'));
  app.use('/v1/quarantine', quarantineRoutes(parts));
  app.use('/v1', checkRoutes(parts));
  const metrics = createMetrics(parts);
  app
    .route('/metrics')
    .get(async (_request, response) => {
      response.type(metrics.contentType).send(await metrics.text());
    })
    .all(methodNotAllowed('GET'));
  app.use(notFoundHandler);
  app.use(errorHandler(log));
  return app;
}

/** Where a token is set, nothing but the probes is answered without it. */
function requireToken(expected: string | undefined): RequestHandler {
  return (request, response, next) => {
    if (expected === undefined) return next();
    const given = bearerToken(request.get('authorization'));
    if (given !== undefined && sameSecret(given, expected)) return next();
    response.set('WWW-Authenticate', 'Bearer');
    next(new AppError('unauthorized', 'this node requires its token: Authorization: Bearer …'));
  };
}
