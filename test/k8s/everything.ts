/** All that can be applied, rendered, with the pods in it. */
import { applicableFolders, type Manifest, render } from './kustomize.js';
import { type Container, type PodSpec, podTemplateOf, workloadsOf } from './pod-spec.js';

export interface RenderedPod {
  /** For messages: folder, kind and name. */
  where: string;
  workload: Manifest;
  pod: PodSpec;
  labels: Record<string, string>;
  /** All that is rendered with it. */
  manifests: Manifest[];
}

export interface Everything {
  all: { folder: string; manifests: Manifest[] }[];
  pods: RenderedPod[];
  containers: { where: string; container: Container }[];
}

export async function renderEverything(): Promise<Everything> {
  const all: Everything['all'] = [];
  for (const folder of await applicableFolders()) all.push({ folder, manifests: await render(folder) });
  const pods = all.flatMap(({ folder, manifests }) =>
    workloadsOf(manifests).map((workload) => {
      const { spec, metadata } = podTemplateOf(workload);
      const where = `${folder}: ${workload.kind} ${workload.metadata.name}`;
      return { where, workload, pod: spec, labels: metadata.labels, manifests };
    }),
  );
  const containers = pods.flatMap(({ where, pod }) => pod.containers.map((container) => ({ where, container })));
  return { all, pods, containers };
}
