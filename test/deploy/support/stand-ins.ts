/** Programs of the same name as `docker`, `k3s` and `kubectl` that do a little of the same and write down what they were asked. */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { baseEnvironment } from '../../../sim/processes.js';

export interface ScriptEnd {
  code: number | null;
  output: string;
}

export class StandIns {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** `programs`: shell scripts by name, in which `$log` is what was asked so far. */
  static async create(folder: string, programs: Record<string, string>): Promise<StandIns> {
    await mkdir(folder);
    const log = path.join(folder, 'log');
    await writeFile(log, '');
    for (const [name, script] of Object.entries(programs)) {
      const text = `#!/bin/sh\nlog='${log}'\necho "${name} $*" >> "$log"\n${script}\n`;
      await writeFile(path.join(folder, name), text, { mode: 0o755 });
    }
    return new StandIns(folder);
  }

  /** Runs a script with the stand-ins before everything else on PATH. */
  run(script: string, args: readonly string[], env: Record<string, string> = {}): ScriptEnd {
    const base = baseEnvironment();
    const { status, stdout, stderr } = spawnSync('sh', [script, ...args], {
      env: { ...base, PATH: `${this.#folder}:${base.PATH}`, ...env },
      encoding: 'utf8',
    });
    return { code: status, output: stdout + stderr };
  }

  /** What was asked, line by line. */
  async asked(): Promise<string[]> {
    return (await readFile(path.join(this.#folder, 'log'), 'utf8')).split('\n').filter((line) => line !== '');
  }
}
