/**
 * The command of an image as a process: with its environment, user and working folder, on a file system of which that user
 * can write the volumes alone. As root it takes the image's user; otherwise it stays who it is.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { guardChild } from '../../../sim/child-guard.js';
import { baseEnvironment } from '../../../sim/processes.js';
import { waitFor } from '../../support/wait-for.js';
import type { Stage } from './dockerfile.js';

export interface ImageEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

const canBeAnother = process.getuid?.() === 0 && spawnSync('setpriv', ['--version']).error === undefined;

export class ImageProcess {
  readonly #stage: Stage;
  readonly #root: string;
  readonly #env: Record<string, string>;
  readonly #child: ChildProcess;
  readonly ended: Promise<ImageEnd>;
  output = '';

  /** `args` stand in place of the image's CMD. */
  constructor(stage: Stage, root: string, env: Record<string, string>, args: readonly string[] = stage.command) {
    this.#stage = stage;
    this.#root = root;
    this.#env = { ...baseEnvironment(), ...this.#placed(stage.env), ...env };
    const [program = '', ...rest] = this.#asUser([...stage.entrypoint, ...args]);
    this.#child = spawn(program, rest, {
      ...{ cwd: path.join(root, stage.workdir), env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] },
    });
    guardChild(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.ended = once(this.#child, 'close').then(([code, signal]) => ({ code, signal, output: this.output }));
  }

  /** Exit code of the image's health check. */
  async checkHealth(): Promise<number> {
    const [program = '', ...rest] = this.#asUser(this.#stage.healthcheck?.command ?? []);
    const options = { cwd: path.join(this.#root, this.#stage.workdir), env: this.#env };
    return new Promise((resolve) => {
      const child = execFile(program, rest, options, () => resolve(child.exitCode ?? -1));
      guardChild(child);
    });
  }

  async becomesHealthy(): Promise<void> {
    await waitFor(async () => (await this.checkHealth()) === 0, {
      what: `the health check to succeed; the program said: ${this.output}`,
      timeoutMs: 20_000,
      intervalMs: 200,
    });
  }

  /** Sends the image's STOPSIGNAL and tells how it ended, and after how many milliseconds. */
  async stop(): Promise<ImageEnd & { tookMs: number }> {
    const startedMs = performance.now();
    this.#child.kill(this.#stage.stopSignal as NodeJS.Signals);
    const end = await this.ended;
    return { ...end, tookMs: performance.now() - startedMs };
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** Absolute paths of the image lie below its root here. */
  #placed(env: Record<string, string>): Record<string, string> {
    const values = Object.entries(env).map(([name, value]) => [
      name,
      this.#stage.volumes.includes(value) ? path.join(this.#root, value) : value,
    ]);
    return Object.fromEntries(values);
  }

  #asUser([program, ...args]: string[]): string[] {
    if (program !== 'node') throw new Error(`the image has Node alone, and not ${program}`);
    const [uid = '', gid = ''] = this.#stage.user?.split(':') ?? [];
    const prefix = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'];
    return [...(canBeAnother ? prefix : []), process.execPath, ...args];
  }
}
