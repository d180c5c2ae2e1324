/**
 * Makes single system calls of a real program fail, as a disk with a bad moment does: the nth call of a kind on each of
 * its threads gives an error and has done nothing.
 */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface FailingCall {
  /** Names of system calls, such as `fdatasync`. */
  calls: readonly string[];
  error: 'EIO' | 'ENOSPC';
  /** Which one, from 1, counted on each thread. */
  nth: number;
}

/** The command to run a program under; what happened to the calls is written to `file`. */
export function withFailingCall({ calls, error, nth }: FailingCall, file = '/dev/null'): string[] {
  const names = calls.join();
  const inject = `inject=${names}:error=${error}:when=${nth}`;
  return ['strace', '-D', '-f', '-q', '--seccomp-bpf', '-o', file, '-e', `trace=${names}`, '-e', inject];
}

/** How many calls were made to fail, as `file` says. */
export async function failedCalls(file: string): Promise<number> {
  return (await readFile(file, 'latin1')).split('(INJECTED)').length - 1;
}

/** Why no call can be made to fail here; undefined where it can. */
export function whyNoFailingCalls(): string | undefined {
  const [command = '', ...args] = [...withFailingCall({ calls: ['fsync'], error: 'EIO', nth: 1 }), 'true'];
  const { error, status, stderr } = spawnSync(command, args);
  if (error) return 'strace is not installed';
  return status === 0 ? undefined : stderr.toString().trim().split('\n')[0];
}
