/**
 * An HTTP proxy that misbehaves on request: for each request a rule names a fault, or none, and then the request is
 * forwarded whole.
 *
 * It speaks HTTP (faults of the transport are `sim/link.ts`), so it can do what lies and accidents at that level do:
 * answer for the target, lose the target's answer after it has acted, or never come to an end.
 */
import http, {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Service } from '../../shared/service.js';
import { resetSocket } from '../../sim/reset-socket.js';

export interface ProxiedRequest {
  /** Position among all requests, from 0. */
  index: number;
  method: string;
  /** Path and query as the client sent them. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type Fault =
  /** An answer of the proxy's own; the target never hears of the request. */
  | { kind: 'answer'; status: number; headers?: OutgoingHttpHeaders; body?: string | Buffer }
  /** The target gets the request and acts; its answer is lost and the connection reset. */
  | { kind: 'lose-answer' }
  /** The target acts; of its answer's body so many bytes arrive, then the connection is reset. */
  | { kind: 'cut-answer'; afterBytes: number }
  /** A 200 whose body goes on until the client leaves. */
  | { kind: 'endless'; headers?: OutgoingHttpHeaders; chunk?: string }
  /** An answer that never gets to its body: header after header, or one interim answer (102) after the other. */
  | { kind: 'endless-head'; of: 'headers' | 'interim answers' }
  /** Nothing happens any more, before the answer's headers or after them. */
  | { kind: 'hang'; when: 'before-headers' | 'after-headers' }
  /** The connection is reset and the target never hears of the request. */
  | { kind: 'reset' };

export type Rule = (request: ProxiedRequest) => Fault | undefined | Promise<Fault | undefined>;

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Faults that tests name often. */
export const faults = {
  /** What some proxies answer for anything: a success that names nothing. */
  emptyList: (status = 200): Fault => ({ kind: 'answer', status, headers: JSON_TYPE, body: '[]' }),
  json: (status: number, value: unknown, headers: OutgoingHttpHeaders = {}): Fault => ({
    kind: 'answer',
    status,
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(value),
  }),
  /** A whole answer whose JSON breaks off. */
  truncatedJson: (status = 200): Fault => ({ kind: 'answer', status, headers: JSON_TYPE, body: '[{"id":"half' }),
  /** A captive portal's page. */
  html: (status = 200): Fault => ({
    kind: 'answer',
    status,
    headers: { 'Content-Type': 'text/html' },
    body: '<!doctype html><title>Please log in</title><p>Your bundle is used up.',
  }),
  /** A small answer that inflates to 32 MiB of JSON. */
  bomb: (status = 201): Fault => ({
    kind: 'answer',
    status,
    headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(32 * 1024 * 1024, ' ')),
  }),
  redirect: (location: string, status = 302): Fault => ({ kind: 'answer', status, headers: { Location: location } }),
} as const;

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'proxy-connection',
]);

export class FaultProxy implements Service {
  readonly name = 'fault proxy';
  /** Everything asked so far, in order of arrival. */
  readonly requests: ProxiedRequest[] = [];
  /** May be replaced at any time. */
  rule: Rule;
  readonly #target: URL;
  readonly #agent = new http.Agent({ keepAlive: true });
  #server: http.Server | undefined;

  constructor(targetOrigin: string, rule: Rule = () => undefined) {
    this.#target = new URL(targetOrigin);
    this.rule = rule;
  }

  /** Where it listens, `http://127.0.0.1:<port>`; only while it runs. */
  get url(): string {
    const address = this.#server?.address();
    if (!address || typeof address === 'string') throw new Error('the fault proxy is not running');
    return `http://127.0.0.1:${address.port}`;
  }

  async start(): Promise<void> {
    if (this.#server) return;
    const server = http.createServer((request, response) => void this.#handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that gives up in the middle of a fault is part of the test.
    response.on('error', () => undefined);
    try {
      const request: ProxiedRequest = {
        index: this.requests.length,
        method: incoming.method ?? 'GET',
        path: incoming.url ?? '/',
        headers: incoming.headers,
        body: Buffer.alloc(0),
      };
      this.requests.push(request);
      request.body = await readAll(incoming);
      await this.#act(request, response, await this.rule(request));
    } catch {
      // The client left, or the target cannot be reached: to the client both are a broken connection.
      breakOff(response);
    }
  }

  async #act(request: ProxiedRequest, response: ServerResponse, fault: Fault | undefined): Promise<void> {
    if (!fault) return this.#forward(request, response);
    switch (fault.kind) {
      case 'answer':
        return void response.writeHead(fault.status, fault.headers).end(fault.body);
      case 'lose-answer':
        await readAll(await this.#ask(request));
        return breakOff(response);
      case 'cut-answer':
        return this.#cutAnswer(request, response, fault.afterBytes);
      case 'endless':
        return sendEndlessly(response, fault);
      case 'endless-head':
        return sendHeadEndlessly(response, fault.of);
      case 'hang':
        if (fault.when === 'after-headers') response.writeHead(200, JSON_TYPE).flushHeaders();
        return;
      case 'reset':
        return breakOff(response);
    }
  }

  async #forward(request: ProxiedRequest, response: ServerResponse): Promise<void> {
    const answer = await this.#ask(request);
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
    // Streams (progress, changes feeds) must arrive as they are sent.
    response.flushHeaders();
    response.on('close', () => answer.destroy());
    for await (const chunk of answer) response.write(chunk);
    response.end();
  }

  async #cutAnswer(request: ProxiedRequest, response: ServerResponse, afterBytes: number): Promise<void> {
    const answer = await this.#ask(request);
    const body = await readAll(answer);
    response.writeHead(answer.statusCode ?? 502, { ...endToEnd(answer.headers), 'content-length': body.length });
    response.flushHeaders();
    response.write(body.subarray(0, afterBytes), () => breakOff(response));
  }

  #ask({ method, path, headers, body }: ProxiedRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { hostname: host, port } = this.#target;
      const sent = { ...endToEnd(headers), host: this.#target.host, 'content-length': body.length };
      const outgoing = http.request({ agent: this.#agent, host, port, method, path, headers: sent }, resolve);
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

function sendEndlessly(
  response: ServerResponse,
  { headers, chunk = '[]\n' }: Extract<Fault, { kind: 'endless' }>,
): void {
  response.writeHead(200, headers ?? JSON_TYPE);
  const piece = Buffer.from(chunk.repeat(Math.ceil(4096 / chunk.length)));
  const more = (): void => {
    if (response.destroyed) return;
    if (response.write(piece)) setImmediate(more);
    else response.once('drain', more);
  };
  more();
}

const ENDLESS_EVERY_MS = 2;

/** Past `response`, which can do no such thing; slowly, so that whoever does not leave is not starved of its processor. */
function sendHeadEndlessly({ socket }: ServerResponse, of: 'headers' | 'interim answers'): void {
  if (!socket) return;
  const piece = of === 'headers' ? `X-More: ${'x'.repeat(1000)}\r\n` : 'HTTP/1.1 102 Processing\r\n\r\n';
  if (of === 'headers') socket.write('HTTP/1.1 200 OK\r\n');
  const timer = setInterval(() => socket.write(piece), ENDLESS_EVERY_MS);
  socket.once('close', () => clearInterval(timer));
  socket.on('error', () => undefined);
}

function breakOff({ socket }: ServerResponse): void {
  if (socket) resetSocket(socket);
}

function endToEnd(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
