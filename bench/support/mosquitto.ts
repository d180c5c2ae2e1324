/**
 * A Mosquitto as a child process over a folder of its own: written its configuration, started and awaited until it
 * takes connections, ended at will.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { guardChild } from '../../sim/child-guard.js';
import { baseEnvironment } from '../../sim/processes.js';
import { waitFor } from '../../sim/wait-for.js';

/** Debian keeps it where only administrators look. */
const COMMANDS = ['mosquitto', '/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'];
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 5;

/**
 * When a broker writes what it holds to its file, always all of it: after every change it has seen, or once a second.
 * What came after the last time is gone when it is killed, although it was acknowledged.
 */
export type Saving = 'each-change' | 'each-second';

/** A command that runs Mosquitto; undefined where there is none. */
export async function findMosquitto(): Promise<string | undefined> {
  for (const command of COMMANDS) {
    // It answers -h with its version and exit code 3.
    const answer = await promisify(execFile)(command, ['-h']).catch((error: { stdout?: string }) => error);
    if (answer.stdout?.includes('mosquitto version')) return command;
  }
  return undefined;
}

export interface BrokerOptions {
  command: string;
  folder: string;
  port: number;
}

export class Mosquitto {
  readonly #options: BrokerOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#options.port;
  }

  pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the broker does not run');
    return pid;
  }

  /** Resolves when it takes connections; `bridgePort` names a broker on this machine that gets all readings. */
  async start(saving: Saving, bridgePort?: number): Promise<void> {
    const { command, folder, port } = this.#options;
    const file = path.join(folder, 'mosquitto.conf');
    await writeFile(file, configuration(folder, port, saving, bridgePort));
    const child = spawn(command, ['-c', file], { env: baseEnvironment(), stdio: ['ignore', 'ignore', 'ignore'] });
    guardChild(child);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const gone = () => {
        if (this.#child === child) this.#child = undefined;
        resolve();
      };
      child.once('exit', gone);
      child.once('error', gone);
    });
    const options = { what: `the broker at port ${port}`, timeoutMs: READY_TIMEOUT_MS, intervalMs: READY_POLL_MS };
    await waitFor(() => this.#child === undefined || accepts(port), options);
    if (!this.#child) throw new Error(`the broker at port ${port} ended as soon as it was started`);
  }

  /** SIGTERM lets it write its file. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    child?.kill(signal);
    const escalation = setTimeout(() => child?.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(escalation);
  }
}

function configuration(folder: string, port: number, saving: Saving, bridgePort: number | undefined): string {
  const common = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    // Otherwise an administrator's broker becomes a user who may not write here.
    `user ${os.userInfo().username}`,
    'persistence true',
    `persistence_location ${folder}/`,
    'autosave_interval 1',
    `autosave_on_changes ${saving === 'each-change'}`,
    'max_queued_messages 0',
    'max_queued_bytes 0',
    'max_inflight_messages 1000',
    'log_type error',
  ];
  const bridge = [
    'connection village',
    `address 127.0.0.1:${bridgePort}`,
    'topic readings/# out 1',
    'cleansession false',
    'bridge_protocol_version mqttv311',
    'notifications false',
    'keepalive_interval 60',
    // Seconds between attempts: at first, and at most.
    'restart_timeout 1 30',
  ];
  return `${[...common, ...(bridgePort === undefined ? [] : bridge)].join('\n')}\n`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
