/**
 * Turns the body of a POST into checked documents: an object, an array, or NDJSON, plain or gzip.
 *
 * Everything is checked before anything is stored; each fault is named by the document's place in the request and the
 * field.
 */
import type { Request, RequestHandler } from 'express';
import express from 'express';
import { AppError, type ErrorDetail, messageOf } from '../../shared/app-error.js';
import { LIMITS, POSTED_SCHEMAS, type PostedDocument, type PostedType } from '../../shared/documents.js';
import { foreignCharset } from '../../shared/http/charset.js';
import { problemsOf, sentenceOf } from '../../shared/validation.js';
import type { RefusedDocument } from '../ledger/ingest-queue.js';

const NDJSON = 'application/x-ndjson';
const JSON_TYPE = 'application/json';
/** More faults than anyone reads are only counted. */
const MAX_DETAILS = 100;

/** Reads the whole body, decompressed, within the limit; other media types and encodings are answered 415. */
export const readBody: RequestHandler[] = [
  (request, _response, next) => {
    const given = request.get('content-type') ?? 'none';
    if ([JSON_TYPE, NDJSON].includes(mediaTypeOf(request))) return next(foreignCharset(given));
    next(new AppError('unsupported_media_type', `the content type must be ${JSON_TYPE} or ${NDJSON}, not ${given}`));
  },
  express.raw({ type: [JSON_TYPE, NDJSON], limit: LIMITS.requestBytes, inflate: true }),
];

/** What a request holds: the good documents with their places, and what is wrong with the others. */
export interface PostedBody {
  documents: PostedDocument[];
  /** Place in the request of each of `documents`. */
  indexes: number[];
  refused: RefusedDocument[];
  details: ErrorDetail[];
}

/** Throws `invalid_request` or `too_large` when the request as a whole cannot be taken. */
export function parsePostedBody(request: Request, type: PostedType): PostedBody {
  const body: unknown = request.body;
  const text = Buffer.isBuffer(body) ? decodeUtf8(body) : '';
  const values = mediaTypeOf(request) === NDJSON ? parseLines(text) : parseJson(text);
  if (values.length === 0) throw new AppError('invalid_request', 'the request holds no document');
  if (values.length > LIMITS.requestDocuments) {
    throw new AppError(
      'too_large',
      `the request holds ${values.length} documents; at most ${LIMITS.requestDocuments} are allowed`,
    );
  }
  const result: PostedBody = { documents: [], indexes: [], refused: [], details: [] };
  for (const [index, value] of values.entries()) checkDocument(value, index, type, result);
  return result;
}

/** The error for a request that is taken whole or not at all; undefined when nothing is wrong. */
export function bodyError({ refused, details }: PostedBody): AppError | undefined {
  const first = refused[0];
  if (!first) return undefined;
  const more = refused.length > 1 ? ` (and ${refused.length - 1} more)` : '';
  const code = refused.some((one) => one.code === 'invalid_request') ? 'invalid_request' : 'too_large';
  return new AppError(code, `document ${first.index}: ${first.message}${more}`, {
    details: details.slice(0, MAX_DETAILS),
  });
}

/**
 * Express tells the type of a request only where there is a body; one without must be told that the body is missing.
 */
function mediaTypeOf(request: Request): string {
  return (request.get('content-type') ?? '').split(';', 1).join('').trim().toLowerCase();
}

/** An unparsable line of NDJSON; it is one bad document, not a bad request. */
class UnreadableLine {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new AppError('invalid_request', 'the body is not valid UTF-8');
  }
}

function parseJson(text: string): unknown[] {
  if (text.trim() === '') throw new AppError('invalid_request', 'the request holds no document');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError('invalid_request', `the body is not valid JSON: ${messageOf(error)}`);
  }
  return Array.isArray(value) ? value : [value];
}

function parseLines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as unknown;
      } catch (error) {
        return new UnreadableLine(`is not valid JSON: ${messageOf(error)}`);
      }
    });
}

function checkDocument(value: unknown, index: number, type: PostedType, result: PostedBody): void {
  const refuse = (code: RefusedDocument['code'], problems: ErrorDetail[]) => {
    result.refused.push({ index, code, message: sentenceOf(problems) });
    result.details.push(...problems.map((problem) => ({ ...problem, index })));
  };
  if (value instanceof UnreadableLine) {
    refuse('invalid_request', [{ message: value.reason }]);
    return;
  }
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__')) {
    // The schema library passes this one name over in silence.
    refuse('invalid_request', [{ path: '__proto__', message: 'is not a measurement name' }]);
    return;
  }
  const parsed = POSTED_SCHEMAS[type].safeParse(value);
  if (!parsed.success) {
    refuse('invalid_request', problemsOf(parsed.error));
  } else if (documentBytes(parsed.data) > LIMITS.documentBytes) {
    refuse('too_large', [{ message: `is larger than ${LIMITS.documentBytes} bytes` }]);
  } else {
    result.documents.push({ type, fields: parsed.data });
    result.indexes.push(index);
  }
}

/** Bytes of a document as JSON; counted exactly only when its texts could make it large. */
function documentBytes(document: object): number {
  const values = Object.values(document);
  const textLength = values.reduce((sum: number, value) => sum + (typeof value === 'string' ? value.length : 32), 0);
  const upperBound = textLength * 6 + values.length * 80;
  return upperBound <= LIMITS.documentBytes ? upperBound : Buffer.byteLength(JSON.stringify(document));
}
