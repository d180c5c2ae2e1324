/** An HTTP (or HTTPS) server as a service: bounded in what it accepts, and gone when stopped, streams included. */
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { AppError, codeOf, messageOf } from '../app-error.js';
import type { Service } from '../service.js';
import { type Clock, systemClock } from '../time.js';
import { type ConnectionLimits, limitConnections } from './connection-limits.js';
import { UnusedConnections } from './unused-connections.js';

export interface HttpServerOptions {
  host: string;
  /** 0 takes a free port; `url` then tells which. */
  port: number;
  handler: http.RequestListener;
  tls?: { cert: string | Buffer; key: string | Buffer };
  /** Names of the settings, for the sentence that says why it cannot listen. */
  settingNames: { host: string; port: string };
  /** How long running requests may take to finish when stopping; what is left is cut. */
  graceMs?: number;
  timeouts?: Partial<HttpTimeouts>;
  connections?: ConnectionLimits;
  /** Told once a minute at most how many connections were dropped since. */
  onDropped?: (dropped: number) => void;
  clock?: Clock;
}

/** Milliseconds after which a connection is ended. */
export interface HttpTimeouts {
  /** From the connection, or the first byte of a request, until its headers are complete; a TLS handshake too. */
  headersMs: number;
  /** From the first byte of a request until its body is complete. */
  requestMs: number;
  /** Without a request. */
  idleMs: number;
  /** How often connections are looked at for the first two. */
  checkEveryMs: number;
}

const DEFAULT_TIMEOUTS: HttpTimeouts = {
  headersMs: 20_000,
  /**
   * A slow phone may take minutes for 8 MiB; a client that sends nothing at all is cut much earlier, by the headers'
   * limit.
   */
  requestMs: 300_000,
  /**
   * Longer than the quiet between two heartbeats of a meter: a new connection costs a slow link two round trips, TLS two
   * more.
   */
  idleMs: 75_000,
  checkEveryMs: 5_000,
};
const MAX_HEADER_BYTES = 16 * 1024;
/** Within which a request must have come on a connection that had none when the server stopped. */
const UNUSED_GRACE_MS = 1_000;
const DEFAULT_CONNECTIONS: ConnectionLimits = { total: 1024 };

export class HttpServer implements Service {
  readonly name = 'http server';
  readonly #options: HttpServerOptions;
  #server: http.Server | undefined;
  #unused: UnusedConnections | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
  }

  /** Where it listens, such as `http://127.0.0.1:8080`; only while it runs. */
  get url(): string {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    if (!address) throw new AppError('internal', 'the server is not listening');
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return `${this.#options.tls ? 'https' : 'http'}://${host}:${address.port}`;
  }

  async start(): Promise<void> {
    if (this.#server) return;
    const { host, port, handler, tls, settingNames } = this.#options;
    const timeouts = { ...DEFAULT_TIMEOUTS, ...this.#options.timeouts };
    const limits: http.ServerOptions = {
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: timeouts.idleMs,
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      connectionsCheckingInterval: timeouts.checkEveryMs,
    };
    const server = tls
      ? https.createServer({ ...tls, ...limits, handshakeTimeout: timeouts.headersMs }, handler)
      : http.createServer(limits, handler);
    const { connections = DEFAULT_CONNECTIONS, onDropped, clock = systemClock } = this.#options;
    limitConnections(server, { limits: connections, onDropped, clock });
    this.#unused = new UnusedConnections(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError(error, host, port, settingNames)));
      server.listen(port, host, () => {
        server.removeAllListeners('error');
        resolve();
      });
    });
    this.#server = server;
  }

  /**
   * Has connections made from now on served with another certificate; those that are open keep theirs. Throws when the
   * two do not go together, and changes nothing then.
   */
  useCertificate(tls: { cert: string | Buffer; key: string | Buffer }): void {
    if (this.#server instanceof https.Server) this.#server.setSecureContext(tls);
  }

  /** Takes no new connection, lets running requests finish for a while, then cuts what is left. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    // A keep-alive connection that was busy when close() began goes idle later and would hold the server open.
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    const cutUnused = setTimeout(() => this.#unused?.close(), UNUSED_GRACE_MS);
    const cut = setTimeout(() => server.closeAllConnections(), this.#options.graceMs ?? 5_000);
    try {
      await closed;
    } finally {
      clearInterval(sweep);
      clearTimeout(cutUnused);
      clearTimeout(cut);
    }
  }
}

function listenError(error: unknown, host: string, port: number, names: { host: string; port: string }): AppError {
  const code = codeOf(error);
  if (code === 'EADDRINUSE') {
    return new AppError('in_use', `port ${port} on ${host} is in use by another program; choose another ${names.port}`);
  }
  if (code === 'EACCES') return new AppError('usage', `${names.port} ${port} may not be used by this user`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new AppError('usage', `${names.host} ${host} is not an address of this machine`);
  }
  return new AppError('internal', `cannot listen on ${host}:${port}: ${messageOf(error)}`, { cause: error });
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  // A name may begin like an address and lead elsewhere.
  return host === 'localhost' || host === '::1' || (net.isIPv4(host) && host.startsWith('127.'));
}
