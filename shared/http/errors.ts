/**
 * The one place that turns failures into HTTP answers: `{"error":{"code","message","details"?}}`, never a stack trace.
 */
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { AppError, messageOf, shownCode } from '../app-error.js';
import type { Logger } from '../logger.js';

/** The body of every error answer. */
export function errorBody(error: AppError): object {
  const { code, told: message, details } = error;
  return { error: { code: shownCode(code), message, ...(details === undefined ? {} : { details }) } };
}

export function sendError(response: Response, error: AppError): void {
  if (error.retryAfterS !== undefined) response.set('Retry-After', String(error.retryAfterS));
  response.status(error.status).json(errorBody(error));
}

/** Answers what nothing else answered. */
export const notFoundHandler: RequestHandler = (request, _response, next) => {
  next(new AppError('not_found', `there is nothing at ${request.method} ${request.path}`));
};

/** Answers 405 for the methods a path does not have. */
export function methodNotAllowed(...allowed: string[]): RequestHandler {
  return (request, response, next) => {
    response.set('Allow', allowed.join(', '));
    next(
      new AppError(
        'method_not_allowed',
        `${request.method} is not possible at ${request.baseUrl}${request.path}; ${allowed.join(', ')} is`,
      ),
    );
  };
}

/** Express' last handler. Unforeseen failures are logged whole and answered with a sentence that gives nothing away. */
export function errorHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const known = asAppError(error);
    if (known.code === 'internal') {
      log.error('a request failed unexpectedly', {
        method: request.method,
        path: request.path,
        error: error instanceof Error ? error.stack : messageOf(error),
      });
    }
    if (known.told !== known.message) log.warn('a request could not be served', { error: known.message });
    if (response.headersSent) return next(error);
    sendError(response, known);
  };
}

/** Express and its body parsers throw http-errors: keep their meaning, in our words. */
function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  if (status === 413) return new AppError('too_large', 'the request body is larger than is allowed');
  if (status === 415)
    return new AppError('unsupported_media_type', `the request's encoding is not supported: ${messageOf(error)}`);
  if (type === 'request.aborted')
    return new AppError('invalid_request', 'the request ended before its body was complete');
  if (status === 400) return new AppError('invalid_request', `the request cannot be read: ${messageOf(error)}`);
  return new AppError('internal', 'something unexpected went wrong; the log of the program says what', {
    cause: error,
  });
}
