/** An HTTP proxy before a CouchDB that shows one database under another name, and changes nothing else. */
import http from 'node:http';
import { pipeline } from 'node:stream';
import type { Service } from '../../../../shared/service.js';

export class RenamingProxy implements Service {
  readonly name = 'renaming proxy';
  readonly #target: URL;
  readonly #shown: string;
  readonly #database: string;
  readonly #agent = new http.Agent({ keepAlive: true });
  #server: http.Server | undefined;

  /** `shown` is the name clients use, `database` the one in the CouchDB at `targetOrigin`. */
  constructor(targetOrigin: string, shown: string, database: string) {
    this.#target = new URL(targetOrigin);
    this.#shown = shown;
    this.#database = database;
  }

  get url(): string {
    const address = this.#server?.address();
    if (!address || typeof address === 'string') throw new Error('the renaming proxy is not running');
    return `http://127.0.0.1:${address.port}`;
  }

  async start(): Promise<void> {
    if (this.#server) return;
    const server = http.createServer((request, response) => this.#forward(request, response));
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

  #forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const path = (request.url ?? '/').replace(new RegExp(`^/${this.#shown}(?=[/?]|$)`), `/${this.#database}`);
    const { method, headers } = request;
    const { hostname: host, port } = this.#target;
    const outgoing = http.request({ agent: this.#agent, host, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // Whoever leaves in the middle is part of the test.
      pipeline(answer, response, () => undefined);
    });
    outgoing.on('error', () => response.destroy());
    pipeline(request, outgoing, () => undefined);
  }
}
