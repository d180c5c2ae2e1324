/** What the manifests of a village promise in figures: when its job runs, for how long, and what its node is given. */
import { expect } from 'chai';
import { beforeEach, it } from 'mocha';
import { afterFailure, containerPortOf } from './kubelet.js';
import { applicableFolders, describeRendered, find, type Manifest, render } from './kustomize.js';
import { bytesOf, type Container, configMapData, onlyContainer, type PodSpec, podTemplateOf } from './pod-spec.js';

/** How much longer than its deadline the program waits for a node's answer (edge/cli/replicate.ts). */
const GRACE_S = 5;

interface JobSpec {
  activeDeadlineSeconds: number;
  backoffLimit: number;
}

describeRendered('the manifests of a village', () => {
  let manifests: Manifest[];
  let cronJob: Manifest;
  let pod: PodSpec;

  beforeEach(async () => {
    manifests = await render('villages/bamenda');
    cronJob = find(manifests, 'CronJob', 'edge-sync');
    pod = podTemplateOf(cronJob).spec;
  });

  it('force the replication every night exactly as was asked for', async () => {
    for (const folder of ['villages/bamenda', 'overlays/one-village', 'overlays/offline-k3s']) {
      const rendered = find(await render(folder), 'CronJob', 'edge-sync');
      const { jobTemplate, ...cron } = rendered.spec as { jobTemplate: { spec: Record<string, unknown> } };
      expect(cron, folder).to.deep.include({
        schedule: '0 2 * * *',
        concurrencyPolicy: 'Forbid',
        startingDeadlineSeconds: 1800,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
      });
      expect(cron, folder).to.have.property('timeZone').that.is.a('string');
      expect(jobTemplate.spec, folder).to.deep.include({ activeDeadlineSeconds: 600, backoffLimit: 3 });
      const {
        restartPolicy,
        containers: [container],
        volumes,
      } = podTemplateOf(rendered).spec;
      expect(restartPolicy).to.equal('Never');
      expect(container?.args).to.include.members(['replicate', '--once', '--edge', '--deadline']);
      expect(container?.resources?.requests).to.include({ cpu: '100m', memory: '128Mi' });
      expect(container?.resources?.limits).to.include({ cpu: '500m', memory: '256Mi' });
      const sizes = volumes?.map(({ emptyDir }) => emptyDir);
      expect(sizes).to.deep.include.members([{ medium: 'Memory', sizeLimit: '10Mi' }, { sizeLimit: '50Mi' }]);
    }
  });

  it("take the job's schedule and time zone from the village's settings, and name the village", async () => {
    for (const folder of (await applicableFolders()).filter((one) => /^villages|single-machine/.test(one))) {
      const manifests = await render(folder);
      const settings = configMapData(manifests, 'edge-settings');
      const { schedule, timeZone } = find(manifests, 'CronJob', 'edge-sync').spec as Record<string, string>;
      expect({ schedule, timeZone }, folder).to.deep.equal({
        schedule: settings.SYNC_SCHEDULE,
        timeZone: settings.SYNC_TIMEZONE,
      });
      expect(settings.VILLAGE_ID, folder).to.match(/^[a-z][a-z0-9_-]*$/);
      expect(settings.API_URL, folder).to.match(/^https?:/);
    }
  });

  it('leave a damaged store of the size it may have the time to start, and its volume room for it', async () => {
    // Measured with every file damaged, see base/edge/stateful-set.yaml, and ten times that for a board with a card.
    const secondsPerMb = (3.7 / 152) * 10;
    for (const folder of ['villages/bamenda', 'overlays/offline-k3s', 'overlays/single-machine']) {
      const manifests = await render(folder);
      const edge = find(manifests, 'StatefulSet', 'edge');
      const { periodSeconds = 10, failureThreshold = 3 } = onlyContainer(podTemplateOf(edge).spec).startupProbe ?? {};
      const bufferMb = Number(configMapData(manifests, 'edge-settings').BUFFER_MAX_MB);
      expect(periodSeconds * failureThreshold, folder).to.be.above(bufferMb * secondsPerMb);
      const [claim] = (edge.spec as { volumeClaimTemplates: { spec: Pick<Container, 'resources'> }[] })
        .volumeClaimTemplates;
      // Damaged files are kept within an eighth, and a segment, of an eighth too, is written anew beside the old one.
      const neededBytes = bufferMb * 1_000_000 * (1 + 2 / 8);
      expect(bytesOf(claim?.spec.resources?.requests?.storage), folder).to.be.above(neededBytes);
    }
  });

  it('asks the node by its Service, whose port leads to the port the node listens on', () => {
    const { args = [] } = onlyContainer(pod);
    const url = new URL(args[args.indexOf('--edge') + 1] ?? '');
    const { selector, ports } = find(manifests, 'Service', url.hostname).spec as {
      selector: Record<string, string>;
      ports: { port: number; targetPort: string }[];
    };
    const target = ports.find(({ port }) => String(port) === url.port)?.targetPort ?? '';
    const node = podTemplateOf(find(manifests, 'StatefulSet', 'edge'));
    expect(node.metadata.labels).to.include(selector);
    const container = onlyContainer(node.spec);
    const listensAt = container.env?.find(({ name }) => name === 'EDGE_PORT')?.value;
    expect(String(containerPortOf(container, target))).to.equal(listensAt);
  });

  it('ends by itself, with what was reached, before Kubernetes ends it', () => {
    const { activeDeadlineSeconds } = (cronJob.spec as { jobTemplate: { spec: JobSpec } }).jobTemplate.spec;
    const { args = [] } = onlyContainer(pod);
    const deadlineS = Number(args[args.indexOf('--deadline') + 1]);
    expect(deadlineS).to.be.above(0);
    // What is left is for scheduling the pod and starting Node.
    expect(deadlineS + GRACE_S).to.be.at.most(activeDeadlineSeconds - 45);
  });

  it('waits between its attempts no longer than its deadline, all of them together', () => {
    const { MAX_RETRIES = '', RETRY_INTERVAL = '' } = configMapData(manifests, 'edge-settings');
    const attempts = Number(MAX_RETRIES);
    const { args = [] } = onlyContainer(pod);
    const waitedS = (Number(RETRY_INTERVAL) * attempts * (attempts - 1)) / 2;
    expect(waitedS).to.be.above(0);
    expect(waitedS).to.be.below(Number(args[args.indexOf('--deadline') + 1]) / 2);
  });

  it('does not count a pod that was disrupted as a try', () => {
    expect(afterFailure(cronJob, 143, ['DisruptionTarget'])).to.equal('Ignore');
    expect(afterFailure(cronJob, 137)).to.equal('Count');
  });
});
