/** `solar-central` as a process of its own, as people run it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../../support/wait-for.js';

const MAIN = fileURLToPath(new URL('../../../server/main.js', import.meta.url));

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export class CentreProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    // What the environment says of a CouchDB is for the tests, not for the programs they start.
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(COUCHDB|CENTRAL)_/.test(name)));
    this.#child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...clean, LOG_FORMAT: 'json', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = once(this.#child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Where it listens, from the line it logs. */
  url(): Promise<string> {
    return waitFor(() => /the centre listens at (https?:\/\/[^"\s]+)/.exec(this.stderr)?.[1], {
      what: `the centre to listen; it said: ${this.stderr}`,
      timeoutMs: 60_000,
    });
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal);
    return this.ended;
  }
}

/** Runs a verb to its end. */
export function runCentral(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new CentreProcess(args, env).ended;
}
