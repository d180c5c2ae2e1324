/**
 * Row: what a live node that gets no readings spends in a day over TLS, and how soon a reading of its own is at the
 * centre over a good link.
 *
 * The day is lived through: node and centre run with clocks and timers 300 times as fast, from one scheduled
 * replication to behind the next, and every byte between them is counted as it passes.
 */
import { sleep } from '../shared/time.js';
import { waitFor } from '../sim/wait-for.js';
import { atMost, type Figure, type Measured, type Row, type RunContext } from './row.js';
import { type BenchLink, GOOD_LINK, type LinkProfile, withLink } from './support/bench-link.js';
import { type BenchNode, withNode } from './support/bench-node.js';
import { fastClockEnvironment } from './support/fast-clock.js';
import { postOne, statusOf, untilDrained } from './support/node-client.js';
import { median } from './support/statistics.js';
import { type TlsCentre, withTlsCentre } from './support/tls-centre.js';

const DAY_MS = 86_400_000;
const DRAIN_TIMEOUT_MS = 60_000;
const POLL_MS = 5;
/** Less than what passes between two signs of life of the centre. */
const QUIET_MS = 60_000;
/** Faster than any link: at 300 times the speed a delay would seem to take minutes. */
const LOOPBACK: LinkProfile = { upBytesPerS: Infinity, downBytesPerS: Infinity, roundTripMs: 0 };

const DAY: Figure = {
  key: 'idle-day',
  what: 'bytes of an idle live node in a day, both directions, TLS included',
  unit: 'kB',
  digits: 1,
  targets: [atMost(300)],
};
const CONNECTIONS: Figure = {
  key: 'idle-connections',
  what: 'connections it opens for that',
  unit: 'a day',
  digits: 0,
  targets: [],
};
const time = { unit: 's', digits: 2 } as const;
const FRESH: Figure = {
  ...time,
  key: 'idle-fresh',
  what: 'a reading at the centre after its POST, 1 Mbit/s, 50 ms, TLS, median',
  targets: [atMost(2)],
};
const FRESH_WORST: Figure = { ...time, key: 'idle-fresh-worst', what: 'the same, worst', targets: [atMost(2)] };

export const idle: Row = {
  name: 'idle',
  once: true,
  figures: [DAY, CONNECTIONS, FRESH, FRESH_WORST],
  async measure(context) {
    return [...(await measureDay(context)), ...(await measureFreshness(context))];
  },
};

/** A day, or in small an hour, counted from when the node has become quiet. */
function measureDay(context: RunContext): Promise<Measured[]> {
  const { speed, watchedMs } = sizeOf(context);
  const fast = fastClockEnvironment(speed, Date.now());
  // What takes a moment seems to take minutes, which is no reason to give up.
  const settings = { ...fast, SYNC_SCHEDULE: '0 2 * * *', SYNC_TIMEOUT: '3600' };
  return withTlsNode(context, LOOPBACK, fast, settings, async (link, node) => {
    const before = await link.atRest(context, QUIET_MS / speed);
    const startMs = performance.now();
    await sleep(watchedMs / speed, context.signal);
    context.signal.throwIfAborted();
    const after = link.traffic;
    const days = ((performance.now() - startMs) * speed) / DAY_MS;
    const { link: state, sync } = await statusOf(node);
    if (state.state !== 'online') throw new Error(`the idle node is ${state.state} (${sync.state})`);
    const bytes = after.upBytes - before.upBytes + after.downBytes - before.downBytes;
    return [
      { figure: DAY, ours: bytes / 1000 / days },
      { figure: CONNECTIONS, ours: (after.connections - before.connections) / days },
    ];
  });
}

function measureFreshness(context: RunContext): Promise<Measured[]> {
  const { readings, pauseMs } = sizeOf(context);
  return withTlsNode(context, GOOD_LINK, {}, {}, async (_link, node, centre) => {
    const times: number[] = [];
    for (let i = 0; i < readings; i++) {
      await sleep(pauseMs, context.signal);
      const device = `fresh-${i}`;
      const startMs = performance.now();
      await postOne(node, device);
      const options = { what: `${device} to arrive`, intervalMs: POLL_MS, signal: context.signal };
      await waitFor(() => centre.holdsDevice(device), { ...options, timeoutMs: 30_000 });
      times.push((performance.now() - startMs) / 1000);
    }
    return [
      { figure: FRESH, ours: median(times) },
      { figure: FRESH_WORST, ours: Math.max(...times) },
    ];
  });
}

/** A live node before a centre that speaks TLS, both drained and connected. */
function withTlsNode<T>(
  context: RunContext,
  profile: LinkProfile,
  centreSettings: Record<string, string>,
  nodeSettings: Record<string, string>,
  work: (link: BenchLink, node: BenchNode, centre: TlsCentre) => Promise<T>,
): Promise<T> {
  return withTlsCentre(context, centreSettings, (centre) =>
    withLink(centre.port, profile, (link) => {
      const settings = {
        ...{ API_URL: link.url.replace('http://127.0.0.1', 'https://localhost'), CENTRAL_PASSWORD: centre.password },
        NODE_EXTRA_CA_CERTS: centre.certificateFile,
        ...nodeSettings,
      };
      return withNode(context, settings, async (node) => {
        await untilDrained(context, node, DRAIN_TIMEOUT_MS);
        return work(link, node, centre);
      });
    }),
  );
}

function sizeOf({ small }: RunContext): { speed: number; watchedMs: number; readings: number; pauseMs: number } {
  if (small) return { speed: 1_000, watchedMs: DAY_MS / 24, readings: 3, pauseMs: 50 };
  return { speed: 300, watchedMs: DAY_MS, readings: 50, pauseMs: 1_000 };
}
