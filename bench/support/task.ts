/**
 * Work in a process of its own, so that what loads a server, or stands in for it, does not share its event loop.
 *
 * A task's file calls `serveTask` and is run by `runTask`, once; its process ends with the answer, and with this one.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../shared/app-error.js';
import { guardChild } from '../../sim/child-guard.js';
import { baseEnvironment } from '../../sim/processes.js';

type TaskAnswer<Output> = { result: Output } | { error: string };

/** Runs the compiled file at `entry` and resolves with what its work returned. Rejects with what it threw. */
export function runTask<Input extends object, Output>(entry: URL, input: Input, signal: AbortSignal): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(entry), {
      env: baseEnvironment(),
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
      signal,
      killSignal: 'SIGKILL',
    });
    guardChild(child);
    let answer: TaskAnswer<Output> | undefined;
    child.once('error', reject);
    child.once('message', (message) => {
      answer = message as TaskAnswer<Output>;
    });
    child.once('exit', (code, endedBy) => {
      if (answer && 'result' in answer) resolve(answer.result);
      else reject(new Error(answer?.error ?? `${entry.pathname} ended without an answer (${endedBy ?? code})`));
    });
    child.send(input);
  });
}

/** Called once by a task's file: does the work asked for, answers and ends the process. */
export function serveTask<Input, Output>(work: (input: Input) => Promise<Output>): void {
  process.once('disconnect', () => process.exit());
  process.once('message', async (input) => {
    const answer: TaskAnswer<Output> = await work(input as Input).then(
      (result) => ({ result }),
      (error) => ({ error: messageOf(error) }),
    );
    process.send?.(answer, () => process.disconnect());
  });
}
