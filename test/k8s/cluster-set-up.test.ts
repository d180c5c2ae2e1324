/** The job that makes one cluster of CouchDB's nodes, as `k8s/overlays/centre` renders it. */
import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { freePort } from '../support/free-port.js';
import { type ContainerEnd, describeContainers, PodVolumes, startContainer } from './container.js';
import { afterFailure } from './kubelet.js';
import { describeRendered, find, type Manifest, render } from './kustomize.js';
import { bytesOf, configMapData, onlyContainer, type PodSpec, podTemplateOf } from './pod-spec.js';
import { StandInCluster } from './stand-in-cluster.js';

describeRendered('the job that sets CouchDB up, as the manifests say it', () => {
  let manifests: Manifest[];
  let job: Manifest;
  let pod: PodSpec;

  beforeEach(async () => {
    manifests = await render('overlays/centre');
    job = find(manifests, 'Job', 'couchdb-set-up');
    pod = podTemplateOf(job).spec;
  });

  it('names every node of the StatefulSet, as the nodes name each other', async () => {
    for (const folder of ['overlays/centre', 'overlays/single-machine']) {
      const here = await render(folder);
      const { replicas, serviceName } = find(here, 'StatefulSet', 'couchdb').spec as {
        replicas: number;
        serviceName: string;
      };
      const hosts = Array.from({ length: replicas }, (_, n) => `couchdb-${n}.${serviceName}`);
      const { COUCHDB_NODES } = configMapData(here, 'couchdb-settings');
      expect(COUCHDB_NODES, folder).to.equal(hosts.map((host) => `http://${host}:5984`).join(','));
      const ini = configMapData(here, 'couchdb-config')['cluster.ini'] ?? '';
      const seeds = /^seedlist = (.*)$/m.exec(ini)?.[1];
      if (replicas > 1) expect(seeds, folder).to.equal(hosts.map((host) => `couchdb@${host}`).join(','));
      expect(/^n = (\d+)$/m.exec(ini)?.[1], folder).to.equal(String(Math.min(replicas, 3)));
      expect(configMapData(here, 'central-settings').COUCHDB_COPIES, folder).to.equal(String(Math.min(replicas, 3)));
      const [, name] = /-name (\S+)/.exec(JSON.stringify(podTemplateOf(find(here, 'StatefulSet', 'couchdb')))) ?? [];
      expect(name).to.equal(`couchdb@$(POD_NAME).${serviceName}`);
    }
  });

  it('gives up before Kubernetes ends it', () => {
    const { activeDeadlineSeconds } = job.spec as { activeDeadlineSeconds: number };
    const { SETUP_TIMEOUT } = configMapData(manifests, 'couchdb-settings');
    expect(Number(SETUP_TIMEOUT)).to.be.within(60, activeDeadlineSeconds - 30);
  });

  describeContainers('in a container', () => {
    let cluster: StandInCluster;
    let volumes: PodVolumes;

    beforeEach(async () => {
      cluster = await StandInCluster.start(3);
      volumes = await PodVolumes.create();
    });
    afterEach(async () => {
      await cluster.stop();
      await volumes.remove();
    });

    async function runJob(urls: string, { password = 'pw', timeoutS = 20 } = {}): Promise<ContainerEnd> {
      const secrets = { 'couchdb-secrets': { COUCHDB_USER: 'admin', COUCHDB_PASSWORD: password } };
      const overrides = { COUCHDB_NODES: urls, SETUP_TIMEOUT: String(timeoutS) };
      const container = onlyContainer(pod);
      return (await startContainer(volumes, { pod, container, manifests, secrets, overrides })).ended;
    }

    it('joins the nodes, finishes the cluster, and changes nothing when it runs again', async () => {
      cluster.blindFor = 2;
      const first = await runJob(cluster.urls);
      expect(first.code, first.stderr).to.equal(0);
      for (const { members, uuid, databases } of cluster.nodes) {
        expect(members.size).to.equal(3);
        expect(uuid).to.equal(cluster.nodes[0]?.uuid);
        expect([...databases]).to.have.members(['_users', '_replicator', '_global_changes']);
      }
      expect(first.peakBytes).to.be.below(bytesOf(onlyContainer(pod).resources?.limits?.memory));
      cluster.requests = [];
      const second = await runJob(cluster.urls);
      expect(second.code, second.stderr).to.equal(0);
      expect(cluster.requests.filter((asked) => asked.includes('/_nodes/'))).to.deep.equal([]);
    }).timeout(60_000);

    it('fails for another try while a node is missing', async () => {
      const { code, stderr } = await runJob(`${cluster.urls},http://127.0.0.1:${await freePort()}`, { timeoutS: 3 });
      expect(code).to.equal(1);
      expect(stderr).to.include('ECONNREFUSED');
      expect(afterFailure(job, 1)).to.equal('Count');
    }).timeout(60_000);

    it('fails for good with a wrong password, and with a member that it was not told of', async () => {
      expect((await runJob(cluster.urls, { password: 'wrong' })).code).to.equal(2);
      expect((await runJob(cluster.urls)).code).to.equal(0);
      const { code, stderr } = await runJob(cluster.urls.split(',').slice(0, 2).join(','));
      expect(code).to.equal(2);
      expect(stderr).to.include('couchdb-2');
      expect(afterFailure(job, 2)).to.equal('FailJob');
    }).timeout(60_000);
  });
});
