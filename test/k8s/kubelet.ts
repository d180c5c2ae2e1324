/** What the kubelet does with a container that runs, and the job controller with one that ended. */
import http from 'node:http';
import type { Manifest } from './kustomize.js';
import type { Container, Probe } from './pod-spec.js';

/** The address a pod has; no name of ours, and nothing that is asked under it may mind. */
const POD_ADDRESS = '10.42.0.17';

export interface ProbedContainer {
  container: Container;
  /** Where the container's port really is on this machine. */
  portOf: (containerPort: number) => number;
}

export function containerPortOf(container: Container, port: string | number): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port);
  if (!named) throw new Error(`the container ${container.name} has no port ${port}`);
  return named.containerPort;
}

/** Asks as the kubelet asks; true for 200 to 399 within the probe's time. */
export function probe({ container, portOf }: ProbedContainer, asked: Probe | undefined): Promise<boolean> {
  const { httpGet, timeoutSeconds = 1 } = asked ?? {};
  if (!httpGet) throw new Error(`the container ${container.name} has no such probe`);
  const containerPort = containerPortOf(container, httpGet.port);
  return new Promise((resolve) => {
    const headers = {
      Host: `${POD_ADDRESS}:${containerPort}`,
      'User-Agent': 'kube-probe/1.32',
      Accept: '*/*',
      Connection: 'close',
    };
    const target = { host: '127.0.0.1', port: portOf(containerPort), path: httpGet.path, headers };
    const request = http.get({ ...target, signal: AbortSignal.timeout(timeoutSeconds * 1000) }, (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      resolve(statusCode >= 200 && statusCode < 400);
    });
    request.on('error', () => resolve(false));
  });
}

interface FailurePolicyRule {
  action: string;
  onExitCodes?: { containerName?: string; operator: string; values: number[] };
  onPodConditions?: { type: string; status?: string }[];
}

/**
 * What a job does about a pod that failed, by its `podFailurePolicy`: the first rule that fits, `Count` where none does
 * (one of the tries of `backoffLimit`).
 */
export function afterFailure(job: Manifest, code: number, conditions: readonly string[] = []): string {
  const spec = job.spec as { jobTemplate?: { spec: unknown } };
  const { podFailurePolicy } = (spec.jobTemplate?.spec ?? spec) as {
    podFailurePolicy?: { rules: FailurePolicyRule[] };
  };
  const rule = podFailurePolicy?.rules.find(({ onExitCodes, onPodConditions }) => {
    if (onPodConditions) return onPodConditions.some(({ type }) => conditions.includes(type));
    return onExitCodes?.operator === 'In' && onExitCodes.values.includes(code);
  });
  return rule?.action ?? 'Count';
}
