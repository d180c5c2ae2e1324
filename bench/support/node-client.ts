/** What the rows of the push ask of a node, over its REST interface alone. */
import { ProgramClient } from '../../shared/http/client.js';
import { waitFor } from '../../sim/wait-for.js';
import type { ImportLoad, ImportResult } from '../load/import.js';
import type { RunContext } from '../row.js';
import type { BenchNode } from './bench-node.js';
import { VILLAGE_FLEET } from './readings.js';
import { runTask } from './task.js';

const LOAD = new URL('../load/import.js', import.meta.url);

/** The parts of `GET /v1/status` that rows look at. */
export interface NodeStatus {
  store: { pending: number; lastSeq: number };
  link: { state: string };
  sync: { state: string; docsSent: number };
  registry: { state: string };
}

export interface ReplicationEnd {
  event: 'done';
  ok: boolean;
  sent: number;
  pending: number;
  quarantined: number;
  error?: unknown;
}

export function statusOf({ url }: BenchNode): Promise<NodeStatus> {
  return new ProgramClient({ url, peer: 'the node' }).json<NodeStatus>('/v1/status');
}

/** Posts readings `from` to `from + readings - 1` of the fleet; fails unless all were new. Readings a second. */
export async function fill(
  context: RunContext,
  { url }: Pick<BenchNode, 'url'>,
  from: number,
  readings: number,
): Promise<number> {
  const load: ImportLoad = {
    url: `${url}/v1/readings`,
    plan: VILLAGE_FLEET,
    ...{ from, readings, perRequest: 2_000, inFlight: 2, shuffled: false, prepared: false },
  };
  const { accepted, perSecond } = await runTask<ImportLoad, ImportResult>(LOAD, load, context.signal);
  if (accepted !== readings) throw new Error(`${accepted} of ${readings} readings were accepted`);
  return perSecond;
}

/** Posts readings as one array. */
export async function postReadings({ url }: Pick<BenchNode, 'url'>, readings: readonly object[]): Promise<void> {
  await new ProgramClient({ url, peer: 'the node' }).json('/v1/readings', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(readings),
  });
}

/** Posts one reading of a device of its own, so that it can be asked for at the centre. */
export async function postOne({ url }: Pick<BenchNode, 'url'>, device: string): Promise<void> {
  await new ProgramClient({ url, peer: 'the node' }).json('/v1/readings', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ device, powerW: 230.5, voltageV: 229.8 }),
  });
}

/** A forced replication, to its end; fails unless everything was delivered. */
export async function replicate(
  { url }: BenchNode,
  signal: AbortSignal,
  onProgress: (sent: number) => void = () => undefined,
): Promise<ReplicationEnd> {
  const node = new ProgramClient({ url, peer: 'the node' });
  const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}', signal };
  let end: ReplicationEnd | undefined;
  for await (const line of node.lines<ReplicationEnd | { event: 'progress'; sent: number }>('/v1/replicate', request)) {
    if (line.event === 'done') end = line;
    else onProgress(line.sent);
  }
  if (!end?.ok || end.pending > 0 || end.quarantined > 0) {
    throw new Error(`a forced replication ended with ${JSON.stringify(end)}`);
  }
  return end;
}

/** Waits until nothing is pending at the node. `onLook` sees every status on the way. */
export async function untilDrained(
  { signal }: RunContext,
  node: BenchNode,
  timeoutMs: number,
  onLook: (status: NodeStatus) => void = () => undefined,
): Promise<void> {
  await waitFor(
    async () => {
      const status = await statusOf(node);
      onLook(status);
      return status.store.pending === 0;
    },
    { what: 'the node to have nothing pending', timeoutMs, intervalMs: 100, signal },
  );
}
