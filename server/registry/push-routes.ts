/** `POST /v1/registry/:type/:id`: an admin's document for many villages. */
import { Router } from 'express';
import { z } from 'zod';
import { messageOf } from '../../shared/app-error.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { jsonBody } from '../../shared/http/json-body.js';
import { sendLong } from '../../shared/http/long-answer.js';
import { refuseParameters, requiredBody } from '../../shared/http/registry-requests.js';
import {
  assertSize,
  fieldsOf,
  givenDocument,
  registryId,
  registryTypeOf,
} from '../../shared/registry/registry-documents.js';
import { parseBody } from '../../shared/validation.js';
import type { Roles } from '../roles.js';
import { authorOf } from './author.js';
import { asJsonLines, pushToMany } from './push-to-many.js';
import type { RegistryContext } from './registry-context.js';
import { selectionSchema, selectVillages } from './village-selection.js';

/** Room for 20,000 villages by name besides the document. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

export const pushBodySchema = z.strictObject({
  villages: selectionSchema,
  doc: givenDocument.describe('What the type has, as for one village'),
});

/** Below `/v1/registry`. */
export function pushRoutes(context: RegistryContext, roles: Roles): Router {
  const { store, registries, notes, log } = context;
  const router = Router({ caseSensitive: true });
  router
    .route('/:type/:id')
    .post(roles.require('admin'), jsonBody(MAX_BODY_BYTES), async (request, response) => {
      refuseParameters(request.query);
      const { type, id } = request.params;
      const author = authorOf(request);
      const { villages, doc } = parseBody(pushBodySchema, requiredBody(request));
      // Before anything is written: one that is wrong is wrong for all of them.
      checkDocument(type, id, doc);
      const selected = selectVillages(await store().villages.list(), villages);
      const outcomes = pushToMany(
        selected,
        { type, id, doc, author },
        {
          registryOf: (village) => registries.of(village),
          onEdited: (village) => notes.edited(village, `${type}:${id}`),
          onUnexpected: (village, error) =>
            log.error('a document could not be pushed to a village', { village, error: messageOf(error) }),
        },
      );
      await sendLong(response, { contentType: 'application/json; charset=utf-8', lines: asJsonLines(outcomes) }, log);
    })
    .all(methodNotAllowed('POST'));
  return router;
}

/** Throws as the registry of a village would. */
function checkDocument(type: string, id: string, doc: object): void {
  registryId(type, id);
  assertSize(type, {}, fieldsOf(registryTypeOf(type), doc));
}
