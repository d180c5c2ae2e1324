/**
 * Row: what keeping the registry the same costs while nobody edits anything, and how soon an edit is on the other side,
 * on a good link and on a village's with 20,000 readings pending.
 *
 * The hour is lived through: node and centre run with clocks and timers 60 times as fast, and every byte between them is
 * counted as it passes, whoever sends it.
 */
import { sleep } from '../shared/time.js';
import { waitFor } from '../sim/wait-for.js';
import { atMost, type Figure, type Measured, type Row, type RunContext } from './row.js';
import { type BenchCentre, settingsFor, withGateway } from './support/bench-centre.js';
import { type BenchLink, GOOD_LINK, type LinkProfile, VILLAGE_LINK, withLink } from './support/bench-link.js';
import { type BenchNode, withNode } from './support/bench-node.js';
import { fastClockEnvironment } from './support/fast-clock.js';
import { fill, statusOf, untilDrained } from './support/node-client.js';
import { CentreRegistry, putDevice, showsDevice } from './support/registry-client.js';
import { median } from './support/statistics.js';

const PENDING = 20_000;
const HOUR_MS = 3_600_000;
const TIMEOUT_MS = 120_000;
const POLL_MS = 10;
/** Faster than any link: sped up, a delay would seem to take minutes. */
const LOOPBACK: LinkProfile = { upBytesPerS: Infinity, downBytesPerS: Infinity, roundTripMs: 0 };

const HOUR: Figure = {
  ...{ key: 'registry-idle-hour', unit: 'kB', digits: 1, targets: [atMost(10)] },
  what: 'bytes of an idle live node in an hour, both directions, TLS left out',
};
const seconds = { unit: 's', digits: 1 } as const;
const GOOD = 'at the other side over 1 Mbit/s, 50 ms';
const POOR = `the same over 64 kbit/s, 600 ms with ${PENDING.toLocaleString('en-US')} pending`;
const arrival = (key: string, what: string, limitS: number): Figure => ({
  ...seconds,
  key,
  what,
  targets: [atMost(limitS)],
});
const FIGURES = {
  good: {
    up: arrival('registry-up', `an edit made at the edge, until it is ${GOOD}, median`, 5),
    down: arrival('registry-down', `an edit made at the centre, until it is ${GOOD}, median`, 5),
  },
  poor: {
    up: arrival('registry-up-backlog', `an edit made at the edge, ${POOR}, median`, 30),
    down: arrival('registry-down-backlog', `an edit made at the centre, ${POOR}, median`, 30),
  },
};
const WORST: Figure = {
  ...seconds,
  key: 'registry-backlog-worst',
  what: 'the worst of those two',
  targets: [atMost(30)],
};

export const registry: Row = {
  name: 'registry',
  once: true,
  figures: [HOUR, FIGURES.good.up, FIGURES.good.down, FIGURES.poor.up, FIGURES.poor.down, WORST],
  async measure(context) {
    return [...(await measureHour(context)), ...(await measureGood(context)), ...(await measureBacklog(context))];
  },
};

interface Site {
  centre: CentreRegistry;
  node: BenchNode;
  link: BenchLink;
}

/** A live node before a gateway, drained and connected. */
function withSite<T>(
  context: RunContext,
  { profile, settings = {} }: { profile: LinkProfile; settings?: Record<string, string> },
  work: (site: Site) => Promise<T>,
): Promise<T> {
  const onCentre = (centre: BenchCentre) =>
    withLink(centre.port, profile, (link) =>
      withNode(context, { ...settingsFor(centre, link.url), ...settings }, async (node) => {
        await untilDrained(context, node, TIMEOUT_MS);
        return work({ centre: new CentreRegistry(centre), node, link });
      }),
    );
  return withGateway(context, onCentre, settings);
}

async function measureHour(context: RunContext): Promise<Measured[]> {
  const speed = context.small ? 600 : 60;
  // What takes a moment seems to take long, which is no reason to give up.
  const settings = { ...fastClockEnvironment(speed, Date.now()), SYNC_SCHEDULE: 'off', SYNC_TIMEOUT: '600' };
  return withSite(context, { profile: LOOPBACK, settings }, async ({ link, node }) => {
    // An event that tells of the start, and the first report.
    await sleep(HOUR_MS / 3 / speed, context.signal);
    const before = link.traffic;
    const startMs = performance.now();
    await sleep(HOUR_MS / speed, context.signal);
    context.signal.throwIfAborted();
    const after = link.traffic;
    const hours = ((performance.now() - startMs) * speed) / HOUR_MS;
    const { registry: state } = await statusOf(node);
    if (state.state !== 'live') throw new Error(`the registry of the idle node is ${state.state}`);
    const bytes = after.upBytes - before.upBytes + after.downBytes - before.downBytes;
    return [{ figure: HOUR, ours: bytes / 1000 / hours }];
  });
}

function measureGood(context: RunContext): Promise<Measured[]> {
  return withSite(context, { profile: GOOD_LINK }, async (site) => {
    const edits = context.small ? 2 : 10;
    const { up, down } = await arrivals(context, site, async (made) => made < edits);
    return [
      { figure: FIGURES.good.up, ours: median(up) },
      { figure: FIGURES.good.down, ours: median(down) },
    ];
  });
}

function measureBacklog(context: RunContext): Promise<Measured[]> {
  const pending = context.small ? 500 : PENDING;
  return withSite(context, { profile: VILLAGE_LINK }, async (site) => {
    const { link, node } = site;
    link.link.cut();
    await fill(context, node, 0, pending);
    await untilLink(context, node, 'offline');
    link.link.restore();
    await untilLink(context, node, 'online');
    const isDraining = async () => (await statusOf(node)).store.pending > pending / 50;
    const { up, down } = await arrivals(context, site, async (made) => made === 0 || isDraining());
    context.say(`registry: ${up.length} edits each way were made while the backlog drained`);
    return [
      { figure: FIGURES.poor.up, ours: median(up) },
      { figure: FIGURES.poor.down, ours: median(down) },
      { figure: WORST, ours: Math.max(...up, ...down) },
    ];
  });
}

/** Seconds of edits made one after the other, at the edge and at the centre in turn. */
async function arrivals(
  { signal }: RunContext,
  { centre, node }: Site,
  goesOn: (made: number) => Promise<boolean>,
): Promise<{ up: number[]; down: number[] }> {
  const up: number[] = [];
  const down: number[] = [];
  const timed = async (what: string, make: () => Promise<void>, isThere: () => Promise<boolean>) => {
    const startMs = performance.now();
    await make();
    await waitFor(isThere, { what, timeoutMs: TIMEOUT_MS, intervalMs: POLL_MS, signal });
    return (performance.now() - startMs) / 1000;
  };
  for (let n = 0; await goesOn(n); n++) {
    const [here, there] = [`up-${n}`, `down-${n}`];
    up.push(
      await timed(
        here,
        () => putDevice(node, here),
        () => centre.holdsDevice(here),
      ),
    );
    down.push(
      await timed(
        there,
        () => centre.putDevice(there),
        () => showsDevice(node, there),
      ),
    );
    await sleep(1_000, signal);
  }
  return { up, down };
}

async function untilLink({ signal }: RunContext, node: BenchNode, state: string): Promise<void> {
  const options = { what: `the link to be ${state}`, timeoutMs: TIMEOUT_MS, signal };
  await waitFor(async () => (await statusOf(node)).link.state === state, options);
}
