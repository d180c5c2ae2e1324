/**
 * `/metrics`: the centre's figures in Prometheus' text format. What is labelled comes from a bounded set: routes as they
 * are written in the program, methods, statuses and kinds of refusals, never a village or a path as it was sent.
 */
import type { Socket } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import { Counter, type Histogram, Registry } from 'prom-client';
import { isLoopback } from '../shared/http/server.js';
import { FigureSet } from '../shared/metrics/figures.js';
import { addProcessFigures } from '../shared/metrics/process-figures.js';
import type { Service } from '../shared/service.js';
import type { RefusalKind } from './gateway/document-check.js';
import type { GatewayMetrics, WatchedBodies } from './gateway/gateway-metrics.js';

const PREFIX = 'solar_central_';
const MAX_ROUTES = 100;
const NO_ROUTE = 'none';
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
/** The event loop is looked at so often. */
const LOOP_RESOLUTION_MS = 20;
/** Up to what a body may hold, see `body-density.ts`; else those of the node. */
const BATCH_DOCUMENTS = [1, 3, 10, 30, 100, 300, 1_000, 2_000, 4_000, 20_000];
/** From a small batch on a good link to a large one on 2G, its wait for a turn included. */
const BATCH_SECONDS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

export class CentralMetrics implements GatewayMetrics, Service {
  readonly name = 'metrics';
  readonly #registry = new Registry();
  readonly #routes = new Set<string>();
  readonly figures = new FigureSet(this.#registry, PREFIX);
  readonly #loop: ReturnType<typeof addProcessFigures>;
  readonly #requests: Counter<'route' | 'method' | 'status'>;
  readonly #documents: Counter;
  readonly #refused: Counter<'reason'>;
  readonly #bytes: Counter<'form'>;
  readonly #wireBytes: Counter<'direction'>;
  /** Of a connection, the bytes that are counted already. */
  readonly #counted = new WeakMap<Socket, { received: number; sent: number }>();
  readonly #batchDocuments: Histogram;
  readonly #batchSeconds: Histogram;

  constructor() {
    const registers = [this.#registry];
    this.#requests = new Counter({
      ...{ name: `${PREFIX}requests_total`, help: 'Requests answered.', registers },
      labelNames: ['route', 'method', 'status'],
    });
    this.#documents = new Counter({ name: `${PREFIX}documents_total`, help: 'Documents taken.', registers });
    this.#refused = new Counter({
      ...{ name: `${PREFIX}refused_documents_total`, help: 'Documents refused one by one.', registers },
      labelNames: ['reason'],
    });
    this.#bytes = new Counter({
      ...{ name: `${PREFIX}body_bytes_total`, help: 'Bytes of bodies, as sent and decompressed.', registers },
      labelNames: ['form'],
    });
    this.#wireBytes = new Counter({
      ...{ name: `${PREFIX}wire_bytes_total`, help: 'Bytes of requests and answers, TLS left out.', registers },
      labelNames: ['direction'],
    });
    this.#batchDocuments = this.figures.histogram('batch_documents', 'Documents of a batch answered.', BATCH_DOCUMENTS);
    this.#batchSeconds = this.figures.histogram(
      'batch_duration_seconds',
      'From the request of a batch, its body still on its way, to its answer.',
      BATCH_SECONDS,
    );
    this.#loop = addProcessFigures(this.figures, { resolutionMs: LOOP_RESOLUTION_MS });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#loop.stop();
  }

  watch(bodies: WatchedBodies): void {
    const { figures } = this;
    figures.gauge('arriving_body_bytes', 'Room taken by bodies that arrive or wait.', () => bodies.arrivingBytes());
    figures.gauge('working_body_bytes', 'Bytes of the bodies at work, decompressed.', () => bodies.atWorkBytes());
    figures.gauge('bodies_at_work', 'Bodies being decompressed, checked and stored.', () => bodies.atWork());
    figures.gauge('bodies_waiting', 'Bodies that have arrived and wait for their turn.', () => bodies.waiting());
  }

  bodyTaken(sentBytes: number, decodedBytes: number): void {
    this.#bytes.inc({ form: 'sent' }, sentBytes);
    this.#bytes.inc({ form: 'decompressed' }, decodedBytes);
  }

  batchAnswered(documents: number, durationMs: number): void {
    this.#batchDocuments.observe(documents);
    this.#batchSeconds.observe(durationMs / 1000);
  }

  documentsTaken(count: number): void {
    this.#documents.inc(count);
  }

  documentRefused(reason: RefusalKind | 'rewrite'): void {
    this.#refused.inc({ reason });
  }

  /** Counts every request when its answer is out; one whose client has left before it, as status 499. */
  readonly count: RequestHandler = (request, response, next) => {
    const { socket } = request;
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : 499;
      const method = METHODS.has(request.method) ? request.method : 'other';
      this.#requests.inc({ route: this.#routeOf(request), method, status: String(status) });
      this.#countBytes(socket);
    });
    next();
  };

  async send(response: Response): Promise<void> {
    const text = await this.#registry.metrics();
    response.set('Content-Type', this.#registry.contentType).send(text);
  }

  /** What has come and gone on a connection since it was last counted; one stays open for many requests. */
  #countBytes(socket: Socket): void {
    const before = this.#counted.get(socket) ?? { received: 0, sent: 0 };
    // What waited to be sent counted as sent, and is taken back where the connection broke.
    const received = Math.max(before.received, socket.bytesRead);
    const sent = Math.max(before.sent, socket.bytesWritten);
    this.#counted.set(socket, { received, sent });
    this.#wireBytes.inc({ direction: 'received' }, received - before.received);
    this.#wireBytes.inc({ direction: 'sent' }, sent - before.sent);
  }

  /** The route that answered as it is written in the program, such as `/v1/villages/:id/rotate`. */
  #routeOf(request: Request): string {
    const route: unknown = request.route?.path;
    if (typeof route !== 'string') return NO_ROUTE;
    const url = request.originalUrl;
    const ofOthers = url.startsWith('/registry-') ? '/registry-:village' : '';
    const mount = /^\/(telemetry|v1\/[a-z]+)(?=[/?]|$)/.exec(url)?.[0] ?? ofOthers;
    const name = route.startsWith(mount) ? route : mount + route;
    if (this.#routes.size >= MAX_ROUTES && !this.#routes.has(name)) return NO_ROUTE;
    this.#routes.add(name);
    return name;
  }
}

/**
 * Lets in who asks from this machine, and not through a proxy on it, else who `others` lets in. Where there are proxies,
 * one of them may be on this machine and not say for whom it asks: then nobody is from here.
 */
export function fromHereOr(others: RequestHandler, trustedProxies: number): RequestHandler {
  if (trustedProxies > 0) return others;
  return (request, response, next) => {
    const { 'x-forwarded-for': forwardedFor, forwarded } = request.headers;
    const address = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
    const isFromHere = isLoopback(address) && forwardedFor === undefined && forwarded === undefined;
    // What it returns may reject, and the router is to hear of it.
    return isFromHere ? next() : others(request, response, next);
  };
}
