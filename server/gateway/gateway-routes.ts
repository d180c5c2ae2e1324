/**
 * The replication endpoints a village needs to push its telemetry, in CouchDB's words; stock `PouchDB.replicate.to`
 * works with them. Nothing else of a CouchDB is there: no reading of documents, no design documents, no other database
 * but the village's registry (`registry-routes.ts`).
 */
import { Router } from 'express';
import { version } from '../../shared/version.js';
import type { Roles } from '../roles.js';
import { bulkDocsHandler } from './bulk-docs.js';
import { noteContact, onlyMethods } from './common-handlers.js';
import { couchErrorHandler, couchNotFound } from './couch-errors.js';
import type { GatewayContext } from './gateway-context.js';
import { localDocumentHandlers } from './local-documents.js';
import { receiptHandler } from './receipt.js';
import { registryRoutes } from './registry-routes.js';
import { revsDiffHandler } from './revs-diff.js';
import { allowedAtOnce } from './village-allowance.js';

export function gatewayRoutes(context: GatewayContext, roles: Roles): Router {
  const { store } = context;
  const local = localDocumentHandlers({ admission: context.admission, documentsOf: () => store().local });
  const router = Router({ caseSensitive: true });
  router.use((_request, response, next) => {
    response.set('X-Content-Type-Options', 'nosniff');
    next();
  });

  const welcomed = roles.require('village', 'analyst', 'admin');
  router
    .route('/')
    .get(welcomed, noteContact(context), (_request, response) => {
      const { couchVersion, uuid } = store();
      response.json({
        couchdb: 'Welcome',
        version: couchVersion,
        uuid,
        features: ['accepts-br', 'accepts-gzip', 'bulk-docs-representation', 'receipts'],
        vendor: { name: 'solar-central', version },
      });
    })
    .all(welcomed, onlyMethods('GET', 'HEAD'));

  const telemetry = Router({ caseSensitive: true });
  telemetry.use(roles.require('village'), noteContact(context), allowedAtOnce(context.allowance));
  telemetry
    .route('/')
    .get(async (_request, response) => {
      response.json({ db_name: 'telemetry', ...(await store().info()), props: { partitioned: true } });
    })
    // Some replicators create their target first, whatever is there.
    .put((_request, response) => {
      response
        .status(412)
        .json({ error: 'file_exists', reason: 'The database could not be created, the file already exists.' });
    })
    .all(onlyMethods('GET', 'HEAD', 'PUT'));
  telemetry.route('/_revs_diff').post(revsDiffHandler(context)).all(onlyMethods('POST'));
  telemetry.route('/_bulk_docs').post(bulkDocsHandler(context)).all(onlyMethods('POST'));
  telemetry.route('/_receipt').get(receiptHandler(context)).all(onlyMethods('GET', 'HEAD'));
  telemetry
    .route('/_local/:id')
    .get(local.get)
    .put(local.put)
    .delete(local.delete)
    .all(onlyMethods('GET', 'HEAD', 'PUT', 'DELETE'));
  telemetry.use(couchNotFound);

  router.use('/telemetry', telemetry);
  router.use('/registry-:village', registryRoutes(context, roles));
  // Errors of this router's own routes: those of other routers do not come through here.
  router.use(couchErrorHandler(context.log));
  return router;
}
