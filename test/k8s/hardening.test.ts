/** What runs in a cluster may do and take no more than it needs. */
import { expect } from 'chai';
import { before, it } from 'mocha';
import { type Everything, renderEverything } from './everything.js';
import { describeRendered, find } from './kustomize.js';

/** Kinds that belong to no namespace. */
const CLUSTER_WIDE = ['Namespace', 'PriorityClass'];
const OUR_USER = 10_001;

describeRendered('the manifests', () => {
  let all: Everything['all'];
  let pods: Everything['pods'];
  let containers: Everything['containers'];

  before(async function () {
    this.timeout(60_000);
    ({ all, pods, containers } = await renderEverything());
  });

  it('run every pod without privileges, without a token of Kubernetes, and without variables of its Services', () => {
    expect(pods.length).to.be.above(8);
    for (const { where, pod } of pods) {
      expect(pod.securityContext, where).to.deep.include({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(pod.automountServiceAccountToken, where).to.equal(false);
      expect(pod.enableServiceLinks, where).to.equal(false);
      expect(pod.serviceAccountName, where).to.match(/^(edge|central|couchdb)$/);
    }
    for (const { where, container } of containers) {
      const { securityContext, image } = container;
      expect(securityContext, where).to.deep.equal({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(image, where).to.match(/:\d+\.\d+\.\d+$/);
    }
    for (const { where, pod } of pods.filter((one) => /solar-sync\//.test(one.pod.containers[0]?.image ?? ''))) {
      expect(pod.securityContext?.runAsUser, where).to.equal(OUR_USER);
    }
  });

  it('bound what every container may take, its disk too', () => {
    for (const { where, container } of containers) {
      const { requests, limits } = container.resources ?? {};
      expect(requests, where).to.include.all.keys('cpu', 'memory', 'ephemeral-storage');
      expect(limits, where).to.include.all.keys('memory', 'ephemeral-storage');
    }
    for (const { where, pod } of pods) {
      for (const { name, emptyDir } of pod.volumes ?? []) {
        if (emptyDir) expect(emptyDir.sizeLimit, `${where}, ${name}`).to.be.a('string');
      }
    }
  });

  it('give their accounts no rights at all, and the technician neither secrets, nor a shell, nor a way to make a pod', () => {
    for (const { folder, manifests } of all) {
      for (const role of manifests.filter(({ kind }) => kind === 'Role')) {
        const rules = (role.rules ?? []) as { resources: string[]; verbs: string[] }[];
        const isBound = manifests.some(
          ({ kind, roleRef }) => kind === 'RoleBinding' && (roleRef as { name: string }).name === role.metadata.name,
        );
        if (isBound) expect(rules, folder).to.deep.equal([]);
        const resources = rules.flatMap((rule) => rule.resources);
        expect(resources, folder).to.not.include.members(['secrets']);
        // Whoever may make or change what makes pods may have one print the Secrets.
        expect(
          rules.flatMap(({ verbs }) => verbs).filter((verb) => !['get', 'list', 'watch'].includes(verb)),
          folder,
        ).to.deep.equal([]);
        expect(
          resources.filter((one) => /exec|attach|portforward|\*/.test(one)),
          folder,
        ).to.deep.equal([]);
      }
      const kinds = manifests.map(({ kind }) => kind);
      expect(kinds, folder).to.not.include('ClusterRole');
      expect(kinds, folder).to.not.include('ClusterRoleBinding');
    }
  });

  it('forbid every pod to reach or be reached but for what a policy names', () => {
    for (const { folder, manifests } of all.filter(({ folder }) => folder !== 'monitoring')) {
      const { spec } = find(manifests, 'NetworkPolicy', 'default-deny');
      expect(spec, folder).to.deep.equal({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    }
  });

  it('have one namespace for each overlay, where the restricted security standard holds', () => {
    for (const { folder, manifests } of all.filter((one) => /overlays.(centre|single)|villages/.test(one.folder))) {
      const [namespace, ...others] = manifests.filter(({ kind }) => kind === 'Namespace');
      expect(others, folder).to.deep.equal([]);
      expect(namespace?.metadata.labels, folder).to.include({ 'pod-security.kubernetes.io/enforce': 'restricted' });
      for (const { kind, metadata } of manifests.filter((one) => !CLUSTER_WIDE.includes(one.kind))) {
        expect(metadata.namespace, `${folder}: ${kind} ${metadata.name}`).to.equal(namespace?.metadata.name);
      }
    }
  });
});
