/** The peer of every push: PouchDB's stock `replicate`, in a process of its own, to a centre or a link before it. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { StockLiveLoad, StockLiveResult } from '../peers/stock-live.js';
import type { StockReplicationLoad, StockReplicationResult } from '../peers/stock-replication.js';
import type { RunContext } from '../row.js';
import type { BenchCentre } from './bench-centre.js';
import { runTask } from './task.js';

const TASK = new URL('../peers/stock-replication.js', import.meta.url);
const LIVE_TASK = new URL('../peers/stock-live.js', import.meta.url);

/** Seconds that stock replication takes for so many readings to `url`, at which the centre is reached. */
export function stockSeconds(
  context: RunContext,
  { user, password }: BenchCentre,
  url: string,
  readings: number,
): Promise<number> {
  return withSource(context, async (folder) => {
    const load = { folder, url, user, password, readings };
    const { elapsedMs } = await runTask<StockReplicationLoad, StockReplicationResult>(TASK, load, context.signal);
    return elapsedMs / 1000;
  });
}

/** Seconds until a reading of `device` is at the centre that is put when live replication begins with so many pending. */
export function stockFreshSeconds(
  context: RunContext,
  { user, password }: BenchCentre,
  url: string,
  { readings, device }: { readings: number; device: string },
): Promise<number> {
  return withSource(context, async (folder) => {
    const load = { folder, url, user, password, readings, device };
    const { freshMs } = await runTask<StockLiveLoad, StockLiveResult>(LIVE_TASK, load, context.signal);
    return freshMs / 1000;
  });
}

/** A folder for a source that is not there yet. */
async function withSource<T>(context: RunContext, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(context.folder, 'stock-'));
  try {
    return await work(path.join(folder, 'source'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
