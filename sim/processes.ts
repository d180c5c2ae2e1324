/**
 * Programs of this package as child processes: started and awaited until ready, killed at will, stopped in order.
 *
 * A child gets only the environment it is given and what every process needs; it does not outlive this process
 * (`child-guard.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError, messageOf } from '../shared/app-error.js';
import type { Service } from '../shared/service.js';
import { guardChild } from './child-guard.js';
import { waitFor } from './wait-for.js';

/** The compiled entry of each program, beside this file's own folder. */
const ENTRIES = {
  edge: fileURLToPath(new URL('../edge/main.js', import.meta.url)),
  server: fileURLToPath(new URL('../server/main.js', import.meta.url)),
} as const;

export type ProgramName = keyof typeof ENTRIES;

/** Path of a program's compiled entry file. */
export function programEntry(program: ProgramName): string {
  return ENTRIES[program];
}

const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LANG', 'NODE_OPTIONS', 'NODE_V8_COVERAGE'];

/** What every process needs from this one's environment; settings of ours are not among it. */
export function baseEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

export interface ProgramProcessOptions {
  /** What to call it in messages. */
  name: string;
  /** JavaScript file to run; `programEntry` for those of this package. */
  entry: string;
  args: readonly string[];
  env: Record<string, string>;
  /** A command to run the program under, such as a tracer; signals must reach the program all the same. */
  under?: readonly string[];
  /** Origin where `/readyz` will answer. */
  url: string;
  /** Asks `/readyz` in a way of its own, for a program behind a certificate that this process does not trust. */
  isReady?: () => Promise<boolean>;
  readyTimeoutMs?: number;
  /** How long SIGTERM may take before SIGKILL. */
  stopTimeoutMs?: number;
  /** Told what it writes to standard error, in pieces as they come. */
  onStderr?: (text: string) => void;
}

export interface ExitStatus {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const STDERR_TAIL_CHARS = 8_192;
const STDERR_SHOWN_LINES = 5;

export class ProgramProcess implements Service {
  readonly name: string;
  readonly #options: ProgramProcessOptions;
  #child: ChildProcess | undefined;
  #exit: Promise<ExitStatus> = Promise.resolve({ code: 0, signal: null });
  #stderrTail = '';

  constructor(options: ProgramProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get url(): string {
    return this.#options.url;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** The end of what it has written to standard error, over all its runs. */
  get stderrTail(): string {
    return this.#stderrTail;
  }

  /**
   * Resolves when it is ready; also after `kill`, to run it again. Rejects, with it gone, when it ends or is not ready
   * in time.
   */
  async start(): Promise<void> {
    if (this.#child) return;
    const { name, url, isReady = () => readyAt(url), readyTimeoutMs = 15_000 } = this.#options;
    const ended = this.#spawn();
    const giveUp = new AbortController();
    const ready = waitFor(isReady, {
      what: `${name} at ${url} to be ready`,
      timeoutMs: readyTimeoutMs,
      intervalMs: 50,
      signal: giveUp.signal,
    });
    ready.catch(() => undefined);
    try {
      await Promise.race([
        ready,
        ended.then((status) => Promise.reject(new Error(`it ended with ${describeExit(status)}`))),
      ]);
    } catch (error) {
      giveUp.abort();
      await this.kill('SIGKILL');
      throw new AppError('unavailable', `${name} did not start: ${messageOf(error)}${this.#lastLines()}`, {
        cause: error,
      });
    }
  }

  /** Throws, with its last words, when it has ended although nobody asked it to. */
  assertRunning(): void {
    if (!this.#child) throw new AppError('unavailable', `${this.name} ended unexpectedly${this.#lastLines()}`);
  }

  /** Sends the signal and waits until the process has ended. Fine when it does not run. */
  async kill(signal: NodeJS.Signals): Promise<ExitStatus> {
    this.#child?.kill(signal);
    return this.#exit;
  }

  /** SIGTERM, and SIGKILL when that has not ended it in time. */
  async stop(): Promise<void> {
    await this.terminate();
  }

  /** As `stop`, answering how it ended. */
  async terminate(): Promise<ExitStatus> {
    const child = this.#child;
    const escalation = setTimeout(() => child?.kill('SIGKILL'), this.#options.stopTimeoutMs ?? 10_000);
    try {
      return await this.kill('SIGTERM');
    } finally {
      clearTimeout(escalation);
    }
  }

  #spawn(): Promise<ExitStatus> {
    const { entry, args, env, under = [] } = this.#options;
    const [command = process.execPath, ...rest] = [...under, process.execPath, entry, ...args];
    const child = spawn(command, rest, {
      env: { ...baseEnvironment(), ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    guardChild(child);
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderrTail = (this.#stderrTail + text).slice(-STDERR_TAIL_CHARS);
      this.#options.onStderr?.(text);
    });
    this.#exit = new Promise((resolve) => {
      const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
        if (this.#child === child) this.#child = undefined;
        resolve({ code, signal });
      };
      child.once('error', () => ended(null, null));
      child.once('close', ended);
    });
    return this.#exit;
  }

  #lastLines(): string {
    const lines = this.#stderrTail.trimEnd().split('\n').slice(-STDERR_SHOWN_LINES).join('\n');
    return lines === '' ? '' : `\n${lines}`;
  }
}

async function readyAt(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) });
  await response.arrayBuffer();
  return response.ok;
}

function describeExit({ code, signal }: ExitStatus): string {
  return signal === null ? `exit code ${code}` : signal;
}
