/** What stands in `k8s/` is valid and fits together. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { before, it } from 'mocha';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { type Everything, type RenderedPod, renderEverything } from './everything.js';
import { faultsOf } from './kubernetes-schema.js';
import {
  describeRendered,
  find,
  K8S_FOLDER,
  type Manifest,
  parseManifests,
  render,
  renderFolder,
} from './kustomize.js';
import { configMapData, onlyContainer, podTemplateOf } from './pod-spec.js';

describeRendered('the manifests', () => {
  let all: Everything['all'];
  let pods: RenderedPod[];

  before(async function () {
    this.timeout(60_000);
    ({ all, pods } = await renderEverything());
  });

  it('are what Kubernetes knows, field by field, overlay by overlay', async () => {
    for (const { folder, manifests } of all) expect(await faultsOf(manifests), folder).to.deep.equal([]);
  }).timeout(60_000);

  it('would be refused with a field or a value that Kubernetes does not know', async () => {
    const job = find(await render('villages/bamenda'), 'CronJob', 'edge-sync');
    const withField = (field: object) => ({ ...job, spec: { ...(job.spec as object), ...field } });
    const refused = [
      { concurrencyPolicy: 'Never' },
      { startingDeadlineSecond: 1 },
      { schedule: undefined },
      { suspend: 0 },
    ];
    for (const field of refused) {
      const [name = ''] = Object.keys(field);
      expect((await faultsOf([withField(field)])).join('\n')).to.include(name);
    }
  }).timeout(60_000);

  it('have templates of Secrets that are Secrets, and no Secret among what is applied', async () => {
    for (const base of ['edge', 'server', 'couchdb']) {
      const text = await readFile(path.join(K8S_FOLDER, 'base', base, 'secret.template.yaml'), 'utf8');
      const templates = parseManifests(text);
      expect(await faultsOf(templates), base).to.deep.equal([]);
      for (const { stringData } of templates) {
        expect(Object.values(stringData as object).join(''), `${base}: a secret in the repository`).to.equal('');
      }
    }
    for (const { folder, manifests } of all) {
      expect(
        manifests.filter(({ kind }) => kind === 'Secret'),
        folder,
      ).to.deep.equal([]);
    }
  }).timeout(60_000);

  it('refer only to what is there: ConfigMaps, Secrets, accounts, priorities, ports, pods', async () => {
    const templates = await secretKeys();
    for (const { where, pod, manifests } of pods) {
      const there = (kind: string, name: string) =>
        expect(() => find(manifests, kind, name), `${where}: ${kind} ${name}`).to.not.throw();
      there('ServiceAccount', pod.serviceAccountName ?? '');
      const { priorityClassName } = pod as { priorityClassName?: string };
      if (priorityClassName) there('PriorityClass', priorityClassName);
      for (const { secret, configMap } of pod.volumes ?? []) {
        if (configMap) there('ConfigMap', configMap.name);
        if (secret) {
          const keys = secret.items?.map(({ key }) => key) ?? [];
          expect(templates.get(secret.secretName), `${where}: ${secret.secretName}`).to.include.members(keys);
        }
      }
      for (const { env = [], envFrom = [], volumeMounts = [], ports = [], name } of pod.containers) {
        for (const { configMapRef } of envFrom) there('ConfigMap', configMapRef?.name ?? '');
        for (const { valueFrom } of env) {
          const ref = valueFrom?.secretKeyRef;
          if (ref) expect(templates.get(ref.name), `${where}: ${ref.name}`).to.include(ref.key);
        }
        const claims = claimsOf(manifests, where);
        const volumes = [...(pod.volumes ?? []).map((volume) => volume.name), ...claims];
        expect(volumes, `${where}, ${name}`).to.include.members(volumeMounts.map((mount) => mount.name));
        expect(new Set(ports.map((port) => port.name)).size).to.equal(ports.length);
      }
    }
  });

  it('select pods that there are: Services, policies, budgets, the autoscaler, the Ingress', () => {
    for (const { folder, manifests } of all) {
      const here = pods.filter((one) => one.manifests === manifests);
      const selects = (selector: Record<string, string> | undefined) =>
        here.filter(({ labels }) => Object.entries(selector ?? {}).every(([key, value]) => labels[key] === value));
      for (const { kind, metadata, spec } of manifests) {
        const where = `${folder}: ${kind} ${metadata.name}`;
        const { selector, podSelector, ports } = (spec ?? {}) as Selecting;
        if (kind === 'Service') {
          const [target] = selects(selector as Record<string, string>);
          const named = target?.pod.containers.flatMap((container) => container.ports ?? []).map(({ name }) => name);
          for (const { targetPort } of ports ?? []) expect(named, where).to.include(targetPort);
        }
        if (kind === 'PodDisruptionBudget') {
          expect(selects((selector as { matchLabels: Record<string, string> }).matchLabels), where).to.have.length(1);
        }
        if (kind === 'NetworkPolicy') {
          expect(selects(podSelector?.matchLabels).length, where).to.be.above(0);
          for (const peer of peersOf(spec)) expect(selects(peer).length, `${where}, peer`).to.be.above(0);
        }
        if (kind === 'HorizontalPodAutoscaler') {
          const { scaleTargetRef } = spec as { scaleTargetRef: { kind: string; name: string } };
          const deployment = find(manifests, scaleTargetRef.kind, scaleTargetRef.name).spec as { replicas?: number };
          expect(deployment.replicas, `${where}: two who say how many`).to.equal(undefined);
        }
        if (kind === 'Ingress') {
          const { rules, tls } = spec as IngressSpec;
          expect(tls[0]?.hosts, where).to.deep.equal(rules.map(({ host }) => host));
          for (const { backend } of rules.flatMap(({ http }) => http.paths)) {
            const { ports: offered } = find(manifests, 'Service', backend.service.name).spec as Selecting;
            expect(
              offered?.map(({ name }) => name),
              where,
            ).to.include(backend.service.port.name);
          }
        }
      }
    }
  });

  it('make a village without a network of the same folder over the other overlay', async () => {
    const folder = await createTempFolder();
    try {
      const text = await readFile(path.join(K8S_FOLDER, 'villages', 'bamenda', 'kustomization.yaml'), 'utf8');
      const file = path.join(folder, 'kustomization.yaml');
      const other = text.replace('- ../../overlays/one-village', '- ../../overlays/offline-k3s');
      await writeFile(file, other.replaceAll('- ../../', `- ${path.relative(folder, K8S_FOLDER)}/`));
      const manifests = parseManifests(await renderFolder(folder));
      const settings = configMapData(manifests, 'edge-settings');
      expect(settings).to.include({ VILLAGE_ID: 'bamenda', BUFFER_MAX_MB: '8192' });
      const { spec, metadata } = find(manifests, 'CronJob', 'edge-sync');
      expect(spec).to.include({ timeZone: 'Africa/Douala', schedule: '0 2 * * *' });
      expect(metadata.namespace).to.equal('solar-bamenda');
      for (const kind of ['StatefulSet', 'CronJob']) {
        const name = kind === 'CronJob' ? 'edge-sync' : 'edge';
        const container = onlyContainer(podTemplateOf(find(manifests, kind, name)).spec);
        expect(container, kind).to.include({ imagePullPolicy: 'Never', image: 'solar-sync/edge:0.1.0' });
      }
    } finally {
      await removeFolder(folder);
    }
  }).timeout(60_000);

  it('make a village of one small folder', async () => {
    for (const village of await readdir(path.join(K8S_FOLDER, 'villages'))) {
      const files = await readdir(path.join(K8S_FOLDER, 'villages', village));
      expect(files, village).to.deep.equal(['kustomization.yaml']);
      const text = await readFile(path.join(K8S_FOLDER, 'villages', village, 'kustomization.yaml'), 'utf8');
      expect(text.split('\n').length, village).to.be.below(30);
    }
  });
});

interface Selecting {
  selector?: Record<string, string> | { matchLabels: Record<string, string> };
  podSelector?: { matchLabels?: Record<string, string> };
  ports?: { name: string; targetPort: string }[];
}

interface IngressSpec {
  rules: { host: string; http: { paths: { backend: { service: { name: string; port: { name: string } } } }[] } }[];
  tls: { hosts: string[] }[];
}

interface Policy {
  ingress?: { from?: Peer[] }[];
  egress?: { to?: Peer[] }[];
}
interface Peer {
  podSelector?: { matchLabels: Record<string, string> };
  namespaceSelector?: unknown;
}

/** The pods of the same namespace that a policy lets in or out. */
function peersOf(spec: unknown): Record<string, string>[] {
  const { ingress = [], egress = [] } = spec as Policy;
  const peers = [...ingress.flatMap(({ from = [] }) => from), ...egress.flatMap(({ to = [] }) => to)];
  return peers.flatMap(({ podSelector, namespaceSelector }) =>
    podSelector && !namespaceSelector ? [podSelector.matchLabels] : [],
  );
}

function claimsOf(manifests: readonly Manifest[], where: string): string[] {
  const workload = manifests.find(({ kind, metadata }) => where.endsWith(`${kind} ${metadata.name}`));
  const { volumeClaimTemplates = [] } = (workload?.spec ?? {}) as { volumeClaimTemplates?: Manifest[] };
  return volumeClaimTemplates.map(({ metadata }) => metadata.name);
}

/** The keys that the templates of Secrets name, by the Secret's name. */
async function secretKeys(): Promise<Map<string, string[]>> {
  const keys = new Map<string, string[]>();
  for (const base of ['edge', 'server', 'couchdb']) {
    const text = await readFile(path.join(K8S_FOLDER, 'base', base, 'secret.template.yaml'), 'utf8');
    for (const { metadata, stringData } of parseManifests(text))
      keys.set(metadata.name, Object.keys(stringData as object));
  }
  return keys;
}
