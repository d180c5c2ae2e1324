/**
 * Counts the HTTP requests that pass through a simulated link, and what of their bytes are heads and bodies.
 *
 * Node's own HTTP parser reads a copy of what each connection sends up; what it answers goes nowhere. So requests are
 * counted where they arrive, whoever sends them, and no byte on the link is changed by it.
 */
import http, { type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import type { UpwardObserver } from '../../sim/link.js';

export interface RequestCounts {
  /** Requests whose head has arrived. */
  requests: number;
  /** Bytes of their heads and, as far as they have arrived, of their bodies. */
  headBytes: number;
  bodyBytes: number;
  /** Requests by method and path without identifiers, such as `POST /telemetry/_bulk_docs`. */
  byKind: Readonly<Record<string, number>>;
}

/** A body as it was sent, still encoded. */
export interface ObservedBody {
  kind: string;
  encoding: string | undefined;
  bytes: Uint8Array;
}

export class RequestObserver {
  readonly #parser: http.Server;
  readonly #onBody: ((body: ObservedBody) => void) | undefined;
  readonly #byKind: Record<string, number> = {};
  #requests = 0;
  #headBytes = 0;
  #bodyBytes = 0;

  /** `onBody` is shown every body that has arrived whole. */
  constructor(onBody?: (body: ObservedBody) => void) {
    this.#onBody = onBody;
    this.#parser = http.createServer({ requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
      this.#note(request);
      response.end();
    });
  }

  /** So far; a copy. */
  get counts(): RequestCounts {
    return {
      requests: this.#requests,
      headBytes: this.#headBytes,
      bodyBytes: this.#bodyBytes,
      byKind: { ...this.#byKind },
    };
  }

  /** For `LinkOptions.observe`. */
  readonly observe = (): UpwardObserver => {
    const copy = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    copy.on('error', () => undefined);
    this.#parser.emit('connection', copy);
    return {
      passed: (bytes) => void copy.push(Buffer.from(bytes)),
      closed: () => void copy.destroy(),
    };
  };

  #note(request: IncomingMessage): void {
    const kind = kindOf(request);
    this.#requests++;
    this.#byKind[kind] = (this.#byKind[kind] ?? 0) + 1;
    this.#headBytes += headBytesOf(request);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => {
      this.#bodyBytes += chunk.length;
      if (this.#onBody) chunks.push(chunk);
    });
    request.on('end', () => {
      this.#onBody?.({ kind, encoding: request.headers['content-encoding'], bytes: Buffer.concat(chunks) });
    });
    request.on('error', () => undefined);
  }
}

function kindOf({ method, url = '/' }: IncomingMessage): string {
  const path = (url.split('?')[0] ?? '/').replace(/\/_local\/.*/, '/_local');
  return `${method} ${path}`;
}

/** As clients write it: a request line, `name: value` lines, an empty line. */
function headBytesOf({ method, url, rawHeaders }: IncomingMessage): number {
  let bytes = Buffer.byteLength(`${method} ${url} HTTP/1.1\r\n\r\n`);
  // Names and values in turn, each with two bytes behind it: `: ` or the end of the line.
  for (const part of rawHeaders) bytes += Buffer.byteLength(part, 'latin1') + 2;
  return bytes;
}
