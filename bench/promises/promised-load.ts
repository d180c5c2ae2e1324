/** The load of the promises, from a process of its own. */
import type { PromisedLoad, PromisedResult } from '../load/promised.js';
import type { RunContext } from '../row.js';
import type { BenchNode } from '../support/bench-node.js';
import { runTask } from '../support/task.js';

const LOAD = new URL('../load/promised.js', import.meta.url);

/** One a request at a constant rate, over as many connections as a village has busy meters. */
export function postAtRate(
  { signal }: RunContext,
  { url }: BenchNode,
  part: Pick<PromisedLoad, 'from' | 'warmUp' | 'documents' | 'ratePerS'>,
): Promise<PromisedResult> {
  return runTask<PromisedLoad, PromisedResult>(LOAD, { ...part, url, connections: 64, perRequest: 1 }, signal);
}

/** Many a request, a few requests in flight, as fast as they are taken; documents a second. */
export async function postInBulk(
  { signal }: RunContext,
  { url }: BenchNode,
  part: Pick<PromisedLoad, 'from' | 'documents'> & Partial<Pick<PromisedLoad, 'perRequest' | 'connections'>>,
): Promise<number> {
  const load: PromisedLoad = { url, warmUp: 0, ratePerS: 0, connections: 2, perRequest: 2_000, ...part };
  const { elapsedMs } = await runTask<PromisedLoad, PromisedResult>(LOAD, load, signal);
  return (part.documents / elapsedMs) * 1000;
}
