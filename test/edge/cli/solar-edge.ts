/** Runs `solar-edge` as a process of its own and waits for its end. */
import { spawn } from 'node:child_process';
import { guardChild } from '../../../sim/child-guard.js';
import { baseEnvironment, programEntry } from '../../../sim/processes.js';

export interface VerbResult {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Standard output line by line, parsed. */
  lines(): Record<string, unknown>[];
}

/** `env` is all it gets beside what every process needs. */
export function solarEdge(args: readonly string[], env: Record<string, string> = {}): Promise<VerbResult> {
  const child = spawn(process.execPath, [programEntry('edge'), ...args], {
    env: { ...baseEnvironment(), ...env },
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
    child.once('close', (code) => resolve({ code, ...output, lines: () => parsedLines(output.stdout) }));
  });
}

function parsedLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
