/** `/v1/conflicts`: fields, or documents, that were edited on both sides while neither knew; settled by a person. */
import { Router } from 'express';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { jsonBody } from '../../shared/http/json-body.js';
import {
  MAX_REGISTRY_BODY_BYTES,
  refuseParameters,
  requiredBody,
  sendView,
} from '../../shared/http/registry-requests.js';
import type { RegistryRoutesOptions } from './registry.js';

/** Below `/v1/conflicts`. */
export function conflictRoutes({ registry, village }: RegistryRoutesOptions): Router {
  const router = Router();
  router
    .route('/')
    .get(async (request, response) => {
      refuseParameters(request.query);
      response.json({ items: await registry.conflicts() });
    })
    .all(methodNotAllowed('GET'));
  router
    .route('/:type/:id')
    .post(jsonBody(MAX_REGISTRY_BODY_BYTES), async (request, response) => {
      const { type, id } = request.params;
      const view = await registry.settle(type, id, requiredBody(request), {
        author: `village:${village}`,
        ifMatch: request.get('if-match'),
      });
      if (view) sendView(request, response, view);
      else response.json({ _id: `${type}:${id}`, deleted: true });
    })
    .all(methodNotAllowed('POST'));
  return router;
}
