/**
 * Single HTTP exchanges with the centre over kept-alive connections.
 *
 * Invariants: an exchange ends (an answer, an error) however the network behaves; it is given up after `timeoutMs`
 * without any progress, never after a fixed total; redirects are not followed; answers are bounded; every byte on the
 * socket is counted.
 */
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { readAnswer } from './answer-body.js';
import type { EncodedBody } from './body-encoder.js';
import { LinkError, toLinkError } from './link-error.js';
import { watchProgress } from './progress-watch.js';
import type { Upload, UploadMeter } from './upload-meter.js';

/** The connections used at once: two batches, fresh data, something small, and one that waits for news. */
const MAX_CONNECTIONS = 5;
/**
 * A connection idle for so long is closed by us: carriers forget idle connections, and what is then sent on one
 * disappears without a sign.
 */
const IDLE_MS = 100_000;
/** Never while a connection is kept idle: a probe every few seconds would cost more than the readings of a day. */
const TCP_PROBE_AFTER_MS = 7_200_000;
/** The rate may be less than believed: so many times the time a body seems to need is allowed for it. */
const UPLOAD_ALLOWANCE = 2;

export interface ExchangeOptions {
  /** Origin of the centre. */
  url: string;
  /** Value of the `Authorization` header. */
  authorization: string | undefined;
  /** Milliseconds without any progress after which an exchange is given up. */
  timeoutMs: number;
  /** Certificates to trust instead of the system's (PEM). */
  ca?: string;
  meter: UploadMeter;
}

export interface ExchangeRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: EncodedBody | undefined;
  /** Longest answer to be expected, decompressed. */
  maxAnswerBytes: number;
  signal: AbortSignal | undefined;
  /** None of the push's: counted as such, too. */
  aside?: boolean | undefined;
  /** The centre answers when it has something to say. */
  waits?: boolean | undefined;
  /** Instead of that of the options. */
  timeoutMs?: number | undefined;
}

export interface RawAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** Decompressed. */
  bytes: Buffer;
  /** Milliseconds from sending to the end of the answer. */
  durationMs: number;
}

export interface LinkCounters {
  bytesSent: number;
  bytesReceived: number;
  requests: number;
  /** Of these what was none of the push's. */
  asideRequests: number;
  asideBytes: number;
}

/** One exchange under way. */
interface Call {
  request: http.ClientRequest;
  upload: Upload;
}

/** A proxy may say once or twice that it is still at it. */
const MAX_INTERIM_ANSWERS = 16;

export class Exchanges {
  /** Bytes on the connections since the start, headers included, TLS not. */
  readonly counters: LinkCounters = {
    ...{ bytesSent: 0, bytesReceived: 0, requests: 0 },
    ...{ asideRequests: 0, asideBytes: 0 },
  };
  readonly #options: ExchangeOptions;
  readonly #base: URL;
  readonly #agent: http.Agent;
  /** What of each live connection is already counted. */
  readonly #counted = new WeakMap<Socket, { sent: number; received: number }>();

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#base = new URL(options.url);
    const settings = {
      keepAlive: true,
      maxSockets: MAX_CONNECTIONS,
      keepAliveMsecs: TCP_PROBE_AFTER_MS,
      timeout: IDLE_MS,
      scheduling: 'lifo' as const,
    };
    const { ca } = options;
    this.#agent = this.#isSecure ? new https.Agent({ ...settings, ...(ca ? { ca } : {}) }) : new http.Agent(settings);
  }

  get #isSecure(): boolean {
    return this.#base.protocol === 'https:';
  }

  /** Ends the connections. */
  close(): void {
    this.#agent.destroy();
  }

  /** Resolves with any complete answer, whatever its status; throws LinkError when there was none. */
  async exchange(request: ExchangeRequest): Promise<RawAnswer> {
    const { url } = this.#options;
    return this.#once(request)
      .catch((error: unknown) => {
        // A kept-alive connection may have been closed at the other end unnoticed; everything asked of the centre may
        // be asked twice.
        if (error instanceof StaleConnection) return this.#once(request);
        throw error;
      })
      .catch((error: unknown) => {
        throw toLinkError(error instanceof StaleConnection ? error.cause : error, url);
      });
  }

  async #once(request: ExchangeRequest): Promise<RawAnswer> {
    const { url, meter } = this.#options;
    const { timeoutMs = this.#options.timeoutMs, aside = false, waits = false } = request;
    const startedMs = performance.now();
    const giveUp = new AbortController();
    // Not `AbortSignal.any`, which may be collected before it fires.
    const callOff = () => giveUp.abort(new LinkError('REQUEST_ERROR', 'the request was called off'));
    if (request.signal?.aborted) callOff();
    request.signal?.addEventListener('abort', callOff);
    const call = this.#open(request, giveUp.signal);
    // For as long as it stands it is not on its way.
    if (waits) meter.ended(call.upload);
    const uploadMs = UPLOAD_ALLOWANCE * meter.leftMs;
    const watch = watchProgress(call.request, { timeoutMs, uploadMs }, () => {
      giveUp.abort(new LinkError('TIMEOUT', `no progress for ${timeoutMs / 1000} s in the exchange with ${url}`));
    });
    this.counters.requests++;
    if (aside) this.counters.asideRequests++;
    let response: http.IncomingMessage | undefined;
    try {
      response = await untilResponse(call.request, request.body);
      watch.answered();
      const status = response.statusCode ?? 0;
      // A refusal may come before the body has left.
      if (status < 300 && !waits) meter.answered(call.upload, call.request.reusedSocket);
      const bytes = await readAnswer(response, request.maxAnswerBytes);
      return { status, headers: response.headers, bytes, durationMs: performance.now() - startedMs };
    } catch (error) {
      call.request.destroy();
      if (giveUp.signal.aborted) {
        if (!response && !waits && !request.signal?.aborted) meter.timedOut(call.upload);
        throw giveUp.signal.reason;
      }
      if (!response && call.request.reusedSocket && toLinkError(error, url).tag === 'CONNECTION_ERROR') {
        throw new StaleConnection(error);
      }
      throw error;
    } finally {
      request.signal?.removeEventListener('abort', callOff);
      watch.end();
      meter.ended(call.upload);
      this.#count(call.request.socket, aside);
    }
  }

  #open({ method, path, headers, body }: ExchangeRequest, giveUp: AbortSignal): Call {
    const { authorization, meter } = this.#options;
    const request = (this.#isSecure ? https : http).request(new URL(path, this.#base), {
      method,
      agent: this.#agent,
      signal: giveUp,
      headers: {
        ...(authorization === undefined ? {} : { Authorization: authorization }),
        ...body?.headers,
        ...headers,
      },
    });
    // HTTP/1.1 keeps connections unless told otherwise: saying so costs bytes with every request.
    request.removeHeader('Connection');
    // An answer can come before the upload ends; what the connection says after that is of no interest.
    request.on('error', () => undefined);
    let interim = 0;
    request.on('information', () => {
      if (++interim <= MAX_INTERIM_ANSWERS) return;
      request.destroy(new LinkError('REQUEST_ERROR', 'interim answers come without end and without an answer'));
    });
    const upload = meter.handOver(body?.bytes.length ?? 0);
    request.once('socket', (socket) => {
      if (!socket.connecting) return;
      socket.once(this.#isSecure ? 'secureConnect' : 'connect', () => meter.connected(upload));
    });
    return { request, upload };
  }

  #count(socket: Socket | null, aside: boolean): void {
    if (!socket) return;
    const before = this.#counted.get(socket) ?? { sent: 0, received: 0 };
    const now = { sent: socket.bytesWritten, received: socket.bytesRead };
    this.counters.bytesSent += now.sent - before.sent;
    this.counters.bytesReceived += now.received - before.received;
    if (aside) this.counters.asideBytes += now.sent - before.sent + now.received - before.received;
    this.#counted.set(socket, now);
  }
}

/** The connection was one kept from before and broke before any answer. */
class StaleConnection extends Error {
  constructor(cause: unknown) {
    super('a kept connection was closed at the other end', { cause });
  }
}

function untilResponse(call: http.ClientRequest, body: EncodedBody | undefined): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    call.once('response', resolve);
    call.once('error', reject);
    call.once('close', () => reject(new LinkError('CONNECTION_ERROR', 'the connection was closed without an answer')));
    call.end(body?.bytes);
  });
}
