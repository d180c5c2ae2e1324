/**
 * Makes single system calls of a real program fail, as a disk with a bad moment does: the nth call of a kind on each of
 * its threads gives an error and has done nothing.
 */
import { spawnSync } from 'node:child_process';

export interface FailingCall {
  /** Names of system calls, such as `fdatasync`. */
  calls: readonly string[];
  error: 'EIO' | 'ENOSPC';
  /** Which one, from 1, counted on each thread. */
  nth: number;
}

/** The command to run a program under. */
export function withFailingCall({ calls, error, nth }: FailingCall): string[] {
  const names = calls.join();
  const inject = `inject=${names}:error=${error}:when=${nth}`;
  return ['strace', '-D', '-f', '-q', '--seccomp-bpf', '-o', '/dev/null', '-e', `trace=${names}`, '-e', inject];
}

/** Why no call can be made to fail here; undefined where it can. */
export function whyNoFailingCalls(): string | undefined {
  const [command = '', ...args] = [...withFailingCall({ calls: ['fsync'], error: 'EIO', nth: 1 }), 'true'];
  const { error, status, stderr } = spawnSync(command, args);
  if (error) return 'strace is not installed';
  return status === 0 ? undefined : stderr.toString().trim().split('\n')[0];
}
