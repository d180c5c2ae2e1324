/** One request of a light village over its own kept connections, read to its end. */
import http from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const gunzipAsync = promisify(gunzip);

/** A node's SYNC_TIMEOUT: without any progress for so long a request is given up. */
const PAUSE_MAX_MS = 15_000;

export interface LightRequest {
  method: 'GET' | 'PUT' | 'POST';
  path: string;
  headers: Record<string, string>;
  body?: Buffer | string;
}

export interface LightAnswer {
  status: number;
  /** Undefined where the body is no JSON. */
  json: unknown;
  /** What the gateway asks for; 0 where it asks for nothing. */
  retryAfterMs: number;
}

/** Rejects when there is no whole answer. */
export function sendRequest(agent: http.Agent, origin: string, request: LightRequest): Promise<LightAnswer> {
  const { method, path, headers, body } = request;
  return new Promise((resolve, reject) => {
    const sent = http.request(origin + path, { agent, method, headers: { 'Accept-Encoding': 'gzip', ...headers } });
    sent.setTimeout(PAUSE_MAX_MS, () => sent.destroy(Object.assign(new Error('no progress'), { code: 'TIMEOUT' })));
    sent.once('error', reject);
    sent.once('response', (response) => answerOf(response).then(resolve, reject));
    sent.end(body);
  });
}

async function answerOf(response: http.IncomingMessage): Promise<LightAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const plain = response.headers['content-encoding'] === 'gzip' ? await gunzipAsync(bytes) : bytes;
  const retryAfterS = Number(response.headers['retry-after'] ?? 0);
  return {
    status: response.statusCode ?? 0,
    json: parsed(plain.toString('utf8')),
    retryAfterMs: Number.isFinite(retryAfterS) ? retryAfterS * 1000 : 0,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
