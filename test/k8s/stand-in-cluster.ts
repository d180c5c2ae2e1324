/**
 * CouchDB nodes that know of joining and finishing a cluster, and of nothing else: as CouchDB 3.5 answers, which was
 * looked up with three real ones.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const PASSWORD = 'pw';

/** Nodes that share a cluster once they are joined; whether they are is for the test to say. */
export class StandInCluster {
  readonly nodes: StandInNode[] = [];
  /** By how much more often `_membership` has to be asked until everybody sees everybody. */
  blindFor = 0;
  requests: string[] = [];

  static async start(count: number): Promise<StandInCluster> {
    const cluster = new StandInCluster();
    for (let n = 0; n < count; n++)
      cluster.nodes.push(await StandInNode.start(cluster, `couchdb@couchdb-${n}.couchdb-pods`));
    return cluster;
  }

  get urls(): string {
    return this.nodes.map(({ url }) => url).join(',');
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.stop();
  }
}

export class StandInNode {
  readonly name: string;
  members: Set<string>;
  databases = new Set<string>();
  uuid: string;
  readonly #cluster: StandInCluster;
  readonly #server: http.Server;

  static async start(cluster: StandInCluster, name: string): Promise<StandInNode> {
    const node = new StandInNode(cluster, name);
    await new Promise<void>((resolve) => node.#server.listen(0, '127.0.0.1', resolve));
    return node;
  }

  private constructor(cluster: StandInCluster, name: string) {
    this.name = name;
    this.uuid = `uuid of ${name}`;
    this.members = new Set([name]);
    this.#cluster = cluster;
    this.#server = http.createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        const { status, body } = this.#answer(request);
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ method = '', url = '', headers }: http.IncomingMessage): { status: number; body: unknown } {
    const asked = `${method} ${url}`;
    const { nodes, requests } = this.#cluster;
    requests.push(asked);
    if (headers.authorization !== `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`) {
      return { status: 401, body: { error: 'unauthorized', reason: 'Name or password is incorrect.' } };
    }
    if (asked === 'GET /') return { status: 200, body: { couchdb: 'Welcome', uuid: this.uuid } };
    if (asked === 'GET /_node/_local') return { status: 200, body: { name: this.name } };
    if (asked === 'GET /_membership') return { status: 200, body: this.#membership() };
    if (asked === 'POST /_cluster_setup') return this.#finish();
    const joined = /^PUT \/_node\/_local\/_nodes\/(.+)$/.exec(asked)?.[1];
    if (joined !== undefined) {
      const name = decodeURIComponent(joined);
      const all = new Set([...this.members, ...(nodes.find((node) => node.name === name)?.members ?? [name])]);
      for (const node of nodes.filter((one) => all.has(one.name))) node.members = all;
      return { status: 201, body: { ok: true } };
    }
    const database = /^PUT \/(_[a-z_]+)$/.exec(asked)?.[1] ?? '';
    const isNew = !this.databases.has(database);
    for (const node of this.#peers()) node.databases.add(database);
    return isNew ? { status: 201, body: { ok: true } } : { status: 412, body: { error: 'file_exists' } };
  }

  #peers(): StandInNode[] {
    return this.#cluster.nodes.filter(({ name }) => this.members.has(name));
  }

  #membership(): { all_nodes: string[]; cluster_nodes: string[] } {
    const isBlind = this.#cluster.blindFor-- > 0;
    return { all_nodes: isBlind ? [this.name] : [...this.members], cluster_nodes: [...this.members] };
  }

  #finish(): { status: number; body: unknown } {
    const peers = this.#peers();
    if (peers.every(({ databases, uuid }) => databases.has('_users') && uuid === this.uuid)) {
      return { status: 400, body: { error: 'bad_request', reason: 'Cluster is already finished' } };
    }
    for (const node of peers) {
      node.uuid = this.uuid;
      for (const name of ['_users', '_replicator']) node.databases.add(name);
    }
    return { status: 201, body: { ok: true } };
  }
}
