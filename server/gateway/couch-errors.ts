/**
 * Errors of the replication endpoints in CouchDB's form, `{"error","reason"}`, which is what replicators understand.
 */
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { AppError, type ErrorCode, messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';

/** Where CouchDB's name differs from ours. */
const COUCH_NAME: Partial<Record<ErrorCode, string>> = {
  invalid_request: 'bad_request',
  unsupported_media_type: 'bad_content_type',
  unavailable: 'service_unavailable',
  storage_failed: 'service_unavailable',
  busy: 'too_many_requests',
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
    if (known.retryAfterS !== undefined) response.set('Retry-After', String(known.retryAfterS));
    // Of a body that was given up half-way nothing more is read.
    if (request.readableDidRead && !request.complete) response.set('Connection', 'close');
    response.status(known.status).json({ error: COUCH_NAME[known.code] ?? known.code, reason: known.message });
  };
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  // Express throws this for a path it cannot decode.
  if (status === 400) return new AppError('invalid_request', 'the path of the request cannot be read');
  return new AppError('internal', 'something unexpected went wrong at the centre', { cause: error });
}
