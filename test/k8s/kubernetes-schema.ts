/**
 * Kubernetes' own schemas, as the package kubernetes-models has them from its OpenAPI document: nothing is asked of a
 * cluster or the network.
 *
 * Its validators know required fields, values and formats, but let unknown fields pass; its types do not, in an object
 * written out in full. So each manifest is held against both.
 */
import { execFile } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import type { Manifest } from './kustomize.js';

const MODULES = fileURLToPath(new URL('../../../node_modules/', import.meta.url));

interface Model {
  validate(): void;
}
type ModelClass = new (data: unknown) => Model;

/** What is wrong, a line for each fault, each beginning with the kind and name; empty where nothing is. */
export async function faultsOf(manifests: readonly Manifest[]): Promise<string[]> {
  const faults: string[] = [];
  for (const manifest of manifests) faults.push(...(await wrongValuesOf(manifest)));
  return [...faults, ...(await unknownFieldsOf(manifests))];
}

function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata?.name}`;
}

/** `batch/v1`, `networking.k8s.io/v1`, `v1`: the package's folders are called as Kubernetes calls the groups. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  return `kubernetes-models/${apiVersion}/${kind}`;
}

async function wrongValuesOf(manifest: Manifest): Promise<string[]> {
  const models = await import(moduleOf(manifest)).catch(() => ({}));
  const known = (models as Record<string, ModelClass | undefined>)[manifest.kind];
  if (!known) return [`${nameOf(manifest)}: Kubernetes has no ${manifest.kind} in ${manifest.apiVersion}`];
  try {
    new known(manifest).validate();
    return [];
  } catch (error) {
    return [`${nameOf(manifest)}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function unknownFieldsOf(manifests: readonly Manifest[]): Promise<string[]> {
  const folder = await createTempFolder();
  try {
    await symlink(MODULES, path.join(folder, 'node_modules'));
    const lines = manifests.flatMap((manifest, index) => {
      const type = `import('${moduleOf(manifest)}').I${manifest.kind}`;
      return [`export const m${index}: ${type} = ${JSON.stringify(manifest)}; // ${nameOf(manifest)}`];
    });
    await writeFile(path.join(folder, 'manifests.ts'), `${lines.join('\n')}\n`);
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler'];
    const output = await typeCheck(folder, [...options, '--types', '', 'manifests.ts']);
    return output
      .split('\n')
      .filter((line) => line.startsWith('manifests.ts('))
      .map((line) => {
        const index = Number(/^manifests\.ts\((\d+),/.exec(line)?.[1]) - 1;
        const manifest = manifests[index];
        return `${manifest ? nameOf(manifest) : '?'}: ${line.replace(/^.*?: error /, '')}`;
      });
  } finally {
    await removeFolder(folder);
  }
}

/** What the compiler says; rejects when it could not look. */
function typeCheck(folder: string, args: readonly string[]): Promise<string> {
  const compiler = path.join(MODULES, 'typescript', 'bin', 'tsc');
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [compiler, ...args], { cwd: folder }, (error, stdout, stderr) => {
      const hasLooked = error === null || stdout.includes('manifests.ts(');
      if (hasLooked) resolve(stdout);
      else reject(new Error(`the compiler could not look at the manifests: ${stdout}${stderr}`));
    });
  });
}
