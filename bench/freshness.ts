/**
 * Row: how soon fresh data passes a backlog. A node that has been live loses its 2G link, takes 20,000 readings, and
 * gets the link back; a reading is posted as soon as the node says that it is online, and then one after the other for
 * as long as the backlog drains. One more is posted before that, when the first byte passes, while the node is still
 * finding out whether anybody answers.
 */
import { waitFor } from '../sim/wait-for.js';
import { atMost, type Figure, type Measured, type Row, type RunContext } from './row.js';
import { type BenchCentre, settingsFor, withGateway } from './support/bench-centre.js';
import { type BenchLink, VILLAGE_LINK, withLink } from './support/bench-link.js';
import { type BenchNode, withNode } from './support/bench-node.js';
import { bufferPeers } from './support/buffer-peers.js';
import { bufferFreshSeconds, stockLiveFreshSeconds } from './support/fresh-over-link.js';
import { fill, postOne, statusOf, untilDrained } from './support/node-client.js';
import { median } from './support/statistics.js';

const PENDING = 20_000;
const ARRIVAL_TIMEOUT_MS = 900_000;
const DRAIN_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

const seconds = { unit: 's', digits: 1 } as const;
const FIRST: Figure = {
  ...seconds,
  key: 'freshness',
  what: `link back with ${PENDING.toLocaleString('en-US')} pending, until a reading posted then is at the centre`,
  targets: [atMost(10)],
};
const MEDIAN: Figure = {
  ...seconds,
  key: 'freshness-median',
  what: 'the same for readings posted during the drain, median',
  targets: [],
};
const WORST: Figure = { ...seconds, key: 'freshness-worst', what: 'the same, worst', targets: [] };
const EARLY: Figure = {
  ...seconds,
  key: 'freshness-early',
  what: 'the same for one posted when the first byte passes, before the node is online',
  targets: [],
};
const NOTICED: Figure = {
  ...seconds,
  key: 'freshness-noticed',
  what: 'from the link restored until the node says it is online',
  targets: [],
};

const PEERS = [
  { name: 'sqlite', what: 'a SQLite buffer, batches of 500 by HTTP, gzip', pending: PENDING },
  { name: 'mosquitto', what: 'a Mosquitto bridge with QoS 1', pending: 4_000 },
  { name: 'stock', what: "PouchDB's live replication", pending: 500 },
].map(({ name, what, pending }) => {
  const peer = pending === PENDING ? what : `${what}, scaled from ${pending.toLocaleString('en-US')} pending`;
  return { name, pending, figure: { ...FIRST, key: `freshness-vs-${name}`, peer, targets: [] } satisfies Figure };
});

export const freshness: Row = {
  name: 'freshness',
  once: true,
  figures: [FIRST, MEDIAN, WORST, EARLY, NOTICED, ...PEERS.map(({ figure }) => figure)],
  async measure(context) {
    // At full size the node looks for its link as it does by default.
    const interval = context.small ? { CONNECTIVITY_INTERVAL: '1' } : {};
    const measured = await withGateway(context, (centre) =>
      withLink(centre.port, VILLAGE_LINK, (link) =>
        withNode(context, { ...settingsFor(centre, link.url), ...interval }, (node) =>
          measureOn(context, centre, link, node),
        ),
      ),
    );
    const first = measured.find(({ figure }) => figure === FIRST);
    return first ? [...measured, ...(await againstPeers(context, first.ours))] : measured;
  },
};

/** What the peers take for the backlog they are measured with, scaled to ours. */
async function againstPeers(context: RunContext, ours: number): Promise<Measured[]> {
  const buffers = await bufferPeers(context, freshness.name);
  const { pending: ourPending } = sizeOf(context);
  const measured: Measured[] = [];
  for (const { name, figure, pending: full } of PEERS) {
    const pending = context.small ? 50 : full;
    const buffer = buffers.find((one) => one.name === name);
    if (!buffer && name !== 'stock') continue;
    const seconds = await (buffer
      ? bufferFreshSeconds(context, buffer, pending)
      : stockLiveFreshSeconds(context, pending));
    measured.push({ figure, ours, peer: (seconds * ourPending) / pending });
  }
  return measured;
}

async function measureOn(
  context: RunContext,
  centre: BenchCentre,
  link: BenchLink,
  node: BenchNode,
): Promise<Measured[]> {
  const { pending, atMostFollowing } = sizeOf(context);
  await untilDrained(context, node, DRAIN_TIMEOUT_MS);
  link.link.cut();
  await fill(context, node, 0, pending);
  await waitFor(async () => (await statusOf(node)).link.state === 'offline', {
    ...{ what: 'the node to see that its link is gone', timeoutMs: DRAIN_TIMEOUT_MS, signal: context.signal },
  });
  const restoredMs = performance.now();
  await link.restore(context);
  const early = arrivalSeconds(context, centre, node, 'fresh-early');
  // Waited for at the end; whatever fails meanwhile is told first.
  early.catch(() => undefined);
  const noticedS = await untilOnline(context, node, restoredMs);
  const firstS = await arrivalSeconds(context, centre, node, 'fresh-0');
  const following: number[] = [];
  while (following.length < atMostFollowing && (await statusOf(node)).store.pending > pending / 100) {
    following.push(await arrivalSeconds(context, centre, node, `fresh-${following.length + 1}`));
  }
  context.say(`freshness: ${following.length} readings were posted during the drain`);
  const measured = [
    { figure: FIRST, ours: firstS },
    { figure: EARLY, ours: await early },
    { figure: NOTICED, ours: noticedS },
  ];
  if (following.length === 0) return measured;
  return [...measured, { figure: MEDIAN, ours: median(following) }, { figure: WORST, ours: Math.max(...following) }];
}

async function untilOnline({ signal }: RunContext, node: BenchNode, sinceMs: number): Promise<number> {
  const options = { what: 'the node to be online', timeoutMs: 120_000, intervalMs: POLL_MS, signal };
  await waitFor(async () => (await statusOf(node)).link.state === 'online', options);
  return (performance.now() - sinceMs) / 1000;
}

/** From the POST of one reading until an analyst finds it at the centre; seconds. */
async function arrivalSeconds(
  { signal }: RunContext,
  centre: BenchCentre,
  node: BenchNode,
  device: string,
): Promise<number> {
  const startMs = performance.now();
  await postOne(node, device);
  const options = { what: `${device} to arrive`, timeoutMs: ARRIVAL_TIMEOUT_MS, intervalMs: POLL_MS, signal };
  await waitFor(() => centre.holdsDevice(device), options);
  return (performance.now() - startMs) / 1000;
}

function sizeOf({ small }: RunContext): { pending: number; atMostFollowing: number } {
  return small ? { pending: 200, atMostFollowing: 2 } : { pending: PENDING, atMostFollowing: 1_000 };
}
