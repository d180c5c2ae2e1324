/** Sends fuzzed requests over connections that are kept alive, and judges each answer by what every answer must be. */
import http from 'node:http';
import type { Asker, FuzzedRequest } from './fuzzed-requests.js';

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

export type Authorizations = (as: Asker, village: string) => string | undefined;

const TIMEOUT_MS = 30_000;

export class FuzzClient {
  readonly #agent: http.Agent;
  readonly #origin: { hostname: string; port: string };
  readonly #authorization: Authorizations;

  constructor(url: string, authorization: Authorizations, connections: number) {
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections });
    const { hostname, port } = new URL(url);
    this.#origin = { hostname, port };
    this.#authorization = authorization;
  }

  /** The answer; rejects where the connection ended without one. */
  send(request: FuzzedRequest): Promise<Answer> {
    const { method, path, as, village, headers, body } = request;
    const authorization = this.#authorization(as, village);
    const options = {
      ...this.#origin,
      method,
      path,
      agent: this.#agent,
      headers: {
        ...headers,
        ...(authorization === undefined ? {} : { Authorization: authorization }),
        ...(body === undefined ? {} : { 'Content-Length': body.length }),
      },
    };
    return new Promise((resolve, reject) => {
      const asked = http.request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
      });
      asked.setTimeout(TIMEOUT_MS, () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      asked.once('error', reject);
      asked.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What only the code's own words would be: frames of a stack, paths of files, names of modules. */
const STACK = /\n\s+at |node_modules|\.[jt]s:\d+|file:\/\/|node:internal/;

/** Why an answer is none that may be given; undefined for a good one. */
export function fault({ path, method }: FuzzedRequest, { status, headers, text }: Answer, secrets: readonly string[]) {
  if (STACK.test(text)) return 'tells of its inside';
  if (secrets.some((secret) => text.includes(secret))) return 'tells what is not for the asker';
  const isLater = (status === 503 || status === 429) && /^\d+$/.test(headers['retry-after'] ?? '');
  if (status >= 500 && status !== 501 && !isLater) return `has the status ${status}`;
  // Refused before there was a request: its headers were too large.
  if (status < 400 || status === 431 || method === 'HEAD') return undefined;
  if (!headers['content-type']?.startsWith('application/json')) return 'is an error that is not JSON';
  return isDocumented(text, path) ? undefined : 'is an error in another form than is documented';
}

/** CouchDB's form where replicators ask, ours everywhere else. */
function isDocumented(text: string, path: string): boolean {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return false;
  }
  const { error, reason } = body as Record<string, unknown>;
  const isCouchForm = isText(error) && isText(reason);
  if (/^\/(telemetry([/?]|$)|\?|$)/.test(path)) return isCouchForm;
  // Without a village that can be read it is no route of the gateway's.
  if (path.startsWith('/registry-') && isCouchForm) return true;
  // With more slashes than one it is the root to some methods, and nothing to the others.
  if (/^\/+(\?|$)/.test(path) && isCouchForm) return true;
  if (typeof error !== 'object' || error === null) return false;
  const { code, message } = error as Record<string, unknown>;
  return isText(code) && isText(message);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
