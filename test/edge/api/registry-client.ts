/** Asks a node under test, or anything that answers as it does, about its registry. */
import type { Conflict, RegistryView, TraceView } from '../../../shared/registry/registry-view.js';
import { type Answer, ask } from './node-client.js';

export interface RegistryAnswer extends Omit<Answer, 'body'> {
  body: Partial<RegistryView> & {
    items?: RegistryView[] & Conflict[] & TraceView[];
    next?: string;
    deleted?: boolean;
    error?: { code: string; message: string; details?: { path?: string; message: string }[] };
  };
  etag: string | null;
}

/** `path` below `/v1`; `body` is sent as JSON where there is one. */
export async function askRegistry(
  url: string,
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<RegistryAnswer> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const answer = await ask(`${url}/v1/${path}`, { method, headers: { ...type, ...headers }, ...sent });
  return { ...answer, etag: answer.headers.get('etag') } as unknown as RegistryAnswer;
}

/** Stores a document that must not be there, or over the revision given; throws unless it was taken. */
export async function putDocument(url: string, path: string, body: object, etag?: string | null): Promise<string> {
  const headers: Record<string, string> = etag ? { 'If-Match': etag } : {};
  const answer = await askRegistry(url, 'PUT', `registry/${path}`, { body, headers });
  if (answer.status >= 300 || answer.etag === null) throw new Error(`PUT ${path}: ${answer.status} ${answer.text}`);
  return answer.etag;
}
