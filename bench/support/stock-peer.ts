/** The peer of every push: PouchDB's stock `replicate`, in a process of its own, to a centre or a link before it. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { StockReplicationLoad, StockReplicationResult } from '../peers/stock-replication.js';
import type { RunContext } from '../row.js';
import type { BenchCentre } from './bench-centre.js';
import { runTask } from './task.js';

const TASK = new URL('../peers/stock-replication.js', import.meta.url);

/** Seconds that stock replication takes for so many readings to `url`, at which the centre is reached. */
export async function stockSeconds(
  context: RunContext,
  { user, password }: BenchCentre,
  url: string,
  readings: number,
): Promise<number> {
  const folder = await mkdtemp(path.join(context.folder, 'stock-'));
  try {
    const load = { folder: path.join(folder, 'source'), url, user, password, readings };
    const { elapsedMs } = await runTask<StockReplicationLoad, StockReplicationResult>(TASK, load, context.signal);
    return elapsedMs / 1000;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
