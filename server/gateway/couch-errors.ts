/**
 * Errors of the replication endpoints in CouchDB's form, `{"error","reason"}`, which is what replicators understand.
 */
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { AppError, type ErrorCode, messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { discardRest } from './request-body.js';

/** Where CouchDB's name differs from ours. */
const COUCH_NAME: Partial<Record<ErrorCode, string>> = {
  invalid_request: 'bad_request',
  unsupported_media_type: 'bad_content_type',
  unavailable: 'service_unavailable',
  storage_failed: 'service_unavailable',
  busy: 'service_unavailable',
  timeout: 'request_timeout',
  internal: 'internal_server_error',
};

/** Answers what the replication endpoints do not have: they show less of the database than CouchDB would. */
export const couchNotFound: RequestHandler = (_request, _response, next) => next(new AppError('not_found', 'missing'));

export function couchErrorHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const known = asAppError(error);
    if (known.code === 'internal') {
      log.error('a replication request failed unexpectedly', {
        method: request.method,
        path: request.path,
        error: error instanceof Error ? error.stack : messageOf(error),
      });
    }
    if (known.status === 503) log.warn('a replication request could not be served', { error: known.message });
    if (response.headersSent) return next(error);
    if (known.retryAfterS !== undefined) response.set('Retry-After', String(jittered(known.retryAfterS)));
    const answer = { error: COUCH_NAME[known.code] ?? known.code, reason: known.message };
    response.status(known.status);
    // Such a body is not taken in: the connection ends with it.
    const isGivenUp = !request.complete && (request.readableDidRead || known.code === 'too_large');
    if (!isGivenUp) return void response.json(answer);
    response.set('Connection', 'close');
    if (known.code === 'timeout') return void response.json(answer);
    void answerWhileItComes(request, response, answer);
  };
}

/** The answer is out at once, and the connection ended when the client has had the time to see it. */
async function answerWhileItComes(request: Request, response: Response, answer: object): Promise<void> {
  const text = JSON.stringify(answer);
  response
    .type('json')
    .set('Content-Length', String(Buffer.byteLength(text)))
    .write(text);
  await discardRest(request);
  response.end();
}

/** Whoever failed at the same moment does not come back at the same moment. */
function jittered(seconds: number): number {
  return Math.ceil(seconds * (1 + Math.random() / 2));
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  // Express throws this for a path it cannot decode.
  if (status === 400) return new AppError('invalid_request', 'the path of the request cannot be read');
  return new AppError('internal', 'something unexpected went wrong at the centre', { cause: error });
}
