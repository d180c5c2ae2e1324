/**
 * Row: how soon fresh data passes a backlog. A node that has been live loses its 2G link, takes 20,000 readings, and
 * gets the link back; a reading is posted at the moment the first byte passes, and then one after the other for as long
 * as the backlog drains.
 */
import { waitFor } from '../sim/wait-for.js';
import { atMost, type Figure, type Measured, type Row, type RunContext } from './row.js';
import { type BenchCentre, settingsFor, withGateway } from './support/bench-centre.js';
import { type BenchLink, VILLAGE_LINK, withLink } from './support/bench-link.js';
import { type BenchNode, withNode } from './support/bench-node.js';
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
const NOTICED: Figure = {
  ...seconds,
  key: 'freshness-noticed',
  what: 'from the link restored until the node tries it',
  targets: [],
};

export const freshness: Row = {
  name: 'freshness',
  once: true,
  figures: [FIRST, MEDIAN, WORST, NOTICED],
  measure(context) {
    // At full size the node looks for its link as it does by default.
    const interval = context.small ? { CONNECTIVITY_INTERVAL: '1' } : {};
    return withGateway(context, (centre) =>
      withLink(centre.port, VILLAGE_LINK, (link) =>
        withNode(context, { ...settingsFor(centre, link.url), ...interval }, (node) =>
          measureOn(context, centre, link, node),
        ),
      ),
    );
  },
};

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
  const noticedS = await untilTried(context, link);
  const firstS = await arrivalSeconds(context, centre, node, 'fresh-0');
  const following: number[] = [];
  while (following.length < atMostFollowing && (await statusOf(node)).store.pending > pending / 100) {
    following.push(await arrivalSeconds(context, centre, node, `fresh-${following.length + 1}`));
  }
  context.say(`freshness: ${following.length} readings were posted during the drain`);
  const measured = [
    { figure: FIRST, ours: firstS },
    { figure: NOTICED, ours: noticedS },
  ];
  if (following.length === 0) return measured;
  return [...measured, { figure: MEDIAN, ours: median(following) }, { figure: WORST, ours: Math.max(...following) }];
}

/** Restores the link and waits for the first byte that passes; seconds. */
async function untilTried({ signal }: RunContext, link: BenchLink): Promise<number> {
  const before = link.traffic.upPayloadBytes;
  const startMs = performance.now();
  link.link.restore();
  const what = 'the node to try its link';
  await waitFor(() => link.traffic.upPayloadBytes > before, { what, timeoutMs: 120_000, intervalMs: 5, signal });
  return (performance.now() - startMs) / 1000;
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
