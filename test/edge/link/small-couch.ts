/** The few requests of CouchDB's replication protocol, answered from a PouchDB: something to sync with, both ways. */
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Database } from 'pouchdb-core';
import PouchDB from 'pouchdb-node';

interface Replicable extends Database {
  bulkGet(options: { docs: unknown[]; revs: boolean; latest: boolean }): Promise<unknown>;
}

type Json = Record<string, unknown>;

export class SmallCouch {
  readonly database: Replicable;
  /** Headers of every request. */
  readonly requests: http.IncomingHttpHeaders[] = [];
  readonly #server = http.createServer((request, response) => {
    this.requests.push(request.headers);
    this.#answer(request).then(
      (body) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body)),
      (error: { status?: number; name?: string }) =>
        response.writeHead(error.status ?? 500).end(JSON.stringify({ error: error.name, reason: String(error) })),
    );
  });

  constructor(folder: string) {
    this.database = new PouchDB(folder) as Replicable;
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.database.close();
  }

  async #answer(request: IncomingMessage): Promise<unknown> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const [, , action = '', id = ''] = pathname.split('/').map(decodeURIComponent);
    const body = await readBody(request);
    if (pathname === '/') return { couchdb: 'Welcome', uuid: 'small-couch', version: '3.5.0' };
    if (action === '') return this.database.info();
    if (action === '_local' && request.method === 'PUT') return this.database.put(body);
    if (action === '_local') return this.database.get(`_local/${id}`);
    if (action === '_revs_diff') return this.database.revsDiff(body as Record<string, string[]>);
    if (action === '_bulk_docs') return this.database.bulkDocs(body.docs as object[], { new_edits: false });
    if (action === '_bulk_get')
      return this.database.bulkGet({ docs: body.docs as unknown[], revs: true, latest: true });
    if (action === '_changes') {
      const limit = Number(searchParams.get('limit') ?? 1_000);
      const { results } = await this.database.changes({ since: Number(searchParams.get('since') ?? 0), limit });
      return { results, last_seq: results.at(-1)?.seq ?? Number(searchParams.get('since') ?? 0) };
    }
    throw Object.assign(new Error('missing'), { status: 404, name: 'not_found' });
  }
}

async function readBody(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
  return plain.length === 0 ? {} : (JSON.parse(plain.toString('utf8')) as Json);
}
