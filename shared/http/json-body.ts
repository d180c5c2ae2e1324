/** Reads a small JSON body. Only UTF-8 is JSON; any other media type or charset is refused, not guessed at. */
import express, { type Request, type RequestHandler } from 'express';
import { AppError } from '../app-error.js';
import { foreignCharset } from './charset.js';

const TYPE = 'application/json';

/**
 * Leaves the parsed body in `request.body`, undefined where none came. Refuses others with `unsupported_media_type`.
 */
export function jsonBody(maxBytes: number): RequestHandler {
  const parse = express.json({ limit: maxBytes });
  return (request, response, next) => {
    // Null means that no body came; an empty one, as many clients send where there is none, has no type.
    if (request.is(TYPE) === null || request.get('content-length') === '0') return next();
    const refusal = refusalOf(request);
    return refusal ? next(refusal) : parse(request, response, next);
  };
}

function refusalOf(request: Request): AppError | undefined {
  const given = request.get('content-type') ?? 'none';
  if (request.is(TYPE) === false) {
    return new AppError('unsupported_media_type', `the content type must be ${TYPE}, not ${given}`);
  }
  return foreignCharset(given);
}
