/** `/v1/quarantine`: what the centre refused, offered again, or given up by a person. */
import { Router } from 'express';
import { AppError } from '../../shared/app-error.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import type { NodeParts } from '../node-parts.js';

export function quarantineRoutes({ quarantine, sync, log }: NodeParts): Router {
  const router = Router();
  router
    .route('/')
    .get(async (_request, response) => {
      response.json({ items: await quarantine.list() });
    })
    .all(methodNotAllowed('GET'));
  router
    .route('/retry')
    .post(async (_request, response) => {
      if (!sync)
        throw new AppError('not_configured', 'this node has no API_URL: there is no centre to offer the documents to');
      const before = quarantine.count;
      await sync.controller.push().catch((error: Error) => {
        throw new AppError('link', `the documents could not be offered again: ${error.message}`, { cause: error });
      });
      response.json({ released: Math.max(0, before - quarantine.count), quarantined: quarantine.count });
    })
    .all(methodNotAllowed('POST'));
  router
    .route('/:id')
    .delete(async (request, response) => {
      const item = (await quarantine.list()).find(({ id }) => id === request.params.id);
      if (!item) throw new AppError('not_found', `there is no document ${request.params.id} in quarantine`);
      await quarantine.remove(item.id);
      log.warn('a person gave up a refused document', { id: item.id, node: item.doc.node, seq: item.doc.seq });
      response.json({ released: item.id });
    })
    .all(methodNotAllowed('DELETE'));
  return router;
}
