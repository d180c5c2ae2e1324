/** The parts of a pod's specification that say what runs and how: what the kubelet makes a container from. */
import { find, type Manifest } from './kustomize.js';

export interface PodSpec {
  containers: Container[];
  volumes?: Volume[];
  restartPolicy?: string;
  serviceAccountName?: string;
  automountServiceAccountToken?: boolean;
  enableServiceLinks?: boolean;
  terminationGracePeriodSeconds?: number;
  securityContext?: { runAsNonRoot?: boolean; runAsUser?: number; runAsGroup?: number; fsGroup?: number };
}

export interface Container {
  name: string;
  image: string;
  workingDir?: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value?: string; valueFrom?: ValueSource }[];
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[];
  ports?: { name: string; containerPort: number }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  securityContext?: Record<string, unknown>;
  volumeMounts?: { name: string; mountPath: string; subPath?: string; readOnly?: boolean }[];
}

export interface ValueSource {
  configMapKeyRef?: { name: string; key: string; optional?: boolean };
  secretKeyRef?: { name: string; key: string; optional?: boolean };
  fieldRef?: { fieldPath: string };
}

export interface Probe {
  httpGet?: { path: string; port: string | number };
  tcpSocket?: { port: string | number };
  periodSeconds?: number;
  timeoutSeconds?: number;
  failureThreshold?: number;
}

export interface Volume {
  name: string;
  emptyDir?: { medium?: string; sizeLimit?: string };
  secret?: { secretName: string; defaultMode?: number; items?: { key: string; path: string }[] };
  configMap?: { name: string };
}

/** Where a pod of a job reads the name of its job. */
export const JOB_NAME_FIELD = "metadata.labels['batch.kubernetes.io/job-name']";

interface PodTemplate {
  metadata: { labels: Record<string, string> };
  spec: PodSpec;
}

/** The pod of a StatefulSet, Deployment, Job or CronJob. */
export function podTemplateOf(workload: Manifest): PodTemplate {
  const spec = workload.spec as { template?: PodTemplate; jobTemplate?: { spec: { template: PodTemplate } } };
  const template = spec.template ?? spec.jobTemplate?.spec.template;
  if (!template) throw new Error(`${workload.kind} ${workload.metadata.name} has no pod`);
  return template;
}

/** Everything of these manifests that makes pods. */
export function workloadsOf(manifests: readonly Manifest[]): Manifest[] {
  return manifests.filter(({ kind }) => ['StatefulSet', 'Deployment', 'Job', 'CronJob'].includes(kind));
}

export function onlyContainer({ containers }: PodSpec): Container {
  const [container] = containers;
  if (!container || containers.length > 1)
    throw new Error(`a pod of one container is expected, not ${containers.length}`);
  return container;
}

export type Secrets = Record<string, Record<string, string>>;

export interface EnvironmentSources {
  manifests: readonly Manifest[];
  /** Values by name of the Secret and key. */
  secrets: Secrets;
  /** What the downward API answers, by field path. */
  fields?: Record<string, string>;
}

/** The environment as the kubelet makes it: `envFrom` first, then `env`, with `$(NAME)` replaced. */
export function environmentOf(container: Container, sources: EnvironmentSources): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) Object.assign(env, configMapData(sources.manifests, configMapRef.name));
    if (secretRef) Object.assign(env, secretData(sources.secrets, secretRef.name));
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const found = valueFrom ? valueFor(valueFrom, sources) : expand(value ?? '', env);
    if (found !== undefined) env[name] = found;
  }
  return env;
}

/** `$(NAME)` replaced by the variable; one that there is not stays as it is, as in Kubernetes. */
export function expand(text: string, env: Record<string, string>): string {
  return text.replace(/\$\(([A-Za-z0-9_]+)\)/g, (whole, name: string) => env[name] ?? whole);
}

export function configMapData(manifests: readonly Manifest[], name: string): Record<string, string> {
  return (find(manifests, 'ConfigMap', name).data ?? {}) as Record<string, string>;
}

function secretData(secrets: Secrets, name: string): Record<string, string> {
  const data = secrets[name];
  if (!data) throw new Error(`no Secret ${name} was given`);
  return data;
}

function valueFor(source: ValueSource, { manifests, secrets, fields = {} }: EnvironmentSources): string | undefined {
  const { configMapKeyRef: config, secretKeyRef: secret, fieldRef: field } = source;
  const ref = config ?? secret;
  const data = config ? configMapData(manifests, config.name) : secret ? secretData(secrets, secret.name) : fields;
  const key = ref?.key ?? field?.fieldPath ?? '';
  const value = data[key];
  if (value === undefined && !ref?.optional) throw new Error(`there is no ${key} for a variable of the container`);
  return value;
}

/** What a volume of the pod's holds at the start, by path: empty but for those made of Secrets and ConfigMaps. */
export function filesOf(volume: Volume, { manifests, secrets }: EnvironmentSources): Record<string, string> {
  if (volume.configMap) return configMapData(manifests, volume.configMap.name);
  if (!volume.secret) return {};
  const { secretName, items } = volume.secret;
  const data = secretData(secrets, secretName);
  if (!items) return data;
  return Object.fromEntries(
    items.map(({ key, path }) => {
      const value = data[key];
      if (value === undefined) throw new Error(`the Secret ${secretName} has no ${key}`);
      return [path, value];
    }),
  );
}

const UNITS: Record<string, number> = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, '': 1 };

/** `256Mi` in bytes. */
export function bytesOf(quantity: string | undefined): number {
  const [, number, unit = ''] = /^(\d+)([KMG]i)?$/.exec(quantity ?? '') ?? [];
  if (number === undefined) throw new Error(`${quantity} is no amount of memory`);
  return Number(number) * (UNITS[unit] ?? 1);
}
