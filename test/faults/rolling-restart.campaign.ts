/**
 * Upgrades while documents are on their way: the node replaced by its successor as a StatefulSet does it (SIGTERM, then the
 * next on the same volume), the centre on its embedded store likewise, and the gateway before a CouchDB as a Deployment does
 * it (the next one serves before the last one is asked to end). Nothing is lost, nothing is there twice, and every program
 * ends in order. ROLLING_RESTARTS sets how often each is replaced (1), TEST_SEED plays one run again.
 */
import net from 'node:net';
import { expect } from 'chai';
import { afterEach, describe } from 'mocha';
import { ProgramClient } from '../../shared/http/client.js';
import { auditVillage } from '../../sim/audit.js';
import { SimulatedCentre } from '../../sim/centre.js';
import { SimulatedLink } from '../../sim/link.js';
import type { ProgramProcess } from '../../sim/processes.js';
import { createPlace, type Place, STORES } from '../server/support/stores.js';
import { freePort } from '../support/free-port.js';
import { PatientPoster } from '../support/patient-poster.js';
import { edgeProgram } from '../support/programs.js';
import { itWithSeed } from '../support/seeds.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';

const VILLAGE = 'bamenda';
const ROUNDS = Number(process.env.ROLLING_RESTARTS ?? 1);
const BACKLOG = 1_500;
/** Some seconds for a backlog. */
const UP_BYTES_PER_S = 20_000;
const STOP_WITHIN_MS = 10_000;

interface Status {
  store: { pending: number };
  sync: { state: string };
}

for (const store of STORES) {
  describe(`a rolling restart during a push (${store})`, function () {
    this.timeout(60_000 + ROUNDS * 60_000);
    const ending: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const end of ending.splice(0).reverse()) await end();
    });
    const folder = useTempFolder();

    itWithSeed('loses nothing, doubles nothing, and every program ends with 0 in time', async (random) => {
      const place = await createPlace(store);
      ending.push(() => place.remove());
      const front = await Front.open();
      ending.push(() => front.close());
      const first = await centreAt(place);
      let centre = first;
      ending.push(() => centre.stop());
      await centre.start();
      front.port = centre.port;
      const link = new SimulatedLink({ targetPort: front.listensAt, upBytesPerS: UP_BYTES_PER_S, roundTripMs: 50 });
      await link.start();
      ending.push(() => link.stop());
      const env = {
        API_URL: link.url,
        CENTRAL_PASSWORD: await centre.addVillage(VILLAGE),
        ...{ SEGMENT_MAX_DOCS: '1000', SYNC_TIMEOUT: '3', CONNECTIVITY_INTERVAL: '0.2' },
      };
      const node = await edgeProgram({ villageId: VILLAGE, dataPath: `${folder.path}/edge`, env });
      await node.start();
      ending.push(() => node.stop());
      const nodeUrl = () => node.url;
      const poster = new PatientPoster({ village: VILLAGE, nodeUrl, devices: ['m1', 'm2'], random, maxPauseMs: 200 });
      let isPosting = true;
      ending.push(async () => isPosting && poster.stop());
      const client = new ProgramClient({ url: node.url, peer: 'the node' });
      const inTheMiddle = async () => {
        await poster.post('backlog', BACKLOG);
        await waitFor(async () => isDraining(await client.json<Status>('/v1/status')), {
          what: 'a push to be under way',
          timeoutMs: 20_000,
        });
      };

      for (let round = 0; round < ROUNDS; round++) {
        await inTheMiddle();
        await replaced(node);
        await inTheMiddle();
        if (store === 'embedded') {
          await replaced(centre.process);
          continue;
        }
        const next = await centreAt(place, first);
        await next.start();
        front.port = next.port;
        const last = centre;
        centre = next;
        await endedInOrder(last.process);
      }

      await poster.stop();
      isPosting = false;
      const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"maxRetries":20}' };
      const lines: unknown[] = [];
      for await (const line of client.lines('/v1/replicate', request)) lines.push(line);
      expect(lines.at(-1)).to.include({ event: 'done', ok: true, pending: 0 });
      const analyst = new ProgramClient({ url: centre.url, token: first.analystToken, peer: 'the centre' });
      const report = await auditVillage(analyst, poster.acknowledged);
      expect(report.problems).to.deep.equal([]);
      expect(report.acknowledged).to.be.above(2 * ROUNDS * BACKLOG);
      expect([report.confirmed, report.atCentre]).to.deep.equal([report.acknowledged, report.acknowledged]);
    });
  });
}

function isDraining({ store, sync }: Status): boolean {
  return store.pending > 0 && ['connecting', 'draining'].includes(sync.state);
}

/** Ended in order, and its successor right behind. */
async function replaced(program: ProgramProcess): Promise<void> {
  await endedInOrder(program);
  await program.start();
}

async function endedInOrder(program: ProgramProcess): Promise<void> {
  const startedMs = performance.now();
  expect(await program.terminate(), program.stderrTail).to.deep.equal({ code: 0, signal: null });
  expect(performance.now() - startedMs).to.be.below(STOP_WITHIN_MS);
}

/** A centre on the store of `place`; `before`: whose tokens it has. */
async function centreAt(place: Place, before?: SimulatedCentre): Promise<SimulatedCentre> {
  const { url, user, password, prefix } = place.couch ?? {};
  const couch = {
    ...(url === undefined ? {} : { COUCHDB_URL: url, REQUIRE_COUCHDB: 'true' }),
    ...(user === undefined ? {} : { COUCHDB_USER: user }),
    ...(password === undefined ? {} : { COUCHDB_PASSWORD: password }),
    ...(prefix ? { COUCHDB_PREFIX: prefix } : {}),
  };
  const tokens = before ? { ADMIN_TOKEN: before.adminToken, ANALYST_TOKEN: before.analystToken } : {};
  return new SimulatedCentre({ port: await freePort(), dataPath: place.folder, env: { ...couch, ...tokens } });
}

/** What a Service of Kubernetes is: new connections go to whoever serves now, those there are stay where they are. */
class Front {
  port = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: net.Server) {
    this.#server = server;
    server.on('connection', (from) => {
      const to = net.connect(this.port, '127.0.0.1');
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => this.#sockets.delete(one));
        one.pipe(other);
      }
    });
  }

  static async open(): Promise<Front> {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Front(server);
  }

  get listensAt(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
