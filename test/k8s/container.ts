/**
 * A container of a rendered pod as a process of this machine: the same command, arguments, environment, user and
 * volumes at the same paths, and nothing else that can be written. Only its port is another one.
 *
 * Its root is made of mounts in a namespace of its own: the system's programs, the built project at `/app` as in the
 * image, the pod's volumes, and a root that is read-only where the container says so. Nothing stays behind.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { guardChild } from '../../sim/child-guard.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { type Container, type EnvironmentSources, environmentOf, expand, filesOf, type PodSpec } from './pod-spec.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
/** What the image holds of it, see Dockerfile.edge and Dockerfile.server. */
const IN_THE_IMAGE = ['dist', 'node_modules', 'package.json'];

/** Arguments: root, mode of the root (ro, rw), project, user, folder, volumes (source, target, mode), `--`, the command. */
const SCRIPT = `
set -e
root=$1 mode=$2 project=$3 user=$4 folder=$5; shift 5
mount -t tmpfs -o mode=755,size=1m tmpfs "$root"
for dir in usr etc proc dev; do mkdir "$root/$dir"; mount --rbind "/$dir" "$root/$dir"; done
for dir in bin sbin lib lib64; do
  if [ -L "/$dir" ]; then cp -P "/$dir" "$root/$dir"; elif [ -d "/$dir" ]; then mkdir "$root/$dir"; mount --rbind "/$dir" "$root/$dir"; fi
done
mkdir -p "$root/app/dist" "$root/app/node_modules" "$root/node"
touch "$root/app/package.json"
for part in ${IN_THE_IMAGE.join(' ')}; do
  mount --bind "$project/$part" "$root/app/$part"
  mount -o remount,bind,ro "$root/app/$part"
done
mount --bind "$(dirname "$NODE")" "$root/node"
while [ "$1" != -- ]; do
  mkdir -p "$root$2"; mount --bind "$1" "$root$2"; mount -o "remount,bind,$3" "$root$2"; shift 3
done
shift
mkdir "$root/.old"
cd "$root"
pivot_root . .old
umount -l /.old
rmdir /.old
mount -o "remount,bind,$mode" /
cd "$folder"
unset NODE
if [ "$AS_ROOT" = yes ]; then
  unset AS_ROOT
  exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
fi
unset AS_ROOT
exec unshare --user --map-user "$user" --map-group "$user" "$@"
`;

const isRoot = process.getuid?.() === 0;
const NAMESPACE = isRoot ? ['unshare', '--mount'] : ['unshare', '--map-root-user', '--mount'];

function whyNoContainers(): string | undefined {
  const [command = '', ...args] = [...NAMESPACE, 'sh', '-c', 'mount -t tmpfs tmpfs /mnt'];
  const { error, status, stderr } = spawnSync(command, args);
  if (error) return 'unshare is not installed';
  return status === 0 ? undefined : stderr.toString().trim().split('\n')[0];
}

/** A `describe` whose tests run containers; one pending test that says why stands in its place where none can run. */
export function describeContainers(title: string, define: () => void): void {
  const why = whyNoContainers();
  describe(title, () => {
    if (why === undefined) define();
    else it(`skipped: no namespace can be made here (${why})`);
  });
}

export interface ContainerOptions extends EnvironmentSources {
  pod: PodSpec;
  container: Container;
  /** Variables that must be others than those of the manifests, such as the port. */
  overrides?: Record<string, string>;
  /** Arguments by those that stand in the manifests. */
  args?: (args: readonly string[]) => string[];
}

export interface ContainerEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** The most memory that was ever resident, `VmHWM`. */
  peakBytes: number;
}

/** A folder with the pod's volumes; outlives the container, as volumes do, until `remove`. */
export class PodVolumes {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<PodVolumes> {
    return new PodVolumes(await createTempFolder());
  }

  get root(): string {
    return path.join(this.#folder, 'root');
  }

  /** Where a volume lies outside the container. */
  of(volume: string): string {
    return path.join(this.#folder, 'volumes', volume);
  }

  /** Makes and fills them; for each mount its source, target and mode. */
  async prepare({ pod, container, ...sources }: ContainerOptions): Promise<string[]> {
    const user = pod.securityContext?.runAsUser ?? 0;
    await mkdir(this.root, { recursive: true });
    const mounts: string[] = [];
    for (const { name, mountPath, subPath = '', readOnly = false } of container.volumeMounts ?? []) {
      const volume = pod.volumes?.find((one) => one.name === name) ?? { name };
      const folder = this.of(name);
      await mkdir(path.join(folder, subPath), { recursive: true });
      for (const [file, text] of Object.entries(filesOf(volume, sources))) {
        // A second container of the pod finds them read-only.
        await rm(path.join(folder, file), { force: true });
        await writeFile(path.join(folder, file), text);
        await chmod(path.join(folder, file), volume.secret?.defaultMode ?? 0o644);
        if (isRoot) await chown(path.join(folder, file), user, user);
      }
      // As the pod's fsGroup makes it.
      if (isRoot) await chown(path.join(folder, subPath), user, user);
      mounts.push(path.join(folder, subPath), mountPath, readOnly ? 'ro' : 'rw');
    }
    return mounts;
  }

  remove(): Promise<void> {
    return removeFolder(this.#folder);
  }
}

export class RunningContainer {
  readonly ended: Promise<ContainerEnd>;
  readonly #child: ChildProcess;
  #peakBytes = 0;
  stdout = '';
  stderr = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    const watch = setInterval(() => void this.#look(), 20);
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        clearInterval(watch);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr, peakBytes: this.#peakBytes });
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  kill(signal: NodeJS.Signals): Promise<ContainerEnd> {
    this.#child.kill(signal);
    return this.ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async #look(): Promise<void> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8').catch(() => '');
    const kib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    this.#peakBytes = Math.max(this.#peakBytes, kib * 1024);
  }
}

/** Starts the container; whoever starts it ends it. */
export async function startContainer(volumes: PodVolumes, options: ContainerOptions): Promise<RunningContainer> {
  const { pod, container, overrides = {}, args: changeArgs = (args) => [...args] } = options;
  const env: Record<string, string> = { ...environmentOf(container, options), ...overrides };
  const words = [...(container.command ?? []), ...changeArgs(container.args ?? [])].map((word) => expand(word, env));
  const mode = container.securityContext?.readOnlyRootFilesystem === true ? 'ro' : 'rw';
  const mounts = await volumes.prepare(options);
  const user = String(pod.securityContext?.runAsUser ?? 0);
  const folder = container.workingDir ?? '/';
  const [command = '', ...rest] = [...NAMESPACE, 'sh', '-c', SCRIPT, 'container'];
  const settings = [volumes.root, mode, PROJECT.replace(/\/$/, ''), user, folder, ...mounts, '--', ...words];
  const child = spawn(command, [...rest, ...settings], {
    env: {
      PATH: '/node:/usr/bin:/bin:/usr/sbin:/sbin',
      NODE: process.execPath,
      AS_ROOT: isRoot ? 'yes' : 'no',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  guardChild(child);
  return new RunningContainer(child);
}

/** Resolves when it is true; rejects with the container's last words when it ends before. */
export async function untilTrue(
  container: RunningContainer,
  what: string,
  isTrue: () => Promise<boolean>,
): Promise<void> {
  const giveUp = new AbortController();
  const early = container.ended.then(({ code, stderr }) => {
    giveUp.abort();
    throw new Error(`it ended with ${code} before ${what}: ${stderr.slice(-2_000)}`);
  });
  await Promise.race([waitFor(isTrue, { what, timeoutMs: 20_000, signal: giveUp.signal }), early]);
}
