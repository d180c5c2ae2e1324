/**
 * The end of `NOTIFY_SOCKET` at which systemd would listen. Node has no datagram sockets of this kind, so Perl, which is
 * part of every Debian, holds it; like systemd it closes what comes with a barrier.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { guardChild } from '../../../sim/child-guard.js';
import { waitFor } from '../../support/wait-for.js';

const LISTEN =
  'use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die; $| = 1;' +
  ' print "listening\\n"; while (defined(recv(S, $m, 4096, 0))) { print "$m\\n" }';

/** Why there can be no such socket here; undefined where it can. */
export function whyNoNotifySocket(): string | undefined {
  if (spawnSync('systemd-notify', ['--version']).error) return 'systemd-notify is not installed';
  return spawnSync('perl', ['-MSocket', '-e', '1']).status === 0 ? undefined : 'Perl is not installed';
}

export class NotifySocket {
  readonly path: string;
  /** What was told, assignment by assignment. */
  readonly told: string[] = [];
  readonly #listener: ChildProcess;

  private constructor(path: string, listener: ChildProcess) {
    this.path = path;
    this.#listener = listener;
  }

  static async open(path: string): Promise<NotifySocket> {
    const listener = spawn('perl', ['-e', LISTEN, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    guardChild(listener);
    const socket = new NotifySocket(path, listener);
    listener.stdout.setEncoding('utf8').on('data', (text: string) => {
      socket.told.push(...text.split('\n').filter((line) => line !== ''));
    });
    await waitFor(() => socket.told.shift() === 'listening', { what: 'the socket to listen' });
    return socket;
  }

  count(assignment: string): number {
    return this.told.filter((one) => one === assignment).length;
  }

  async close(): Promise<void> {
    if (this.#listener.exitCode !== null || this.#listener.signalCode !== null) return;
    this.#listener.kill();
    await once(this.#listener, 'exit');
  }
}
