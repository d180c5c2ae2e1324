/**
 * `/v1/villages/:id/registry` and `/history`: analysts read a village's registry and what was done to it, admins edit it.
 * The registry of a disabled village goes on being edited: it gets the edits when it is let in again.
 */
import { type Request, Router } from 'express';
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
import { findVillage } from '../analyst/analyst-context.js';
import type { Roles } from '../roles.js';
import { authorOf } from './author.js';
import type { RegistryContext } from './registry-context.js';

export function registryRoutes(context: RegistryContext, roles: Roles): Router {
  const reads = roles.require('analyst', 'admin');
  const edits = roles.require('admin');
  const router = Router({ caseSensitive: true });

  const registryOf = async ({ params }: Request) => {
    const village = await findVillage(context, params.village);
    return { village, registry: context.registries.of(village.id) };
  };

  router
    .route('/:village/registry')
    .get(reads, async (request, response) => {
      refuseParameters(request.query);
      const { registry } = await registryOf(request);
      response.json({ items: await registry.list() });
    })
    .all(methodNotAllowed('GET'));

  router
    .route('/:village/registry/:type')
    .get(reads, async (request, response) => {
      refuseParameters(request.query);
      const { registry } = await registryOf(request);
      response.json({ items: await registry.list(request.params.type) });
    })
    .all(methodNotAllowed('GET'));

  router
    .route('/:village/registry/:type/:id')
    .get(reads, async (request, response) => {
      refuseParameters(request.query);
      const { type, id } = request.params;
      const { registry, village } = await registryOf(request);
      const view = await registry.get(type, id);
      if (!view) throw new AppError('not_found', `the registry of ${village.id} has no ${type} ${id}`);
      sendView(request, response, view);
    })
    .put(edits, jsonBody(MAX_REGISTRY_BODY_BYTES), async (request, response) => {
      refuseParameters(request.query);
      const { type, id } = request.params;
      const by = { author: authorOf(request), ifMatch: request.get('if-match') };
      const body = requiredBody(request);
      const { registry, village } = await registryOf(request);
      const { view, created } = await registry.put(type, id, body, by);
      await context.notes.edited(village, `${type}:${id}`);
      sendView(request, response, view, created ? 201 : 200);
    })
    .delete(edits, async (request, response) => {
      refuseParameters(request.query);
      const { type, id } = request.params;
      const by = { author: authorOf(request), ifMatch: request.get('if-match') };
      const { registry, village } = await registryOf(request);
      await registry.remove(type, id, by);
      await context.notes.edited(village, `${type}:${id}`);
      response.status(204).end();
    })
    .all(methodNotAllowed('GET', 'PUT', 'DELETE'));

  router
    .route('/:village/registry/:type/:id/history')
    .get(reads, async (request, response) => {
      const page = parseTracePage(request.query);
      const { type, id } = request.params;
      const { registry } = await registryOf(request);
      response.json(await tracesPage((one) => registry.history({ type, id }, one), page));
    })
    .all(methodNotAllowed('GET'));

  router
    .route('/:village/history')
    .get(reads, async (request, response) => {
      const page = parseTracePage(request.query);
      const { registry } = await registryOf(request);
      response.json(await tracesPage((one) => registry.history(undefined, one), page));
    })
    .all(methodNotAllowed('GET'));

  return router;
}
