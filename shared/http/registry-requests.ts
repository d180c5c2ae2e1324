/**
 * What requests about registry documents have in common at the edge and at the centre: entity tags, bodies, and pages of
 * traces.
 *
 * The entity tag of a document is its revision in quotation marks; `If-Match` is judged by the registry itself, which
 * alone knows the revision at the moment of writing.
 */
import type { Request, Response } from 'express';
import { z } from 'zod';
import { AppError } from '../app-error.js';
import { defaultPageLimitSchema } from '../page-limit.js';
import type { RegistryView, TraceView } from '../registry/registry-view.js';
import { parseParameters } from '../validation.js';

/** A registry document, or the settlement of a conflict, as it is sent. */
export const MAX_REGISTRY_BODY_BYTES = 64 * 1024;

export interface TracePage {
  /** 1 to 1,000. */
  limit: number;
  /** Only traces older than this one, named by its `_id`. */
  before?: string;
}

export const traceQuerySchema = z.strictObject({
  limit: defaultPageLimitSchema,
  before: z.string().min(1).max(512).optional().describe('The `next` of the page before'),
});

/** Parses `limit` (100 unless given) and `before`; throws `invalid_request` naming the parameter, unknown ones too. */
export function parseTracePage(parameters: Record<string, unknown>): TracePage {
  const { limit, before } = parseParameters(traceQuerySchema, parameters);
  return before === undefined ? { limit } : { limit, before };
}

/** A page of traces, newest first; `next` is the `before` of the page behind it and absent at the end. */
export async function tracesPage(
  history: (page: TracePage) => Promise<TraceView[]>,
  page: TracePage,
): Promise<{ items: TraceView[]; next?: string }> {
  // One trace more than asked for tells whether there is a next page.
  const found = await history({ ...page, limit: page.limit + 1 });
  const items = found.slice(0, page.limit);
  const last = items.at(-1);
  return found.length > items.length && last ? { items, next: last._id } : { items };
}

/** Throws `invalid_request` where a query has any parameter: a typing error is not silently ignored. */
export function refuseParameters(parameters: Record<string, unknown>): void {
  const [name] = Object.keys(parameters);
  if (name !== undefined) throw new AppError('invalid_request', `the parameter ${name} is not one of this request`);
}

/** The body of a request that must have one; throws `invalid_request` without. */
export function requiredBody(request: Request): unknown {
  const body: unknown = request.body;
  if (body === undefined) throw new AppError('invalid_request', 'the request has no body; a JSON object is expected');
  return body;
}

export function entityTag(rev: string): string {
  return `"${rev}"`;
}

/** Answers with a document and its entity tag; a GET or HEAD whose `If-None-Match` has the tag is answered 304. */
export function sendView(request: Request, response: Response, view: RegistryView, status: 200 | 201 = 200): void {
  response.set('ETag', entityTag(view._rev));
  // Not left to Express: it does not compare where the client says that caches be passed by, as `fetch` always does.
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && namesTag(request.get('if-none-match'), view._rev)) response.status(304).end();
  else response.status(status).json(view);
}

/** Compared weakly, as is due for `If-None-Match` (RFC 9110, 13.1.2). */
function namesTag(header: string | undefined, rev: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(entityTag(rev));
}
