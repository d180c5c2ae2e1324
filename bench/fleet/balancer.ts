/**
 * What stands before the gateways, as a Service of Kubernetes does: each TCP connection goes to the next gateway in turn
 * that takes it, and ends when that one ends.
 */
import net from 'node:net';
import type { Service } from '../../shared/service.js';

const HOST = '127.0.0.1';

export class Balancer implements Service {
  readonly name = 'balancer';
  readonly #targets: readonly number[];
  readonly #server: net.Server;
  readonly #clients = new Set<net.Socket>();
  #next = 0;
  #port = 0;

  /** `targets`: ports of the gateways on this machine. */
  constructor(targets: readonly number[]) {
    this.#targets = targets;
    this.#server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
      this.#clients.add(client);
      client.once('close', () => this.#clients.delete(client));
      // A client that leaves is no news; its gateway's connection ends with it.
      client.on('error', () => client.destroy());
      this.#connect(client, this.#targets.length);
    });
  }

  /** Only after `start`. */
  get url(): string {
    return `http://${HOST}:${this.#port}`;
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      // All villages at once: more than may wait by default.
      this.#server.listen({ port: 0, host: HOST, backlog: 4_096 }, () => {
        const address = this.#server.address();
        this.#port = typeof address === 'object' && address !== null ? address.port : 0;
        resolve();
      });
    });
  }

  stop(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Tries so many gateways; a client that none takes is turned away as by a closed port. */
  #connect(client: net.Socket, tries: number): void {
    if (client.destroyed) return;
    if (tries === 0) {
      client.resetAndDestroy();
      return;
    }
    const port = this.#targets[this.#next++ % this.#targets.length] ?? 0;
    const gateway = net.connect({ port, host: HOST, allowHalfOpen: true, noDelay: true });
    const refused = () => this.#connect(client, tries - 1);
    gateway.once('error', refused);
    gateway.once('connect', () => {
      gateway.removeListener('error', refused);
      gateway.on('error', () => client.resetAndDestroy());
      gateway.once('close', () => client.destroy());
      client.once('close', () => gateway.destroy());
      if (client.destroyed) gateway.destroy();
      client.pipe(gateway);
      gateway.pipe(client);
    });
  }
}
