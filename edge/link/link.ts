/**
 * The link layer: bounded HTTP exchanges with the centre over kept-alive connections.
 *
 * Invariants: a request ends (an answer, a LinkError) however the network behaves; it is given up after `timeoutMs`
 * without any progress, never after a fixed total; redirects are not followed; answers are bounded; every byte on the
 * socket is counted.
 */
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import { LinkError, toLinkError } from './link-error.js';
import { watchProgress } from './progress-watch.js';

const gzipAsync = promisify(gzip);

/** Below this, compressing costs more than it saves. */
const COMPRESS_FROM_BYTES = 400;
/** Enough for everything that is not a list of documents. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Assumed until something has been measured: a poor 2G link. */
const INITIAL_BYTES_PER_S = 2_000;
/** Requests smaller than this measure the round trip, not the rate. */
const MEASURE_FROM_BYTES = 4_000;

export interface LinkOptions {
  /** Origin of the centre. */
  url: string;
  user: string;
  password: string | undefined;
  /** Milliseconds without any progress after which a request is given up. */
  timeoutMs: number;
}

export interface LinkRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Longest answer to be expected, decompressed; 64 KiB unless given. */
  maxAnswerBytes?: number;
  signal?: AbortSignal;
}

export interface LinkAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** The body parsed as JSON; `undefined` when it is empty or not JSON. */
  json: unknown;
  /** Milliseconds from sending to the end of the answer. */
  durationMs: number;
}

export interface LinkCounters {
  bytesSent: number;
  bytesReceived: number;
  requests: number;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #agent: http.Agent;
  readonly #base: URL;
  readonly #counters: LinkCounters = { bytesSent: 0, bytesReceived: 0, requests: 0 };
  /** What of each live connection is already counted. */
  readonly #counted = new WeakMap<Socket, { sent: number; received: number }>();
  #bytesPerS = INITIAL_BYTES_PER_S;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#base = new URL(options.url);
    const settings = { keepAlive: true, maxSockets: 4, keepAliveMsecs: 15_000, scheduling: 'lifo' as const };
    this.#agent = this.#base.protocol === 'https:' ? new https.Agent(settings) : new http.Agent(settings);
  }

  get url(): string {
    return this.#options.url;
  }

  /** Bytes on the connections since the start, headers included, TLS not. */
  get counters(): Readonly<LinkCounters> {
    return this.#counters;
  }

  /** Ends the connections. */
  close(): void {
    this.#agent.destroy();
  }

  /**
   * One exchange. Resolves with any complete answer below 300; throws LinkError: `HTTP_ERROR` with the status for the
   * others, and the tags of `link-error.ts` when there was none.
   */
  async request(request: LinkRequest): Promise<LinkAnswer> {
    const body = await encodeBody(request.body);
    const answer = await this.#exchange(request, body)
      .catch((error: unknown) => {
        // A kept-alive connection may have been closed at the other end unnoticed; everything asked of the centre may
        // be asked twice.
        if (error instanceof StaleConnection) return this.#exchange(request, body);
        throw error;
      })
      .catch((error: unknown) => {
        throw toLinkError(error instanceof StaleConnection ? error.cause : error, this.url);
      });
    if (answer.status >= 300) throw httpError(answer, `${request.method} ${request.path}`, this.url);
    if (body && body.bytes.length >= MEASURE_FROM_BYTES) this.#measure(body.bytes.length, answer.durationMs);
    return answer;
  }

  async #exchange(request: LinkRequest, body: EncodedBody | undefined): Promise<LinkAnswer> {
    const startedMs = performance.now();
    const giveUp = new AbortController();
    const signal = request.signal ? AbortSignal.any([request.signal, giveUp.signal]) : giveUp.signal;
    const call = this.#open(request, body, signal);
    const uploadMs = ((body?.bytes.length ?? 0) / this.#bytesPerS) * 1000;
    const watch = watchProgress(call, { timeoutMs: this.#options.timeoutMs, uploadMs }, () => {
      const seconds = this.#options.timeoutMs / 1000;
      giveUp.abort(new LinkError('TIMEOUT', `no progress for ${seconds} s in the exchange with ${this.url}`));
    });
    this.#counters.requests++;
    let response: http.IncomingMessage | undefined;
    try {
      response = await untilResponse(call, body);
      watch.answered();
      const json = await readJson(response, request.maxAnswerBytes ?? MAX_ANSWER_BYTES);
      const durationMs = performance.now() - startedMs;
      return { status: response.statusCode ?? 0, headers: response.headers, json, durationMs };
    } catch (error) {
      call.destroy();
      if (giveUp.signal.aborted) throw giveUp.signal.reason;
      if (request.signal?.aborted) throw new LinkError('REQUEST_ERROR', 'the request was called off', { cause: error });
      if (!response && call.reusedSocket && toLinkError(error, this.url).tag === 'CONNECTION_ERROR') {
        throw new StaleConnection(error);
      }
      throw error;
    } finally {
      watch.end();
      this.#count(call.socket);
    }
  }

  #open(
    { method, path, headers = {} }: LinkRequest,
    body: EncodedBody | undefined,
    signal: AbortSignal,
  ): http.ClientRequest {
    const { user, password } = this.#options;
    const credentials = Buffer.from(`${user}:${password ?? ''}`, 'utf8').toString('base64');
    const call = (this.#base.protocol === 'https:' ? https : http).request(new URL(path, this.#base), {
      method,
      agent: this.#agent,
      signal,
      headers: {
        Accept: 'application/json',
        'Accept-Encoding': 'gzip',
        ...(password === undefined ? {} : { Authorization: `Basic ${credentials}` }),
        ...(body === undefined ? {} : body.headers),
        ...headers,
      },
    });
    // An answer can come before the upload ends; what the connection says after that is of no interest.
    call.on('error', () => undefined);
    return call;
  }

  #count(socket: Socket | null): void {
    if (!socket) return;
    const before = this.#counted.get(socket) ?? { sent: 0, received: 0 };
    const now = { sent: socket.bytesWritten, received: socket.bytesRead };
    this.#counters.bytesSent += now.sent - before.sent;
    this.#counters.bytesReceived += now.received - before.received;
    this.#counted.set(socket, now);
  }

  /** A moving average, so that one good moment does not shorten every deadline. */
  #measure(bytes: number, durationMs: number): void {
    const bytesPerS = (bytes / Math.max(durationMs, 1)) * 1000;
    this.#bytesPerS = 0.7 * this.#bytesPerS + 0.3 * Math.min(bytesPerS, 10 * this.#bytesPerS);
  }
}

/** The connection was one kept from before and broke before any answer. */
class StaleConnection extends Error {
  constructor(cause: unknown) {
    super('a kept connection was closed at the other end', { cause });
  }
}

interface EncodedBody {
  bytes: Buffer;
  headers: Record<string, string>;
}

async function encodeBody(body: unknown): Promise<EncodedBody | undefined> {
  if (body === undefined) return undefined;
  const plain = Buffer.from(JSON.stringify(body), 'utf8');
  const compressed = plain.length >= COMPRESS_FROM_BYTES;
  const bytes = compressed ? await gzipAsync(plain) : plain;
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': String(bytes.length),
    ...(compressed ? { 'Content-Encoding': 'gzip' } : {}),
  };
  return { bytes, headers };
}

function untilResponse(call: http.ClientRequest, body: EncodedBody | undefined): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    call.once('response', resolve);
    call.once('error', reject);
    call.once('close', () => reject(new LinkError('CONNECTION_ERROR', 'the connection was closed without an answer')));
    call.end(body?.bytes);
  });
}

/**
 * The answer's body, inflated and parsed; `undefined` when it is not JSON. Throws when it is cut short or larger than
 * allowed.
 */
async function readJson(response: http.IncomingMessage, maxBytes: number): Promise<unknown> {
  const compressed = response.headers['content-encoding'] === 'gzip';
  const chunks: Buffer[] = [];
  let length = 0;
  let tooLarge: LinkError | undefined;
  const collect = async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) {
      length += chunk.length;
      if (length > maxBytes) {
        tooLarge = new LinkError('REQUEST_ERROR', 'the answer is larger than any answer should be');
        throw tooLarge;
      }
      chunks.push(chunk);
    }
  };
  try {
    if (compressed) await pipeline(response, createGunzip(), collect);
    else await collect(response);
  } catch (error) {
    // A pipeline that was left early reports that it was left, not why.
    throw tooLarge ?? error;
  }
  if (!response.complete) throw new LinkError('CONNECTION_ERROR', 'the answer was cut short');
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function httpError({ status, headers, json }: LinkAnswer, what: string, url: string): LinkError {
  const reason = textField(json, 'reason') ?? textField(json, 'message') ?? textField(json, 'error');
  const redirect = status < 400 ? '; redirects are not followed' : '';
  const retryAfterS = Number(headers['retry-after']);
  return new LinkError('HTTP_ERROR', `${url} answered ${status} to ${what}${reason ? `: ${reason}` : ''}${redirect}`, {
    status,
    explained: textField(json, 'error') !== undefined,
    ...(Number.isFinite(retryAfterS) && retryAfterS > 0 ? { retryAfterS } : {}),
  });
}

/** A short text field of a JSON answer; what a stranger answers may be anything of any length. */
function textField(json: unknown, name: string): string | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const value = (json as Record<string, unknown>)[name];
  return typeof value === 'string' ? value.slice(0, 200) : undefined;
}
