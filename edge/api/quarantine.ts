/** `/v1/quarantine`: what the centre refused, offered again, or given up by a person. */
import { Router } from 'express';
import { AppError } from '../../shared/app-error.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { jsonList, sendLong } from '../../shared/http/long-answer.js';
import { refuseParameters } from '../../shared/http/registry-requests.js';
import type { NodeParts } from '../node-parts.js';
import { releaseQuarantined } from '../push/quarantine-release.js';

export function quarantineRoutes(parts: NodeParts): Router {
  const { quarantine, sync, clock, log } = parts;
  const router = Router();
  router
    .route('/')
    .get(async (request, response) => {
      refuseParameters(request.query);
      const lines = jsonList('items', quarantine.all());
      await sendLong(response, { contentType: 'application/json; charset=utf-8', lines }, log);
    })
    .all(methodNotAllowed('GET'));
  router
    .route('/retry')
    .post(async (_request, response) => {
      if (!sync)
        throw new AppError('not_configured', 'this node has no API_URL: there is no centre to offer the documents to');
      const before = quarantine.count;
      const sinceMs = clock.now();
      const push = () =>
        sync.controller.push().catch((error: Error) => {
          throw new AppError('link', `the documents could not be offered again: ${error.message}`, { cause: error });
        });
      await push();
      // It may have joined a forced run that had offered them before the rule was lifted.
      if (quarantine.count === before && before > 0 && !quarantine.wasTriedSince(sinceMs)) await push();
      response.json({ released: Math.max(0, before - quarantine.count), quarantined: quarantine.count });
    })
    .all(methodNotAllowed('POST'));
  router
    .route('/:id')
    .delete(async (request, response) => {
      const { id } = await releaseQuarantined(request.params.id, parts);
      response.json({ released: id });
    })
    .all(methodNotAllowed('DELETE'));
  return router;
}
