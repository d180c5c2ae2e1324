/** `/v1/conflicts`: what awaits a person, of all villages or one; and where an admin settles it. */
import { Router } from 'express';
import { messageOf } from '../../shared/app-error.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { jsonBody } from '../../shared/http/json-body.js';
import {
  MAX_REGISTRY_BODY_BYTES,
  refuseParameters,
  requiredBody,
  sendView,
} from '../../shared/http/registry-requests.js';
import { findVillage } from '../analyst/analyst-context.js';
import type { Roles } from '../roles.js';
import { authorOf } from './author.js';
import { conflictPage, parseConflictQuery } from './conflict-list.js';
import type { RegistryContext } from './registry-context.js';

/** Below `/v1/conflicts`. */
export function conflictRoutes({ registries, ...context }: RegistryContext, roles: Roles): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/')
    .get(roles.require('analyst', 'admin'), async (request, response) => {
      const { village, ...page } = parseConflictQuery(request.query);
      const records =
        village === undefined
          ? (await context.store().villages.list()).filter(({ openConflicts = 0 }) => openConflicts > 0)
          : [await findVillage(context, village)];
      // One of many that cannot be asked is named; the one that was asked for fails.
      const onUnavailable =
        village === undefined
          ? (id: string, error: unknown) =>
              context.log.warn('the conflicts of a village cannot be listed now', {
                village: id,
                error: messageOf(error),
              })
          : undefined;
      response.json(await conflictPage(records, page, (id) => registries.of(id).conflicts(), onUnavailable));
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** Below `/v1/villages`. */
export function settlementRoutes({ registries, notes, ...context }: RegistryContext, roles: Roles): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/:village/conflicts/:type/:id')
    .post(roles.require('admin'), jsonBody(MAX_REGISTRY_BODY_BYTES), async (request, response) => {
      refuseParameters(request.query);
      const author = authorOf(request);
      const body = requiredBody(request);
      const { type, id } = request.params;
      const { id: village } = await findVillage(context, request.params.village);
      const view = await registries.of(village).settle(type, id, body, { author, ifMatch: request.get('if-match') });
      await notes.counted(village);
      if (view) sendView(request, response, view);
      else response.json({ _id: `${type}:${id}`, deleted: true });
    })
    .all(methodNotAllowed('POST'));
  return router;
}
