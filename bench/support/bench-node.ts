/** A node as a village runs it: a process of its own over an empty folder that is removed with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '../../sim/ports.js';
import { ProgramProcess, programEntry } from '../../sim/processes.js';
import type { RunContext } from '../row.js';

export interface BenchNode {
  process: ProgramProcess;
  url: string;
  /** LOCAL_CACHE_PATH. */
  folder: string;
  /** Of the process that runs now. */
  pid(): number;
}

/** Starts a node with further `settings`, does the work, and ends the node whatever becomes of it. */
export async function withNode<T>(
  context: RunContext,
  settings: Record<string, string>,
  work: (node: BenchNode) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(context.folder, 'node-'));
  const process = await nodeProcess(context, folder, settings);
  const { url } = process;
  try {
    await process.start();
    const result = await work({ process, url, folder, pid: () => pidOf(process) });
    // A node that stops by itself has not kept back anything of the cost.
    await process.stop();
    return result;
  } finally {
    await process.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

/** Documents the node says it has numbered; fails unless it accounts for all that a load was told were accepted. */
export async function assertStored({ url }: BenchNode, accepted: number): Promise<void> {
  const response = await fetch(`${url}/v1/status`);
  const status = (await response.json()) as { store: { lastSeq: number } };
  const { lastSeq } = status.store;
  if (lastSeq < accepted) throw new Error(`the node says ${lastSeq} where ${accepted} documents were accepted`);
}

async function nodeProcess(
  { profileFolder }: RunContext,
  folder: string,
  settings: Record<string, string>,
): Promise<ProgramProcess> {
  const port = await freePort();
  const command = [programEntry('edge'), 'start'];
  const profiled =
    profileFolder === undefined
      ? command
      : ['--cpu-prof', `--cpu-prof-dir=${path.join(profileFolder, 'node')}`, ...command];
  const [entry = '', ...args] = profiled;
  return new ProgramProcess({
    name: 'the node',
    entry,
    args,
    env: {
      // As the image and the units start it.
      MALLOC_ARENA_MAX: '1',
      VILLAGE_ID: 'bench',
      LOCAL_CACHE_PATH: folder,
      EDGE_PORT: String(port),
      SYNC_SCHEDULE: 'off',
      BUFFER_MAX_MB: '100000',
      MIN_FREE_MB: '0',
      LOG_LEVEL: 'error',
      ...settings,
    },
    url: `http://127.0.0.1:${port}`,
    readyTimeoutMs: 60_000,
    stopTimeoutMs: 30_000,
  });
}

function pidOf(process: ProgramProcess): number {
  process.assertRunning();
  if (process.pid === undefined) throw new Error('the node does not run');
  return process.pid;
}
