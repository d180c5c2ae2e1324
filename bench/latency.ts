/**
 * Row: a single POST at 200 requests a second, against a bare `fdatasync` of as many bytes at the same rate.
 *
 * Both take turns, so that each sees the same disk without being in the other's way; latencies of a run are pooled.
 */
import type { SteadyRateLoad, SteadyRateResult } from './load/steady-rate.js';
import type { BareSyncLoad, BareSyncResult } from './peers/bare-sync.js';
import { atMost, atMostAbovePeer, type Figure, type Row, type RunContext } from './row.js';
import { assertStored, withNode } from './support/bench-node.js';
import { median, percentile } from './support/statistics.js';
import { runTask } from './support/task.js';

const LOAD = new URL('./load/steady-rate.js', import.meta.url);
const PEER = new URL('./peers/bare-sync.js', import.meta.url);
const RATE_PER_S = 200;
const DOCUMENT_BYTES = 400;
const SLICES = 4;

const common = {
  ...{ peer: `fdatasync of ${DOCUMENT_BYTES} bytes`, unit: 'ms', digits: 2 },
  behind: 'the peer is a bound and no rival: the bare disk, without a request',
} as const;
const MEDIAN: Figure = {
  ...common,
  key: 'latency-median',
  what: `a POST at ${RATE_PER_S} requests/s, median`,
  targets: [atMost(2)],
};
const P99: Figure = {
  ...common,
  key: 'latency-p99',
  what: `a POST at ${RATE_PER_S} requests/s, p99`,
  targets: [atMostAbovePeer(5, 2)],
  missed:
    'V8’s garbage collection: 3 to 7 ms for the young generation about once a second, 20 to 40 ms in steps for the old one ' +
    'every few seconds (`node --trace-gc`). Halves of 4, 8 and 16 MiB for the young generation were ' +
    'tried ([ADR 16](adr/0016-lean-heap.md)): what makes pauses rarer makes them longer, and takes the memory it saves',
};

export const latency: Row = {
  name: 'latency',
  figures: [MEDIAN, P99],
  measure(context) {
    return withNode(context, {}, async (node) => {
      const ours: number[] = [];
      const lateness: number[] = [];
      const peer: number[] = [];
      let sent = 0;
      for (let slice = 0; slice < SLICES; slice++) {
        const part = { url: `${node.url}/v1/readings`, from: sent, ...sizeOf(context, slice) };
        // Not inTurn: the slices alternate already.
        if (context.peerFirst) peer.push(...(await bareSync(context, part.requests)));
        const { latenciesMs, latenessMs } = await post(context, part);
        ours.push(...latenciesMs);
        lateness.push(...latenessMs);
        if (!context.peerFirst) peer.push(...(await bareSync(context, part.requests)));
        sent += part.warmUp + part.requests;
      }
      await assertStored(node, sent);
      const lateMs = percentile(lateness, 0.99).toFixed(2);
      context.say(`latency: p99 of what the load generator itself was late: ${lateMs} ms`);
      return [
        { figure: MEDIAN, ours: median(ours), peer: median(peer) },
        { figure: P99, ours: percentile(ours, 0.99), peer: percentile(peer, 0.99) },
      ];
    });
  },
};

async function post(
  { signal }: RunContext,
  part: Pick<SteadyRateLoad, 'url' | 'from' | 'warmUp' | 'requests'>,
): Promise<SteadyRateResult> {
  const input: SteadyRateLoad = { ...part, connections: 64, ratePerS: RATE_PER_S };
  return runTask<SteadyRateLoad, SteadyRateResult>(LOAD, input, signal);
}

async function bareSync({ folder, signal }: RunContext, times: number): Promise<number[]> {
  const input: BareSyncLoad = { folder, bytes: DOCUMENT_BYTES, times, ratePerS: RATE_PER_S };
  return (await runTask<BareSyncLoad, BareSyncResult>(PEER, input, signal)).latenciesMs;
}

/** Of one slice; only the first has to warm the node up. */
function sizeOf({ small }: RunContext, slice: number): { warmUp: number; requests: number } {
  const first = slice === 0;
  if (small) return { warmUp: first ? 200 : 0, requests: RATE_PER_S / 4 };
  return { warmUp: first ? 4_000 : 50, requests: 5 * RATE_PER_S };
}
