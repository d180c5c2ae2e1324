/** The nightly job, as `k8s/villages/bamenda` renders it: its command against real nodes and centres. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { ProgramClient } from '../../shared/http/client.js';
import type { SimulatedCentre } from '../../sim/centre.js';
import type { ProgramProcess } from '../../sim/processes.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { freePort } from '../support/free-port.js';
import { centreProgram, edgeProgram } from '../support/programs.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import {
  type ContainerEnd,
  describeContainers,
  PodVolumes,
  type RunningContainer,
  startContainer,
} from './container.js';
import { afterFailure } from './kubelet.js';
import {
  describeRendered,
  find,
  K8S_FOLDER,
  type Manifest,
  parseManifests,
  render,
  renderFolder,
} from './kustomize.js';
import { bytesOf, configMapData, JOB_NAME_FIELD, onlyContainer, type PodSpec, podTemplateOf } from './pod-spec.js';

const VILLAGE = 'bamenda';
const TOKEN = 'what-the-job-shows';
const SECRETS = { 'edge-secrets': { EDGE_TOKEN: TOKEN, CENTRAL_PASSWORD: 'not for the job' } };
/** How much longer than its deadline the program waits for a node's answer (edge/cli/replicate.ts). */
const GRACE_S = 5;

describeRendered('the nightly job of a village, as the manifests say it', () => {
  let manifests: Manifest[];
  let cronJob: Manifest;
  let pod: PodSpec;

  beforeEach(async () => {
    manifests = await render('villages/bamenda');
    cronJob = find(manifests, 'CronJob', 'edge-sync');
    pod = podTemplateOf(cronJob).spec;
  });

  describeContainers('in a container', () => {
    let folder: string;
    let volumes: PodVolumes;
    let centre: SimulatedCentre;
    let node: ProgramProcess;
    let running: RunningContainer | undefined;
    let proxy: FaultProxy | undefined;

    beforeEach(async () => {
      folder = await createTempFolder();
      volumes = await PodVolumes.create();
      centre = await centreProgram(path.join(folder, 'centre'));
      await centre.start();
    });
    afterEach(async () => {
      await running?.kill('SIGKILL');
      running = undefined;
      await node?.stop();
      await proxy?.stop();
      proxy = undefined;
      await centre.stop();
      await volumes.remove();
      await removeFolder(folder);
    });

    /** The village's node in scheduled mode, so that all there is to deliver is left to the job. */
    async function startNode(apiUrl: string, password: string, village = VILLAGE): Promise<void> {
      const env = { API_URL: apiUrl, CENTRAL_PASSWORD: password, EDGE_TOKEN: TOKEN, SYNC_MODE: 'scheduled' };
      node = await edgeProgram({ villageId: village, dataPath: path.join(folder, 'node'), env });
      await node.start();
    }

    function ask(): ProgramClient {
      return new ProgramClient({ url: node.url, token: TOKEN, peer: 'the node' });
    }

    async function store(count: number): Promise<void> {
      const readings = Array.from({ length: count }, (_, n) => ({
        device: `meter-${n % 50}`,
        at: new Date(Date.UTC(2026, 2, 1) + n * 1000).toISOString(),
        powerW: n,
      }));
      await ask().json('/v1/readings', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(readings),
      });
    }

    interface JobChanges {
      url: string;
      overrides?: Record<string, string>;
      deadlineS?: number;
      of?: Manifest[];
      jobName?: string;
    }

    /** Starts a pod of the job; the Service's address is that of the node here. */
    async function startJob({ url, overrides = {}, deadlineS, of = manifests, jobName = '' }: JobChanges) {
      const job = podTemplateOf(find(of, 'CronJob', 'edge-sync')).spec;
      running = await startContainer(volumes, {
        ...{ pod: job, container: onlyContainer(job), manifests: of, secrets: SECRETS, overrides },
        fields: { [JOB_NAME_FIELD]: jobName },
        args: (args) =>
          args.map((word, index) => {
            if (args[index - 1] === '--edge') return url;
            return args[index - 1] === '--deadline' && deadlineS !== undefined ? String(deadlineS) : word;
          }),
      });
      return running;
    }

    async function runJob(changes: JobChanges): Promise<ContainerEnd> {
      return (await startJob(changes)).ended;
    }

    it('delivers everything, within its memory limit, and ends with 0', async () => {
      await startNode(centre.url, await centre.addVillage(VILLAGE));
      await store(5_000);
      const { code, stdout, stderr, peakBytes } = await runJob({ url: node.url });
      expect(code, stderr).to.equal(0);
      const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
      expect(last).to.include({ event: 'done', ok: true, pending: 0 });
      expect(last.sent).to.be.at.least(5_000);
      const limits = onlyContainer(pod).resources?.limits;
      expect(peakBytes).to.be.above(bytesOf('24Mi'));
      expect(peakBytes).to.be.below(bytesOf(limits?.memory));
      expect(await readdir(volumes.of('cache')), 'left in /tmp').to.deep.equal([]);
    }).timeout(60_000);

    it('fails for another try when its node is down, and never opens a store of its own', async () => {
      const { code, stderr } = await runJob({ url: `http://127.0.0.1:${await freePort()}` });
      expect(code).to.equal(1);
      expect(stderr).to.match(/^error: .*node/m);
      expect(afterFailure(cronJob, 1)).to.equal('Count');
    }).timeout(60_000);

    it('fails for another try when the centre is away, after the attempts of its settings', async () => {
      await startNode(`http://127.0.0.1:${await freePort()}`, 'whatever');
      await store(10);
      const { code, stdout, stderr } = await runJob({ url: node.url, overrides: { RETRY_INTERVAL: '0.05' } });
      expect(code, stderr).to.equal(1);
      const attempts = stdout.match(/"attempt":\d+/g) ?? [];
      expect(attempts).to.include(`"attempt":${configMapData(manifests, 'edge-settings').MAX_RETRIES}`);
      expect(afterFailure(cronJob, 1)).to.equal('Count');
      expect((await ask().json<{ store: { pending: number } }>('/v1/status')).store.pending).to.be.at.least(10);
    }).timeout(60_000);

    it('fails for good when the centre refuses the credential', async () => {
      await centre.addVillage(VILLAGE);
      await startNode(centre.url, 'the-password-before-the-last');
      await store(10);
      const { code, stderr } = await runJob({ url: node.url });
      expect(code, stderr).to.equal(3);
      expect(afterFailure(cronJob, 3)).to.equal('FailJob');
    }).timeout(60_000);

    it("fails for good when it was given another village's node", async () => {
      await startNode(centre.url, await centre.addVillage('kano'), 'kano');
      const { code, stderr } = await runJob({ url: node.url });
      expect(code).to.equal(2);
      expect(stderr).to.include('kano').and.to.include(VILLAGE);
      expect(afterFailure(cronJob, 2)).to.equal('FailJob');
    }).timeout(60_000);

    it('ends at its deadline when the centre hangs, and writes down what it was doing when it is asked', async () => {
      const password = await centre.addVillage(VILLAGE);
      proxy = new FaultProxy(centre.url, () => ({ kind: 'hang', when: 'before-headers' }));
      await proxy.start();
      await startNode(proxy.url, password);
      await store(10);
      const started = Date.now();
      const job = await startJob({ url: node.url, deadlineS: 4 });
      const logs = volumes.of('logs');
      await waitFor(async () => job.stdout.includes('"progress"'), { what: 'the job to begin', timeoutMs: 30_000 });
      const begun = Date.now();
      job.signal('SIGUSR2');
      await waitFor(async () => (await readdir(logs)).some((file) => file.endsWith('.json')), { what: 'a report' });
      const { code } = await job.ended;
      expect(code).to.equal(1);
      expect(Date.now() - started).to.be.at.least(3_900);
      // From here on: a busy machine may take seconds to start the container.
      expect(Date.now() - begun).to.be.at.most((4 + GRACE_S + 3) * 1000);
    }).timeout(60_000);

    it('stores POWER_KW once for all pods of a job, at the time the job was scheduled for', async () => {
      const changed = await renderedWith('power-reading', ['POWER_KW=12.5']);
      await startNode(centre.url, await centre.addVillage(VILLAGE));
      const scheduledMinutes = Date.UTC(2026, 2, 2, 2) / 60_000;
      for (const _pod of ['first', 'second']) {
        const { code, stderr } = await runJob({ url: node.url, of: changed, jobName: `edge-sync-${scheduledMinutes}` });
        expect(code, stderr).to.equal(0);
      }
      const { items } = await ask().json<{ items: object[] }>('/v1/readings?device=env');
      expect(items.map((item) => ('at' in item ? item.at : undefined))).to.deep.equal(['2026-03-02T02:00:00.000Z']);
      expect(items[0]).to.include({ powerKw: 12.5 });
      const { code } = await runJob({ url: node.url, of: changed, jobName: 'sync-now' });
      expect(code).to.equal(0);
      expect(await ask().json<{ items: object[] }>('/v1/readings?device=env')).to.have.nested.property(
        'items.length',
        2,
      );
    }).timeout(60_000);

    /** The village with a component more, as its folder would say it. */
    async function renderedWith(component: string, literals: readonly string[]): Promise<Manifest[]> {
      const village = path.join(folder, 'village');
      await mkdir(village);
      const to = (part: string) => path.relative(village, path.join(K8S_FOLDER, part));
      const lines = [
        'apiVersion: kustomize.config.k8s.io/v1beta1',
        'kind: Kustomization',
        `resources: [${to('villages/bamenda')}]`,
        `components: [${to(`components/${component}`)}]`,
        'configMapGenerator:',
        `  - {name: edge-settings, namespace: solar-${VILLAGE}, behavior: merge, literals: ${JSON.stringify(literals)}}`,
      ];
      await writeFile(path.join(village, 'kustomization.yaml'), `${lines.join('\n')}\n`);
      expect(existsSync(path.join(village, to('villages/bamenda')))).to.equal(true);
      return parseManifests(await renderFolder(village));
    }
  });
});
