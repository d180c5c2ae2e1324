/**
 * Just enough of a CouchDB to make it fail in ways a healthy one cannot be brought to: it keeps one village and no
 * telemetry, and answers writes as it is told.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Scripted {
  status: number;
  body: unknown;
}

export class FakeCouch {
  /** Answer to `_bulk_docs`; undefined never answers. */
  bulkDocs: Scripted | undefined = { status: 201, body: [] };
  /** Answer to `_revs_diff`, instead of "nothing held". */
  lookUp: Scripted | undefined;
  /** Answer to the view that receipts are counted with; undefined never answers. */
  receipt: Scripted | undefined = { status: 200, body: { rows: [] } };
  /** Ids of the documents of each write. */
  readonly writes: string[][] = [];
  readonly #villages = new Map<string, object>();
  readonly #server: http.Server;

  private constructor(server: http.Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  static async start(port = 0): Promise<FakeCouch> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new FakeCouch(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const answer = this.#answer(request.method ?? '', new URL(request.url ?? '', this.url).pathname, text);
    if (!answer) return;
    response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer.body));
  }

  #answer(method: string, path: string, text: string): Scripted | undefined {
    const body = text === '' ? {} : JSON.parse(text);
    if (path === '/') return { status: 200, body: { version: '3.5.0', uuid: 'a'.repeat(32) } };
    if (path === '/telemetry/_bulk_docs') {
      this.writes.push(body.docs.map((one: { _id: string }) => one._id));
      return this.bulkDocs;
    }
    if (path === '/telemetry/_revs_diff') {
      const missing = Object.entries(body).map(([id, revs]) => [id, { missing: revs }]);
      return this.lookUp ?? { status: 200, body: Object.fromEntries(missing) };
    }
    if (/^\/telemetry\/_partition\/kano\/_design\/[^/]+\/_view\/numbers$/.test(path)) return this.receipt;
    const village = /^\/villages\/([a-z]+)$/.exec(path)?.[1];
    if (village === undefined) return { status: method === 'PUT' ? 201 : 200, body: { props: { partitioned: true } } };
    if (method === 'PUT') this.#villages.set(village, { ...body, _rev: '1-a' });
    const kept = this.#villages.get(village);
    return kept ? { status: 200, body: kept } : { status: 404, body: { error: 'not_found', reason: 'missing' } };
  }
}
