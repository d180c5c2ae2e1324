/**
 * Runs a script of `.github/scripts/` with stand-ins for the programs it calls: a folder first on PATH. What a stand-in
 * was called with is written down, one line of JSON a call.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { guardChild } from '../../sim/child-guard.js';
import { baseEnvironment } from '../../sim/processes.js';

/** The repository's own folder: this file is compiled to dist/test/workflows. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface ScriptResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export class ScriptStage {
  readonly #folder: string;

  /** `folder` is empty, and the test's own. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A program `name` that writes down its arguments and then runs `body`, in bash. */
  async standIn(name: string, body = ''): Promise<void> {
    const bin = path.join(this.#folder, 'bin');
    await mkdir(bin, { recursive: true });
    const note = `jq -cn --args '[$name] + $ARGS.positional' --arg name ${name} -- "$@" >>"$CALLS"`;
    const file = path.join(bin, name);
    await writeFile(file, `#!/usr/bin/env bash\n${note}\n${body}\n`);
    await chmod(file, 0o755);
  }

  /** Every call of a stand-in so far, in order: its name and its arguments. */
  async calls(): Promise<string[][]> {
    const text = await readFile(this.#callsFile, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as string[]);
  }

  run(script: string, args: readonly string[], env: Record<string, string> = {}): Promise<ScriptResult> {
    const own = baseEnvironment();
    const child = spawn(path.join(ROOT, '.github/scripts', script), args, {
      cwd: this.#folder,
      env: { ...own, PATH: `${path.join(this.#folder, 'bin')}:${own.PATH}`, CALLS: this.#callsFile, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    guardChild(child);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, ...output }));
    });
  }

  get #callsFile(): string {
    return path.join(this.#folder, 'calls.jsonl');
  }
}
