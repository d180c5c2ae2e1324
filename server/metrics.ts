/**
 * `/metrics`: the centre's figures in Prometheus' text format. What is labelled comes from a bounded set: routes as they
 * are written in the program, methods, statuses and kinds of refusals, never a village or a path as it was sent.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Request, RequestHandler, Response } from 'express';
import { Counter, Gauge, Registry } from 'prom-client';
import { isLoopback } from '../shared/http/server.js';
import type { Service } from '../shared/service.js';
import type { RefusalKind } from './gateway/document-check.js';
import type { GatewayMetrics, WatchedBodies } from './gateway/gateway-metrics.js';

const PREFIX = 'solar_central_';
const MAX_ROUTES = 100;
const NO_ROUTE = 'none';
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
const NS_PER_S = 1e9;

export class CentralMetrics implements GatewayMetrics, Service {
  readonly name = 'metrics';
  readonly #registry = new Registry();
  readonly #routes = new Set<string>();
  readonly #loopDelay: IntervalHistogram = monitorEventLoopDelay({ resolution: 20 });
  readonly #requests: Counter<'route' | 'method' | 'status'>;
  readonly #documents: Counter;
  readonly #refused: Counter<'reason'>;
  readonly #bytes: Counter<'form'>;

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
    this.figure('resident_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss());
    this.figure('heap_used_bytes', 'Of that, in use in the heap.', () => process.memoryUsage().heapUsed);
    this.figure('heap_total_bytes', 'Of that, the heap.', () => process.memoryUsage().heapTotal);
    this.figure('external_bytes', 'Of that, buffers outside of the heap.', () => process.memoryUsage().external);
    this.#loopDelayFigures();
  }

  async start(): Promise<void> {
    this.#loopDelay.enable();
  }

  async stop(): Promise<void> {
    this.#loopDelay.disable();
  }

  /** A figure that is read when it is asked for. */
  figure(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      ...{ name: PREFIX + name, help, registers: [this.#registry] },
      collect: () => gauge.set(read()),
    });
  }

  watch(bodies: WatchedBodies): void {
    this.figure('arriving_body_bytes', 'Room taken by bodies that arrive or wait.', () => bodies.arrivingBytes());
    this.figure('working_body_bytes', 'Bytes of the bodies at work, decompressed.', () => bodies.atWorkBytes());
    this.figure('bodies_at_work', 'Bodies being decompressed, checked and stored.', () => bodies.atWork());
    this.figure('bodies_waiting', 'Bodies that have arrived and wait for their turn.', () => bodies.waiting());
  }

  bodyTaken(sentBytes: number, decodedBytes: number): void {
    this.#bytes.inc({ form: 'sent' }, sentBytes);
    this.#bytes.inc({ form: 'decompressed' }, decodedBytes);
  }

  documentsTaken(count: number): void {
    this.#documents.inc(count);
  }

  documentRefused(reason: RefusalKind | 'rewrite'): void {
    this.#refused.inc({ reason });
  }

  /** Counts every request when its answer is out; one whose client has left before it, as status 499. */
  readonly count: RequestHandler = (request, response, next) => {
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : 499;
      const method = METHODS.has(request.method) ? request.method : 'other';
      this.#requests.inc({ route: this.#routeOf(request), method, status: String(status) });
    });
    next();
  };

  async send(response: Response): Promise<void> {
    const text = await this.#registry.metrics();
    response.set('Content-Type', this.#registry.contentType).send(text);
  }

  #loopDelayFigures(): void {
    const delay = this.#loopDelay;
    const figure = (name: string, help: string, read: () => number) =>
      // Without a sample the histogram gives NaN.
      this.figure(`event_loop_delay_${name}_seconds`, help, () => (delay.count > 0 ? read() / NS_PER_S : 0));
    figure('p50', 'Delay of the event loop since the start, median.', () => delay.percentile(50));
    figure('p99', 'The same, 99th percentile.', () => delay.percentile(99));
    figure('max', 'The same, at its longest.', () => delay.max);
  }

  /** The route that answered as it is written in the program, such as `/v1/villages/:id/rotate`. */
  #routeOf(request: Request): string {
    const route: unknown = request.route?.path;
    if (typeof route !== 'string') return NO_ROUTE;
    const mount = /^\/(telemetry|v1\/[a-z]+)(?=[/?]|$)/.exec(request.originalUrl)?.[0] ?? '';
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
