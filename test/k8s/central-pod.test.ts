/** The centre's container, as `k8s/overlays/centre` renders it, run as a process of this machine. */
import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { ProgramClient } from '../../shared/http/client.js';
import {
  type CouchDb,
  couchdbFetch,
  deleteDatabase,
  describeWithCouchDb,
  uniqueDatabaseName,
} from '../support/couchdb.js';
import { freePort } from '../support/free-port.js';
import {
  type ContainerOptions,
  describeContainers,
  PodVolumes,
  type RunningContainer,
  startContainer,
  untilTrue,
} from './container.js';
import { probe } from './kubelet.js';
import { describeRendered, find, type Manifest, render } from './kustomize.js';
import { bytesOf, JOB_NAME_FIELD, onlyContainer, podTemplateOf } from './pod-spec.js';

const TOKENS = { ADMIN_TOKEN: 'for-the-admin', ANALYST_TOKEN: 'for-the-analyst' };
const EDGE_TOKEN = 'what-meters-show';

describeRendered('the centre, as the manifests say it', () => {
  describeContainers('in a container', () => {
    let manifests: Manifest[];
    const volumes: PodVolumes[] = [];
    const running: RunningContainer[] = [];

    beforeEach(async () => {
      manifests = await render('overlays/centre');
    });
    afterEach(async () => {
      for (const container of running.splice(0)) await container.kill('SIGKILL');
      for (const one of volumes.splice(0)) await one.remove();
    });

    async function start(options: ContainerOptions): Promise<RunningContainer> {
      const own = await PodVolumes.create();
      volumes.push(own);
      const container = await startContainer(own, options);
      running.push(container);
      return container;
    }

    function central(
      port: number,
      couchdb: Partial<CouchDb>,
      overrides: Record<string, string> = {},
    ): ContainerOptions {
      const { spec: pod } = podTemplateOf(find(manifests, 'Deployment', 'central'));
      const { user = 'admin', password = 'nobody-asks' } = couchdb;
      const secrets = {
        'central-secrets': TOKENS,
        'couchdb-secrets': { COUCHDB_USER: user, COUCHDB_PASSWORD: password },
      };
      const place = { CENTRAL_PORT: String(port), COUCHDB_URL: couchdb.url ?? '' };
      return { pod, container: onlyContainer(pod), manifests, secrets, overrides: { ...place, ...overrides } };
    }

    it('refuses to start on an embedded store', async () => {
      const { code, stderr } = await (await start(central(await freePort(), {}))).ended;
      expect(code).to.equal(2);
      expect(stderr).to.include('COUCHDB_URL');
    }).timeout(60_000);

    it('is started and alive while its CouchDB is away, and takes no requests', async () => {
      const port = await freePort();
      const options = central(port, { url: `http://127.0.0.1:${await freePort()}` });
      const centre = await start(options);
      const { container } = options;
      const probed = { container, portOf: () => port };
      await untilTrue(centre, 'its startup probe succeeded', () => probe(probed, container.startupProbe));
      expect(await probe(probed, container.livenessProbe), 'alive').to.equal(true);
      expect(await probe(probed, container.readinessProbe), 'ready').to.equal(false);
      const { code, stderr } = await centre.kill('SIGTERM');
      expect(code, stderr).to.equal(0);
    }).timeout(60_000);

    describeWithCouchDb('with a CouchDB', (couchdb) => {
      let prefix: string;
      beforeEach(() => {
        prefix = `${uniqueDatabaseName('k8s')}-`;
      });
      afterEach(async () => {
        const all = (await (await couchdbFetch(couchdb, '/_all_dbs')).json()) as string[];
        for (const name of all.filter((one) => one.startsWith(prefix))) await deleteDatabase(couchdb, name);
      });

      it("gets a village's readings by the village's node and its nightly job, all three as rendered", async () => {
        const port = await freePort();
        // This CouchDB is a single node.
        const options = central(port, couchdb, { COUCHDB_PREFIX: prefix, COUCHDB_COPIES: '' });
        const centre = await start(options);
        const { container } = options;
        await untilTrue(centre, 'it was ready', () =>
          probe({ container, portOf: () => port }, container.readinessProbe),
        );
        const url = `http://127.0.0.1:${port}`;
        const json = { 'Content-Type': 'application/json' };
        // As an operator does it, with kubectl exec.
        const exec = await start({ ...options, args: () => ['village', 'add', 'bamenda', '--json'] });
        const added = await exec.ended;
        expect(added.code, added.stderr).to.equal(0);
        const { password } = JSON.parse(added.stdout) as { password: string };

        const village = await render('villages/bamenda');
        const secrets = { 'edge-secrets': { EDGE_TOKEN, CENTRAL_PASSWORD: password } };
        const edgePort = await freePort();
        const { spec: edgePod } = podTemplateOf(find(village, 'StatefulSet', 'edge'));
        const edge = onlyContainer(edgePod);
        const overrides = { EDGE_PORT: String(edgePort), API_URL: url, MIN_FREE_MB: '0' };
        const node = await start({ pod: edgePod, container: edge, manifests: village, secrets, overrides });
        await untilTrue(node, 'the node was ready', () =>
          probe({ container: edge, portOf: () => edgePort }, edge.readinessProbe),
        );
        const meter = new ProgramClient({ url: `http://127.0.0.1:${edgePort}`, token: EDGE_TOKEN, peer: 'the node' });
        const reading = { device: 'meter-7', at: '2026-03-01T12:00:00Z', powerW: 412.5 };
        await meter.json('/v1/readings', { method: 'POST', headers: json, body: JSON.stringify(reading) });

        const { spec: jobPod } = podTemplateOf(find(village, 'CronJob', 'edge-sync'));
        const job = await start({
          ...{ pod: jobPod, container: onlyContainer(jobPod), manifests: village, secrets },
          fields: { [JOB_NAME_FIELD]: 'edge-sync-29405880' },
          args: (args) => args.map((word) => (word.startsWith('http://edge:') ? `http://127.0.0.1:${edgePort}` : word)),
        });
        const { code, stderr } = await job.ended;
        expect(code, stderr).to.equal(0);

        const analyst = new ProgramClient({ url, token: TOKENS.ANALYST_TOKEN, peer: 'the centre' });
        const { items } = await analyst.json<{ items: object[] }>('/v1/villages/bamenda/readings');
        expect(items).to.have.length(1);
        expect(items[0]).to.include({ powerW: 412.5 });
        expect(centre.peakBytes).to.be.within(bytesOf('32Mi'), bytesOf(container.resources?.limits?.memory));
        const stopped = await centre.kill('SIGTERM');
        expect(stopped.code, stopped.stderr).to.equal(0);
      }).timeout(60_000);
    });
  });
});
