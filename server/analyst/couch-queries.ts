/**
 * CouchDB's own queries for analysts, below `/telemetry`: `_all_docs`, `_find` and views of one village, and views over
 * all. They read and nothing else: only these paths and methods are passed on, with parameters that are checked by name.
 * On the embedded store `_all_docs` is answered by range; there are neither views nor `_find` there.
 */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { AppError } from '../../shared/app-error.js';
import { villageIdSchema } from '../../shared/documents.js';
import { type AnswerInParts, sendParts } from '../../shared/http/long-answer.js';
import type { Logger } from '../../shared/logger.js';
import { couchErrorHandler } from '../gateway/couch-errors.js';
import { readJsonBody } from '../gateway/request-body.js';
import type { Roles } from '../roles.js';
import type { CentralStore, CouchQuery, CouchQueryAnswer } from '../store/contract.js';
import { checkFindBody, checkParameters, MAX_FIND_BYTES } from './couch-query-check.js';
import { parseRangeQuery, partitionRows } from './partition-rows.js';

export interface CouchQueryContext {
  /** Throws `unavailable` while there is none. */
  store(): CentralStore;
  log: Logger;
}

/** Names of design documents and views: none that a path would resolve, such as `..`. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._~+-]{0,127}$/;

export function couchQueryRoutes(context: CouchQueryContext, roles: Roles): Router {
  const router = Router({ caseSensitive: true });
  const reads = roles.require('analyst', 'admin');
  router.use((_request, response, next) => {
    response.set('X-Content-Type-Options', 'nosniff');
    next();
  });
  router
    .route('/_partition/:village/_all_docs')
    .get(reads, allDocsHandler(context))
    .all(reads, onlyMethods('GET', 'HEAD'));
  router.route('/_partition/:village/_find').post(reads, findHandler(context)).all(reads, onlyMethods('POST'));
  for (const path of ['/_partition/:village/_design/:design/_view/:view', '/_design/:design/_view/:view']) {
    router.route(path).get(reads, viewHandler(context)).all(reads, onlyMethods('GET', 'HEAD'));
  }
  router.use(couchErrorHandler(context.log));
  return router;
}

function allDocsHandler({ store, log }: CouchQueryContext): RequestHandler {
  return async (request, response) => {
    const village = villageIn(request);
    const parameters = checkParameters(request.query, 'documents');
    const kept = store();
    if (kept.query) {
      await passOn(kept, { method: 'GET', path: `${partition(village)}/_all_docs`, parameters }, response, log);
      return;
    }
    const rows = partitionRows(kept.telemetry, village, parseRangeQuery(parameters));
    await sendRows(response, rows, log);
  };
}

function findHandler({ store, log }: CouchQueryContext): RequestHandler {
  return async (request, response) => {
    const village = villageIn(request);
    if (request.is('application/json') === false) {
      throw new AppError('unsupported_media_type', 'Content-Type must be application/json');
    }
    const parameters = checkParameters(request.query, 'none');
    const body = checkFindBody(await readJsonBody(request, MAX_FIND_BYTES));
    const path = `${partition(village)}/_find`;
    await passOn(withCouch(store(), 'queries by _find'), { method: 'POST', path, parameters, body }, response, log);
  };
}

function viewHandler({ store, log }: CouchQueryContext): RequestHandler {
  return async (request, response) => {
    const prefix = request.params.village === undefined ? '' : `${partition(villageIn(request))}/`;
    const path = `${prefix}_design/${nameIn(request, 'design')}/_view/${nameIn(request, 'view')}`;
    const parameters = checkParameters(request.query, 'view');
    await passOn(withCouch(store(), 'views'), { method: 'GET', path, parameters }, response, log);
  };
}

function villageIn(request: Request): string {
  const village = villageIdSchema.safeParse(request.params.village).data;
  if (village !== undefined) return village;
  throw new AppError('invalid_request', 'the partition must be the id of a village');
}

function partition(village: string): string {
  return `_partition/${encodeURIComponent(village)}`;
}

function nameIn(request: Request, parameter: 'design' | 'view'): string {
  const name = String(request.params[parameter]);
  if (NAME.test(name)) return encodeURIComponent(name);
  throw new AppError('not_found', 'missing');
}

type AnsweringStore = CentralStore & Required<Pick<CentralStore, 'query'>>;

function withCouch(store: CentralStore, what: string): AnsweringStore {
  if (store.query) return store as AnsweringStore;
  throw new AppError(
    'not_implemented',
    `${what} need a CouchDB (COUCHDB_URL): the embedded store answers _all_docs and the lists under /v1/villages`,
  );
}

async function passOn(
  store: CentralStore,
  query: Omit<CouchQuery, 'signal'>,
  response: Response,
  log: Logger,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const send = async (answer: CouchQueryAnswer) => {
    response.status(answer.status);
    if (answer.ok) await sendRows(response, answer.chunks, log);
    else response.json({ error: answer.error, reason: answer.reason });
  };
  await store.query?.({ ...query, signal: gone.signal }, send);
}

function sendRows(response: Response, parts: AnswerInParts['parts'], log: Logger): Promise<void> {
  response.set('Cache-Control', 'no-store');
  return sendParts(response, { contentType: 'application/json; charset=utf-8', parts }, log);
}

function onlyMethods(...allowed: string[]): RequestHandler {
  return (_request, response, next) => {
    response.set('Allow', allowed.join(', '));
    next(new AppError('method_not_allowed', `Only ${allowed.join(',')} allowed`));
  };
}
