/**
 * The link layer: bounded HTTP exchanges with the centre, for the push and for the registry.
 *
 * Both share connections, credential, compression, deadlines, limits and counters; what holds of every exchange stands
 * in `exchange.ts`.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { parsedJson } from './answer-body.js';
import { BodyEncoder, EncodedBody } from './body-encoder.js';
import { Exchanges, type LinkCounters } from './exchange.js';
import { httpError } from './link-error.js';
import { UploadMeter } from './upload-meter.js';

/** Enough for everything that is not a list of documents. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface LinkOptions {
  /** Origin of the centre. */
  url: string;
  user: string;
  password: string | undefined;
  /** Milliseconds without any progress after which a request is given up. */
  timeoutMs: number;
  /** Certificates to trust instead of the system's (PEM). */
  ca?: string;
}

export interface LinkRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  /** Sent as JSON; encoded beforehand with `encode`, or any other value. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Longest answer to be expected, decompressed; 64 KiB unless given. */
  maxAnswerBytes?: number;
  signal?: AbortSignal;
  /** None of the push's, whose progress and failures are watched. */
  aside?: boolean;
  /** The centre answers when it has something to say: nobody is kept waiting, and no answer says nothing yet. */
  waits?: boolean;
  /** Milliseconds without any progress, where they are others than those of the link. */
  timeoutMs?: number;
}

export interface LinkAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** The body parsed as JSON; `undefined` when it is empty or not JSON. */
  json: unknown;
  /** Milliseconds from sending to the end of the answer. */
  durationMs: number;
  /** Bytes of the request's body on the wire. */
  sentBytes: number;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #meter = new UploadMeter(() => performance.now());
  readonly #encoder = new BodyEncoder();
  readonly #exchanges: Exchanges;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { url, user, password, timeoutMs, ca } = options;
    const credentials = Buffer.from(`${user}:${password ?? ''}`, 'utf8').toString('base64');
    const authorization = password === undefined ? undefined : `Basic ${credentials}`;
    this.#exchanges = new Exchanges({ url, authorization, timeoutMs, meter: this.#meter, ...(ca ? { ca } : {}) });
  }

  get url(): string {
    return this.#options.url;
  }

  /** Bytes on the connections since the start, headers included, TLS not. */
  get counters(): Readonly<LinkCounters> {
    return this.#exchanges.counters;
  }

  /** Measured bytes of bodies per second upwards, a moving average; 2,000 until something has been measured. */
  get bytesPerS(): number {
    return this.#meter.bytesPerS;
  }

  /**
   * Estimated milliseconds until everything handed over has left; 0 when nothing is in flight, and while the rate is only
   * assumed: nobody should wait for a guess.
   */
  get uploadLeftMs(): number {
    return this.#meter.isMeasured ? this.#meter.leftMs : 0;
  }

  /** Whether the centre takes Brotli, as its identification says; gzip until told. */
  useBrotli(accepted: boolean): void {
    this.#encoder.brotliAccepted = accepted;
  }

  /** Ends the connections. */
  close(): void {
    this.#exchanges.close();
  }

  /** The value as a body of JSON, compressed as hard as the link makes worth it. */
  encode(value: unknown): Promise<EncodedBody> {
    return this.#encoder.encode(value, this.bytesPerS);
  }

  /**
   * One exchange. Resolves with any complete answer below 300; throws LinkError: `HTTP_ERROR` with the status for the
   * others, and the tags of `link-error.ts` when there was none.
   */
  async request(request: LinkRequest): Promise<LinkAnswer> {
    const { method, path, body, headers = {}, maxAnswerBytes = MAX_ANSWER_BYTES, signal } = request;
    const { aside, waits, timeoutMs } = request;
    const encoded = body === undefined || body instanceof EncodedBody ? body : await this.encode(body);
    const answer = await this.#exchanges.exchange({
      ...{ method, path, body: encoded, maxAnswerBytes, signal, aside, waits, timeoutMs },
      headers: { ...this.#acceptEncoding(), ...headers },
    });
    const { status, bytes, durationMs } = answer;
    const json = parsedJson(bytes);
    if (status >= 300) throw httpError({ status, headers: answer.headers, json }, `${method} ${path}`, this.url);
    return { status, headers: answer.headers, json, durationMs, sentBytes: encoded?.bytes.length ?? 0 };
  }

  #acceptEncoding(): Record<string, string> {
    return { 'Accept-Encoding': this.#encoder.brotliAccepted ? 'br,gzip' : 'gzip' };
  }
}
