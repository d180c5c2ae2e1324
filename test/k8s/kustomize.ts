/** The manifests as an operator applies them: rendered by the kubectl (or kustomize) that is installed here. */
import { execFile, spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, it } from 'mocha';
import { parseAllDocuments } from 'yaml';

export const K8S_FOLDER = fileURLToPath(new URL('../../../k8s/', import.meta.url));

/** One object of Kubernetes; what it must look like further in is the schemas' business. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

const TOOLS = [
  { command: 'kubectl', probe: ['version', '--client'], render: ['kustomize'] },
  { command: 'kustomize', probe: ['version'], render: ['build'] },
] as const;

const tool = TOOLS.find(({ command, probe }) => spawnSync(command, probe).status === 0);
const run = promisify(execFile);
const rendered = new Map<string, Promise<Manifest[]>>();

/** A `describe` whose tests render; one pending test that says why stands in its place where nothing can. */
export function describeRendered(title: string, define: () => void): void {
  describe(title, () => {
    if (tool) define();
    else it('skipped: needs kubectl or kustomize, and neither is installed');
  });
}

/** The objects of a folder below `k8s/`, such as `overlays/centre`; rendered once. Rejects with the tool's own words. */
export function render(folder: string): Promise<Manifest[]> {
  const known = rendered.get(folder) ?? renderFolder(path.join(K8S_FOLDER, folder)).then(parseManifests);
  rendered.set(folder, known);
  return known;
}

/** What the tool makes of a folder anywhere. */
export async function renderFolder(folder: string): Promise<string> {
  if (!tool) throw new Error('neither kubectl nor kustomize is installed');
  const { stdout } = await run(tool.command, [...tool.render, folder], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw error;
    const value: unknown = document.toJS();
    return value === null ? [] : [value as Manifest];
  });
}

/** What is applied as it is: every overlay, every village, and the monitoring. */
export async function applicableFolders(): Promise<string[]> {
  const folders = ['monitoring'];
  for (const parent of ['overlays', 'villages']) {
    const entries = await readdir(path.join(K8S_FOLDER, parent), { withFileTypes: true });
    folders.push(...entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${parent}/${name}`));
  }
  return folders;
}

/** The one object of that kind and name (generated names without their hash). Throws where there is none. */
export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const isIt = (one: Manifest) =>
    one.kind === kind && (one.metadata.name === name || generatedName(one.metadata.name) === name);
  const found = manifests.find(isIt);
  if (!found) throw new Error(`there is no ${kind} ${name} among ${manifests.length} manifests`);
  return found;
}

/** `edge-settings` for `edge-settings-2h9mgmcf7k`. */
function generatedName(name: string): string {
  return name.replace(/-[a-z0-9]{10}$/, '');
}
