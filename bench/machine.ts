/** What the figures were measured on: nobody can judge them without. */
import { statfs } from 'node:fs/promises';
import os from 'node:os';
import type { BareSyncLoad, BareSyncResult } from './peers/bare-sync.js';
import { percentile } from './support/statistics.js';
import { runTask } from './support/task.js';

const BARE_SYNC = new URL('./peers/bare-sync.js', import.meta.url);
const SYNC_BYTES = 400;
const SYNC_TIMES = 1_000;
/** Numbers that Linux gives to kinds of file systems. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlay',
};

export interface Machine {
  processor: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  fileSystem: string;
  /** Processes that wanted a core in the minute before: what else the machine was doing. */
  loadAverage: number;
  /** A bare append and `fdatasync` of 400 bytes, without a pause. */
  syncMedianMs: number;
  syncP99Ms: number;
}

/** Looks at the machine and at the disk that `folder` lies on. */
export async function describeMachine(folder: string, signal: AbortSignal): Promise<Machine> {
  const cpus = os.cpus();
  const { type } = await statfs(folder);
  const input: BareSyncLoad = { folder, bytes: SYNC_BYTES, times: SYNC_TIMES, ratePerS: 0 };
  const { latenciesMs } = await runTask<BareSyncLoad, BareSyncResult>(BARE_SYNC, input, signal);
  return {
    processor: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: os.totalmem() / 1024 ** 3,
    system: `${os.type()} ${os.release().split('-')[0]} ${os.arch()}`,
    node: process.version,
    loadAverage: os.loadavg()[0] ?? 0,
    fileSystem: FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`,
    syncMedianMs: percentile(latenciesMs, 0.5),
    syncP99Ms: percentile(latenciesMs, 0.99),
  };
}

/** True when other programs take so much that figures say more about them. */
export function isBusy({ loadAverage, cores }: Machine): boolean {
  return loadAverage > cores / 4;
}

/** True when figures of both may stand beside each other; what else they were doing is not looked at. */
export function sameMachine(a: Machine, b: Machine): boolean {
  return identityOf(a) === identityOf(b);
}

/** One phrase for the table's head; of the same machine looked at several times it tells the range. */
export function machineText(machines: readonly Machine[]): string {
  const [first] = machines;
  if (!first) return 'an unknown machine';
  const range = (values: number[], digits: number) => {
    const [least, most] = [Math.min(...values).toFixed(digits), Math.max(...values).toFixed(digits)];
    return least === most ? least : `${least} to ${most}`;
  };
  const of = (name: 'syncMedianMs' | 'syncP99Ms' | 'loadAverage') => machines.map((machine) => machine[name]);
  return (
    `${identityOf(first)}, fdatasync of ${SYNC_BYTES} bytes: median ${range(of('syncMedianMs'), 2)} ms, ` +
    `p99 ${range(of('syncP99Ms'), 2)} ms; load average before: ${range(of('loadAverage'), 1)}`
  );
}

function identityOf({ processor, cores, memoryGiB, system, node, fileSystem }: Machine): string {
  return `${processor}, ${cores} cores, ${memoryGiB.toFixed(0)} GiB of memory, ${system}, Node ${node}; ${fileSystem}`;
}
