/**
 * Makes sure that no child process outlives this one: whatever ends this process, short of SIGKILL, ends the children
 * first.
 */
import type { ChildProcess } from 'node:child_process';

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const children = new Set<ChildProcess>();
let isWatching = false;

/** Kills the child when this process ends, unless it has ended before. */
export function guardChild(child: ChildProcess): void {
  children.add(child);
  child.once('exit', () => children.delete(child));
  if (isWatching) return;
  isWatching = true;
  // Also after an uncaught exception and after process.exit().
  process.on('exit', killChildren);
  for (const signal of ENDING_SIGNALS) process.on(signal, endBySignal);
}

function killChildren(): void {
  for (const child of children) child.kill('SIGKILL');
}

function endBySignal(signal: NodeJS.Signals): void {
  // Somebody else handles this signal and will stop the children in order.
  if (process.listenerCount(signal) > 1) return;
  killChildren();
  process.removeListener(signal, endBySignal);
  process.kill(process.pid, signal);
}
