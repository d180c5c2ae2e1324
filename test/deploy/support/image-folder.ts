/**
 * Makes the file system of an image as its Dockerfile makes it, without a container engine: stage by stage, each in a
 * folder that stands for its root. Only `npm ci` is played: with what is installed here, by the lock file.
 */
import { execFileSync } from 'node:child_process';
import { chmod, chown, cp, mkdir, readFile, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { baseEnvironment } from '../../../sim/processes.js';
import type { Copy, Stage } from './dockerfile.js';

const CONTEXT = fileURLToPath(new URL('../../../../', import.meta.url));
const NPM_CI = /^npm ci\b/;

/**
 * Makes a stage below `folder`, and those it copies from, unless they are there already; tells its root.
 */
export async function makeStage(stages: readonly Stage[], target: string, folder: string): Promise<string> {
  const stage = stages.find(({ name }) => name === target);
  if (!stage) throw new Error(`there is no stage ${target}`);
  const root = path.join(folder, target);
  if (await isThere(root)) return root;
  await mkdir(root);
  let workdir = root;
  for (const step of stage.steps) {
    if (step.kind === 'workdir') {
      workdir = path.join(root, step.path);
      await mkdir(workdir, { recursive: true });
    } else if (step.kind === 'copy') {
      const from = step.from === undefined ? CONTEXT : await makeStage(stages, step.from, folder);
      await copyInto(step, from, root, workdir);
    } else if (step.kind === 'run') {
      await run(step.command, workdir);
    }
  }
  return root;
}

async function copyInto(step: Copy, from: string, root: string, workdir: string): Promise<void> {
  for (const source of step.sources) {
    const given = path.join(from, source);
    const isFolder = (await stat(given)).isDirectory();
    const place = path.join(step.destination.startsWith('/') ? root : workdir, step.destination);
    // As Docker has it: of a folder its content is copied, a file goes into a folder that is named with a slash.
    const intoFolder = !isFolder && (step.destination.endsWith('/') || step.sources.length > 1);
    await cp(given, intoFolder ? path.join(place, path.basename(given)) : place, {
      ...{ recursive: true, preserveTimestamps: true },
      // Neither what is built here nor another node_modules is part of a build's folder (.dockerignore).
      filter: (one: string) =>
        from !== CONTEXT || !/(^|\/)(node_modules|dist)(\/|$)|\.md$/.test(path.relative(from, one)),
    });
    const [uid, gid] = step.chown?.split(':').map(Number) ?? [];
    if (uid !== undefined && gid !== undefined && process.getuid?.() === 0) await chown(place, uid, gid);
  }
}

async function run(command: string, workdir: string): Promise<void> {
  if (!NPM_CI.test(command)) {
    execFileSync('sh', ['-euc', command], {
      cwd: workdir,
      env: baseEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  } else if (!command.includes('--ignore-scripts')) {
    throw new Error(`scripts of packages are not to run: ${command}`);
  } else if (command.includes('--omit=dev')) {
    await installProduction(workdir);
  } else {
    await symlink(path.join(CONTEXT, 'node_modules'), path.join(workdir, 'node_modules'));
  }
}

/** The packages the lock file has for production, as they are installed here. */
async function installProduction(workdir: string): Promise<void> {
  const lock = JSON.parse(await readFile(path.join(workdir, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }>;
  };
  for (const [place, { dev, devOptional, optional }] of Object.entries(lock.packages)) {
    if (place === '' || dev || devOptional) continue;
    const installed = path.join(CONTEXT, place);
    if (optional && !(await isThere(installed))) continue;
    // Packages inside a package have places of their own in the lock file.
    const filter = (one: string) => !path.relative(installed, one).split(path.sep).includes('node_modules');
    await cp(installed, path.join(workdir, place), { recursive: true, filter });
  }
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Lets everybody read and nobody write, but for the volumes: those who own them may. */
export async function makeReadOnly(root: string, volumes: readonly string[]): Promise<void> {
  execFileSync('chmod', ['-R', 'a+rX,a-w', root]);
  for (const volume of volumes) await chmod(path.join(root, volume), 0o700);
  // Temporary folders are their owner's alone.
  await chmod(path.dirname(root), 0o755);
}

/** MB (10^6 bytes) of a folder, its files counted in blocks of 4 KiB as a file system does. */
export function folderMb(folder: string): number {
  const [kib = ''] = execFileSync('du', ['-sk', folder], { encoding: 'utf8' }).split('\t');
  return (Number(kib) * 1024) / 1e6;
}
