/**
 * Row: what a village's day costs the disk: 500 meters, a burst every 15 minutes, each meter its own request.
 *
 * The quiet between bursts is left out. Bytes are those the kernel counts for the process (whole pages, LevelDB's
 * compaction included); where /proc does not tell them, the row is not measured.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { BurstsLoad, BurstsResult } from './load/bursts.js';
import type { SinglePutsLoad, SinglePutsResult } from './peers/single-puts.js';
import { atMost, type Figure, inTurn, type Row, type RunContext } from './row.js';
import { assertStored, withNode } from './support/bench-node.js';
import { bytesWritten, bytesWrittenAtRest } from './support/process-figures.js';
import { VILLAGE_FLEET } from './support/readings.js';
import { runTask } from './support/task.js';

const LOAD = new URL('./load/bursts.js', import.meta.url);
const PEER = new URL('./peers/single-puts.js', import.meta.url);
const SPREAD_MS = 1_500;
/** Each meter its own. */
const CONNECTIONS = VILLAGE_FLEET.meters;

const common = {
  ...{ peer: 'one put at a time', unit: 'bytes', digits: 0 },
  behind:
    'one by one, each reading costs a synced block of LevelDB’s log and one of 4 KiB for the mark of what is acknowledged, ' +
    'which the peer does not have',
} as const;
const SPREAD: Figure = {
  ...common,
  key: 'burst-writes',
  what: `the same, one after the other within ${SPREAD_MS / 1000} s`,
  targets: [],
};
const AT_ONCE: Figure = {
  ...common,
  key: 'burst-writes-at-once',
  what: 'written to disk per reading, bursts of 500 meters at once',
  targets: [atMost(1_300)],
};

export const burstWrites: Row = {
  name: 'burst-writes',
  figures: [AT_ONCE, SPREAD],
  async measure(context) {
    if ((await bytesWritten('self')) === undefined) {
      context.say('burst-writes: not measured, this system does not tell what a process writes (/proc/<pid>/io)');
      return [];
    }
    const { ours, peer } = await inTurn(
      context,
      async () => ({ spread: await measureOurs(context, SPREAD_MS), atOnce: await measureOurs(context, 0) }),
      () => measurePeer(context),
    );
    return [
      { figure: AT_ONCE, ours: ours.atOnce, peer },
      { figure: SPREAD, ours: ours.spread, peer },
    ];
  },
};

function measureOurs(context: RunContext, spreadMs: number): Promise<number> {
  const { bursts, quietMs } = sizeOf(context);
  return withNode(context, {}, async (node) => {
    const before = await bytesWrittenAtRest(node.pid(), quietMs);
    const { readings } = await runTask<BurstsLoad, BurstsResult>(
      LOAD,
      { url: `${node.url}/v1/readings`, connections: CONNECTIONS, bursts, spreadMs },
      context.signal,
    );
    const after = await bytesWrittenAtRest(node.pid(), quietMs);
    await assertStored(node, readings);
    return ((after ?? Number.NaN) - (before ?? Number.NaN)) / readings;
  });
}

async function measurePeer(context: RunContext): Promise<number> {
  const folder = await mkdtemp(path.join(context.folder, 'puts-'));
  const { bursts, quietMs } = sizeOf(context);
  const readings = bursts * VILLAGE_FLEET.meters;
  const input: SinglePutsLoad = { folder: path.join(folder, 'database'), readings, quietMs };
  try {
    const { bytesWritten } = await runTask<SinglePutsLoad, SinglePutsResult>(PEER, input, context.signal);
    return (bytesWritten ?? Number.NaN) / readings;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sizeOf({ small }: RunContext): { bursts: number; quietMs: number } {
  return small ? { bursts: 1, quietMs: 200 } : { bursts: 96, quietMs: 1_500 };
}
