/** Between PouchDB's idea of `fetch` and our exchanges. */

import type { RawAnswer } from './exchange.js';
import { LinkError } from './link-error.js';

/** What PouchDB gives. */
export interface FetchInit {
  method?: string;
  body?: unknown;
  signal?: AbortSignal | null;
  headers?: Headers | Record<string, string>;
}

/**
 * Of PouchDB's headers the one the link does not set itself: CouchDB answers some requests in MIME parts unless JSON
 * alone is accepted.
 */
export function acceptOf(headers: FetchInit['headers']): Record<string, string> {
  return { Accept: new Headers(headers).get('Accept') ?? 'application/json' };
}

/** The JSON text to be sent; PouchDB sends other things only as attachments, which the registry does not have. */
export function textOfBody(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string') return body;
  throw new LinkError('REQUEST_ERROR', 'only JSON can be sent to the centre');
}

const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205]);
/** They describe the body as it was on the way. */
const OF_THE_WAY: ReadonlySet<string> = new Set(['content-encoding', 'content-length', 'transfer-encoding']);

/** The answer as a fetch would have given it. */
export function responseOf({ status, headers, bytes }: RawAnswer): Response {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OF_THE_WAY.has(name)) continue;
    for (const one of Array.isArray(value) ? value : [value]) kept.append(name, one);
  }
  return new Response(WITHOUT_BODY.has(status) ? null : bytes, { status, headers: kept });
}
