/** Asks a node under test: answers with status, headers and parsed body, whatever they are. */
import net from 'node:net';
import { messageOf } from '../../../shared/app-error.js';
import type { TelemetryDocument } from '../../../shared/documents.js';

export type Resource = 'readings' | 'predictions';

/** The fields of all of the API's answers; which are there depends on the request. */
export interface AnswerBody {
  accepted?: number;
  duplicates?: number;
  lastSeq?: number;
  refused?: { index: number; code: string; message: string }[];
  error?: { code: string; message: string; details?: { index?: number; path?: string; message: string }[] };
  items?: TelemetryDocument[];
  next?: string;
  ok?: boolean;
  node?: string;
  store?: Record<string, number>;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** An empty object where the answer is not JSON. */
  body: AnswerBody;
}

export interface Question {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export async function ask(url: string, { method = 'GET', headers = {}, body }: Question = {}): Promise<Answer> {
  const payload = Buffer.isBuffer(body) ? new Uint8Array(body) : body;
  const response = await fetch(url, { method, headers, ...(payload === undefined ? {} : { body: payload }) });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} };
}

/** Posts a value as JSON. */
export function post(url: string, resource: Resource, value: unknown, query = ''): Promise<Answer> {
  return postText(url, resource, JSON.stringify(value), { query });
}

/** Posts a body as it is; `application/json` unless the headers say otherwise. */
export function postText(
  url: string,
  resource: Resource,
  body: string | Buffer,
  { query = '', headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const all = { 'Content-Type': 'application/json', ...headers };
  return ask(`${url}/v1/${resource}${query}`, { method: 'POST', headers: all, body });
}

/** Everything listed, page after page; fails on a page that is not a list. */
export async function listAll(
  url: string,
  resource: Resource,
  parameters: Record<string, string> = {},
): Promise<TelemetryDocument[]> {
  const items: TelemetryDocument[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ limit: '1000', ...parameters, ...(cursor === undefined ? {} : { cursor }) });
    const { status, body, text } = await ask(`${url}/v1/${resource}?${query}`);
    if (status !== 200 || !body.items) throw new Error(`the list was answered with ${status} ${text}`);
    items.push(...body.items);
    cursor = body.next;
  } while (cursor !== undefined);
  return items;
}

/**
 * Sends bytes as they are, which `fetch` would put right, and resolves with everything answered until the connection
 * ends.
 */
export function rawRequest(url: string, head: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () => socket.write(head));
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}

/** The same; undefined while the node says that a segment is being repaired: no list is better than half of one. */
export async function listUnlessRepairing(
  ...asked: Parameters<typeof listAll>
): Promise<TelemetryDocument[] | undefined> {
  return listAll(...asked).catch((error: unknown) => {
    if (/ 503 .*will be repaired/.test(messageOf(error))) return undefined;
    throw error;
  });
}
