/**
 * The replication endpoints of a village's registry, in CouchDB's words, in both directions: stock `PouchDB.sync` and
 * CouchDB's own replicator work with them. A village has its own registry alone: any other does not exist for it. There
 * are no queries, design documents or attachments.
 */
import { type Request, type RequestHandler, Router } from 'express';
import { AppError } from '../../shared/app-error.js';
import { type Roles, villageOf } from '../roles.js';
import { noteContact, onlyMethods } from './common-handlers.js';
import { couchNotFound } from './couch-errors.js';
import type { GatewayContext } from './gateway-context.js';
import { localDocumentHandlers } from './local-documents.js';
import { registryBulkDocsHandler } from './registry-bulk-docs.js';
import { registryChangesHandler } from './registry-changes.js';
import { isRegistryId } from './registry-document-check.js';
import { registryBulkGetHandler, registryOpenRevisionsHandler, registryRevsDiffHandler } from './registry-revisions.js';
import { allowedAtOnce } from './village-allowance.js';

/** To be used below `/registry-:village`. */
export function registryRoutes(context: GatewayContext, roles: Roles): Router {
  const { store, admission, allowance } = context;
  const registryOf = (village: string) => store().registry(village);
  const local = localDocumentHandlers({ admission, documentsOf: (village) => registryOf(village).local });
  const router = Router({ caseSensitive: true, mergeParams: true });
  router.use(roles.require('village'), noteContact(context), allowedAtOnce(allowance), ownOnly);
  router
    .route('/')
    .get(async (_request, response) => {
      const village = villageOf(response);
      response.json({ db_name: `registry-${village}`, ...(await registryOf(village).info()), props: {} });
    })
    // Some replicators create their target first, whatever is there.
    .put((_request, response) => {
      response
        .status(412)
        .json({ error: 'file_exists', reason: 'The database could not be created, the file already exists.' });
    })
    .all(onlyMethods('GET', 'HEAD', 'PUT'));
  router.route('/_changes').get(registryChangesHandler(context)).all(onlyMethods('GET', 'HEAD'));
  router.route('/_revs_diff').post(registryRevsDiffHandler(context)).all(onlyMethods('POST'));
  router.route('/_bulk_get').post(registryBulkGetHandler(context)).all(onlyMethods('POST'));
  router.route('/_bulk_docs').post(registryBulkDocsHandler(context)).all(onlyMethods('POST'));
  router
    .route('/_ensure_full_commit')
    // What was acknowledged is durable.
    .post(async (_request, response) => {
      const { instance_start_time } = await registryOf(villageOf(response)).info();
      response.status(201).json({ ok: true, instance_start_time });
    })
    .all(onlyMethods('POST'));
  router
    .route('/_local/:id')
    .get(local.get)
    .put(local.put)
    .delete(local.delete)
    .all(onlyMethods('GET', 'HEAD', 'PUT', 'DELETE'));
  router.route('/:id').get(registryOpenRevisionsHandler(context)).all(documentsOnly, onlyMethods('GET', 'HEAD'));
  router.use(couchNotFound);
  return router;
}

const ownOnly: RequestHandler = (request: Request, response, next) => {
  if (request.params.village === villageOf(response)) next();
  else next(new AppError('not_found', 'Database does not exist.'));
};

/** What is none of a document's names is not there, with whichever method. */
const documentsOnly: RequestHandler = (request: Request, _response, next) =>
  next(isRegistryId(String(request.params.id)) ? undefined : new AppError('not_found', 'missing'));
