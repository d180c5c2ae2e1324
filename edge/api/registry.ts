/**
 * `/v1/registry` and `/v1/history`: devices, tariffs, thresholds and the village's profile, and what was done to them.
 *
 * Every edit made here has the village as its author.
 */
import { type RequestHandler, Router } from 'express';
import { AppError } from '../../shared/app-error.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { jsonBody } from '../../shared/http/json-body.js';
import {
  MAX_REGISTRY_BODY_BYTES,
  parseTracePage,
  refuseParameters,
  requiredBody,
  sendView,
  tracesPage,
} from '../../shared/http/registry-requests.js';
import type { Registry } from '../../shared/registry/registry.js';

export interface RegistryRoutesOptions {
  registry: Registry;
  village: string;
}

/** Below `/v1/registry`. */
export function registryRoutes({ registry, village }: RegistryRoutesOptions): Router {
  const author = `village:${village}`;
  const router = Router();
  router
    .route('/')
    .get(async (request, response) => {
      refuseParameters(request.query);
      response.json({ items: await registry.list() });
    })
    .all(methodNotAllowed('GET'));
  router
    .route('/:type')
    .get(async (request, response) => {
      refuseParameters(request.query);
      response.json({ items: await registry.list(request.params.type) });
    })
    .all(methodNotAllowed('GET'));
  router
    .route('/:type/:id')
    .get(async (request, response) => {
      const { type, id } = request.params;
      refuseParameters(request.query);
      const view = await registry.get(type, id);
      if (!view) throw new AppError('not_found', `the registry has no ${type} ${id}`);
      sendView(request, response, view);
    })
    .put(jsonBody(MAX_REGISTRY_BODY_BYTES), async (request, response) => {
      const { type, id } = request.params;
      const by = { author, ifMatch: request.get('if-match') };
      const { view, created } = await registry.put(type, id, requiredBody(request), by);
      sendView(request, response, view, created ? 201 : 200);
    })
    .delete(async (request, response) => {
      const { type, id } = request.params;
      await registry.remove(type, id, { author, ifMatch: request.get('if-match') });
      response.status(204).end();
    })
    .all(methodNotAllowed('GET', 'PUT', 'DELETE'));
  router
    .route('/:type/:id/history')
    .get(async (request, response) => {
      const { type, id } = request.params;
      response.json(await tracesPage((page) => registry.history({ type, id }, page), parseTracePage(request.query)));
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** What was done to all documents, newest first. */
export function getHistory(registry: Registry): RequestHandler {
  return async (request, response) => {
    response.json(await tracesPage((page) => registry.history(undefined, page), parseTracePage(request.query)));
  };
}
