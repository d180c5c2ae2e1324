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

const MISSING = { status: 404, body: { error: 'not_found', reason: 'missing' } };

const RECEIPTS = '/telemetry/_design/receipts-1';

export class FakeCouch {
  /** Answer to `_bulk_docs`; undefined never answers. */
  bulkDocs: Scripted | undefined = { status: 201, body: [] };
  /** Answer to `_revs_diff`, instead of "nothing held". */
  lookUp: Scripted | undefined;
  /** Answer to `_all_docs`: what is held of the documents that the look-up does not miss. */
  allDocs: Scripted | undefined;
  /** Answer to the view that receipts are counted with; undefined never answers. */
  receipt: Scripted | undefined = { status: 200, body: { rows: [] } };
  /** Databases that are there; to take one out is to delete it. */
  readonly databases = new Set(['telemetry', 'villages']);
  /** Design documents by their paths. */
  readonly #designs = new Map<string, object>();
  uuid = 'a'.repeat(32);
  /** State of `_cluster_setup`. */
  clusterState = 'cluster_finished';
  /** Method and path of every request. */
  readonly requests: string[] = [];
  /** The same, with their queries. */
  readonly queries: string[] = [];
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

  /** The design document of receipts, if it is there. */
  get design(): object | undefined {
    return this.#designs.get(RECEIPTS);
  }

  set design(design: object | undefined) {
    if (design) this.#designs.set(RECEIPTS, design);
    else this.#designs.delete(RECEIPTS);
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
    const { pathname, search } = new URL(request.url ?? '', this.url);
    this.requests.push(`${request.method} ${pathname}`);
    this.queries.push(`${request.method} ${pathname}${search}`);
    const answer = this.#answer(request.method ?? '', pathname, text);
    if (!answer) return;
    response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer.body));
  }

  #answer(method: string, path: string, text: string): Scripted | undefined {
    const body = text === '' ? {} : JSON.parse(text);
    if (path === '/') return { status: 200, body: { version: '3.5.0', uuid: this.uuid } };
    if (path === '/_cluster_setup') return { status: 200, body: { state: this.clusterState } };
    const missing = this.#missing(method, path);
    if (missing) return missing;
    if (path.startsWith('/telemetry/_design/') && !path.includes('/_view/'))
      return this.#designAnswer(method, path, body);
    if (path === '/telemetry/_bulk_docs') {
      this.writes.push(body.docs.map((one: { _id: string }) => one._id));
      return this.bulkDocs;
    }
    if (path === '/telemetry/_all_docs' && this.allDocs) return this.allDocs;
    if (path === '/telemetry/_revs_diff') {
      const missing = Object.entries(body).map(([id, revs]) => [id, { missing: revs }]);
      return this.lookUp ?? { status: 200, body: Object.fromEntries(missing) };
    }
    if (/^\/telemetry\/_partition\/kano\/_design\/[^/]+\/_view\/numbers$/.test(path))
      return this.design ? this.receipt : MISSING;
    const village = /^\/villages\/([a-z]+)$/.exec(path)?.[1];
    if (village === undefined) {
      // Only databases are put here, and those that are missing were made above.
      const isDatabase = /^\/[a-z]+$/.test(path);
      if (method === 'PUT' && isDatabase) return { status: 412, body: { error: 'file_exists', reason: 'exists' } };
      return { status: method === 'PUT' ? 201 : 200, body: { props: { partitioned: true } } };
    }
    if (method === 'PUT') this.#villages.set(village, { ...body, _rev: '1-a' });
    const kept = this.#villages.get(village);
    return kept ? { status: 200, body: kept } : MISSING;
  }

  #missing(method: string, path: string): Scripted | undefined {
    const [, db = '', ...below] = path.split('/');
    if (this.databases.has(db)) return undefined;
    if (method !== 'PUT' || below.length > 0) {
      return { status: 404, body: { error: 'not_found', reason: 'Database does not exist.' } };
    }
    this.databases.add(db);
    if (db === 'telemetry') this.#designs.clear();
    if (db === 'villages') this.#villages.clear();
    return { status: 201, body: { ok: true } };
  }

  #designAnswer(method: string, path: string, body: object): Scripted {
    if (method === 'PUT') this.#designs.set(path, { ...body, _id: path.slice('/telemetry/'.length), _rev: '1-a' });
    const kept = this.#designs.get(path);
    return kept ? { status: 200, body: kept } : MISSING;
  }
}
