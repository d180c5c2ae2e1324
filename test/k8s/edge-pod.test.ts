/** The node's container, as `k8s/villages/bamenda` renders it, run as a process of this machine. */
import { readdir } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
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
import { bytesOf, onlyContainer, podTemplateOf } from './pod-spec.js';

const TOKEN = 'what-meters-show';
const SECRETS = { 'edge-secrets': { EDGE_TOKEN: TOKEN, CENTRAL_PASSWORD: 'nobody-asks-here' } };

describeRendered('the node of a village, as the manifests say it', () => {
  describeContainers('in a container', () => {
    let manifests: Manifest[];
    let volumes: PodVolumes;
    let options: ContainerOptions;
    let port: number;
    let running: RunningContainer | undefined;

    beforeEach(async () => {
      manifests = await render('villages/bamenda');
      volumes = await PodVolumes.create();
      port = await freePort();
      const { spec: pod } = podTemplateOf(find(manifests, 'StatefulSet', 'edge'));
      // No centre: this is about the node alone.
      const overrides = { EDGE_PORT: String(port), API_URL: '', MIN_FREE_MB: '0' };
      options = { pod, container: onlyContainer(pod), manifests, secrets: SECRETS, overrides };
    });
    afterEach(async () => {
      await running?.kill('SIGKILL');
      running = undefined;
      await volumes.remove();
    });

    const probed = () => ({ container: options.container, portOf: () => port });
    const { startupProbe, livenessProbe, readinessProbe } = {
      startupProbe: () => probe(probed(), options.container.startupProbe),
      livenessProbe: () => probe(probed(), options.container.livenessProbe),
      readinessProbe: () => probe(probed(), options.container.readinessProbe),
    };

    async function start(): Promise<RunningContainer> {
      running = await startContainer(volumes, options);
      await untilTrue(running, 'its startup probe succeeded', startupProbe);
      return running;
    }

    /** As a meter of the village does it, through the board's own address. */
    function post(powerW: number, token = TOKEN): Promise<Response> {
      return fetch(`http://127.0.0.1:${port}/v1/readings`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ device: 'meter-7', at: `2026-03-01T12:00:0${powerW % 10}Z`, powerW }),
      });
    }

    it('starts on a read-only root, answers the probes, and takes readings from those who show the token', async () => {
      await start();
      expect(await livenessProbe(), 'alive').to.equal(true);
      expect(await readinessProbe(), 'ready').to.equal(true);
      expect((await post(1)).status).to.equal(201);
      expect((await post(2, 'somebody')).status).to.equal(401);
      expect(await readdir(volumes.of('data'))).to.include.members(['acknowledged', 'segments', 'state']);
    }).timeout(60_000);

    it('ends in order within its grace period, and goes on with its volume', async () => {
      const first = await start();
      expect((await post(1)).status).to.equal(201);
      const asked = Date.now();
      const { code, stderr } = await first.kill('SIGTERM');
      expect(code, stderr).to.equal(0);
      expect(Date.now() - asked).to.be.below((options.pod.terminationGracePeriodSeconds ?? 0) * 1000);
      await start();
      const again = await post(1);
      expect(await again.json()).to.include({ accepted: 0, duplicates: 1 });
    }).timeout(60_000);

    it('keeps to its memory limit while a village day comes in', async () => {
      const node = await start();
      for (let batch = 0; batch < 24; batch++) {
        const readings = Array.from({ length: 2_000 }, (_, n) => ({
          device: `meter-${n % 500}`,
          at: new Date(Date.UTC(2026, 2, 1, batch) + Math.floor(n / 500) * 900_000).toISOString(),
          powerW: n,
        }));
        const response = await fetch(`http://127.0.0.1:${port}/v1/readings`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
          body: JSON.stringify(readings),
        });
        expect(response.status).to.equal(201);
      }
      expect(await livenessProbe()).to.equal(true);
      expect(node.peakBytes).to.be.above(bytesOf('32Mi'));
      expect(node.peakBytes).to.be.below(bytesOf(options.container.resources?.limits?.memory));
    }).timeout(120_000);

    it('cannot be brought up with an empty token: who fills no Secret in gets a sentence, not an open node', async () => {
      options = { ...options, secrets: { 'edge-secrets': { EDGE_TOKEN: '', CENTRAL_PASSWORD: 'x' } } };
      running = await startContainer(volumes, options);
      const { code, stderr } = await running.ended;
      expect(code).to.equal(2);
      expect(stderr).to.include('EDGE_TOKEN');
    }).timeout(60_000);

    it('fails its probes when it hangs', async () => {
      const node = await start();
      node.signal('SIGSTOP');
      expect(await readinessProbe()).to.equal(false);
      node.signal('SIGCONT');
      expect(await readinessProbe()).to.equal(true);
    }).timeout(60_000);
  });
});
