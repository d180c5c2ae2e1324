/**
 * Row: the life of a village's buffer, ours, a SQLite's and a Mosquitto's, with 10,000, 100,000 and a million readings
 * waiting: what it takes, what that costs, what SIGKILL leaves of it, and how fast all of it is delivered on loopback.
 */
import { atLeast, type Figure, inTurn, type Measured, type Row, type RunContext, type Target } from './row.js';
import { type BufferLife, keptByPeer, type LifePlan, lifeOfOurs, lifeOfPeer } from './support/buffer-life.js';
import type { BufferPeer } from './support/buffer-peer.js';
import { bufferPeers } from './support/buffer-peers.js';

type PeerName = BufferPeer['name'];

interface Size {
  /** As keys have it. */
  key: string;
  filled: number;
  /** What it is shrunk to for a first look. */
  small: number;
  /** A Mosquitto writes all it holds each time it saves: a million waiting are beyond what it can do in an evening. */
  peers: readonly PeerName[];
}

type PlotPoint = Pick<Figure, 'point' | 'peerPoint'>;

interface Metric {
  key: keyof BufferLife;
  /** As keys of figures have it. */
  part: string;
  what: string;
  unit: string;
  digits: number;
  targets: readonly Target[];
  /** Otherwise it is told at one size alone. */
  atEverySize: boolean;
  /** Why a peer is ahead, where it is. */
  behind?: Partial<Record<PeerName, string>>;
}

const UNSYNCED =
  'the broker holds the messages in memory and acknowledges them before they are on the disk, which it writes once a second';

const PEERS: Readonly<Record<PeerName, string>> = {
  sqlite: 'SQLite (WAL, FULL) behind Express, batches of 500 by HTTP',
  mosquitto: 'Mosquitto, bridge with QoS 1',
};
const SIZES: readonly Size[] = [
  { key: '10k', filled: 10_000, small: 400, peers: ['sqlite', 'mosquitto'] },
  { key: '100k', filled: 100_000, small: 2_000, peers: ['sqlite', 'mosquitto'] },
  { key: '1m', filled: 1_000_000, small: 4_000, peers: ['sqlite'] },
];
const WHOLE_SIZE = '100k';
/** A broker that writes all it holds at each change takes that long for fewer. */
const SINGLE: Readonly<Record<PeerName | 'ours', number>> = { ours: 10_000, sqlite: 10_000, mosquitto: 640 };
const KILLED_AFTER = 20_000;

const common = { digits: 0, targets: [], atEverySize: true } as const;
const METRICS: readonly Metric[] = [
  {
    ...{
      ...common,
      key: 'fillPerS',
      part: 'fill',
      what: 'taken, many at a time',
      unit: 'readings/s',
      atEverySize: false,
    },
    behind: {
      sqlite:
        'it looks for a device and stores the rest as it came; ours checks each field, gives the reading its number and the ' +
        'revision it is replicated under, tells duplicates from conflicts, and writes what PouchDB and its replication read ' +
        'back (two records a reading)',
      mosquitto: `${UNSYNCED}; it looks at no field`,
    },
  },
  {
    ...{
      ...common,
      key: 'diskBytesPerReading',
      part: 'disk',
      what: 'disk a reading',
      unit: 'bytes',
      atEverySize: false,
    },
    behind: { mosquitto: 'it has no ids, revisions and numbers to keep' },
  },
  {
    ...{ ...common, key: 'singlePerS', part: 'single', what: 'one durable reading a request', unit: 'requests/s' },
    behind: { mosquitto: 'the broker acknowledges before it writes, and little is written while little waits' },
  },
  {
    ...{ ...common, key: 'memoryMiB', part: 'memory', what: 'memory, peak', unit: 'MiB' },
    behind: {
      sqlite:
        'LevelDB writes, syncs and compacts in memory of its own, and the node keeps what it needs to look after the link, ' +
        'the clock, the registry and the disk; neither grows with what waits',
      mosquitto: 'a program in C without a runtime; its memory grows with what waits, ours does not',
    },
  },
  {
    ...{ ...common, key: 'startS', part: 'start', what: 'start after SIGKILL', unit: 's', digits: 2 },
    behind: {
      sqlite:
        'a larger program is loaded, and before it takes a reading LevelDB replays its log and the node holds the end of ' +
        'the store against the mark of what it had acknowledged, so that a damaged disk is noticed',
      mosquitto: 'a small program in C reads one file; it cannot tell whether what it acknowledged is in it',
    },
  },
  {
    ...{ ...common, key: 'drainPerS', part: 'drain', what: 'delivered on loopback', unit: 'readings/s' },
    behind: {
      sqlite:
        'its centre stores each reading as one row; ours adds to the indexes of receipts, series and changes, and proves in ' +
        'the end that it holds everything. With few waiting, that and the batches that begin small weigh most',
      mosquitto:
        'its centre acknowledges before anything is stored; ours after everything is synced, and proves it in the end',
    },
  },
  {
    ...{ key: 'keptPct', part: 'kept', what: 'acknowledged readings that are at the centre after SIGKILL', unit: '%' },
    ...{ digits: 3, targets: [atLeast(100)], atEverySize: false },
  },
];

const FIGURES = SIZES.flatMap((size) =>
  size.peers.flatMap((name) =>
    METRICS.filter(({ atEverySize }) => atEverySize || size.key === WHOLE_SIZE).map((metric) => ({
      ...{ size, name, metric },
      figure: figureOf(size, name, metric),
    })),
  ),
);
const KEPT_EACH_SECOND: Figure = {
  key: 'buffer-kept-mosquitto-each-second',
  what: `acknowledged readings that are at the centre after SIGKILL, of ${KILLED_AFTER.toLocaleString('en-US')}`,
  peer: 'Mosquitto that saves once a second',
  ...{ unit: '%', digits: 3, targets: [atLeast(100)] },
};

export const buffers: Row = {
  name: 'buffers',
  once: true,
  figures: [...FIGURES.map(({ figure }) => figure), KEPT_EACH_SECOND],
  async measure(context) {
    const peers = await bufferPeers(context, buffers.name);
    if (peers.length === 0) return [];
    const measured: Measured[] = [];
    for (const size of SIZES) measured.push(...(await measureSize(context, size, peers)));
    const mosquitto = peers.find(({ name }) => name === 'mosquitto');
    return mosquitto ? [...measured, await measureEachSecond(context, mosquitto)] : measured;
  },
};

async function measureSize(context: RunContext, size: Size, all: readonly BufferPeer[]): Promise<Measured[]> {
  const peers = all.filter(({ name }) => size.peers.includes(name));
  const { ours, peer: lives } = await inTurn(
    context,
    () => lifeOfOurs(context, planOf(context, size, 'ours')),
    async () => {
      const found = new Map<PeerName, BufferLife>();
      for (const peer of peers) {
        const life = await lifeOfPeer(context, peer, planOf(context, size, peer.name));
        context.say(`buffers: ${peer.name}, ${size.key}: ${life.lost} acknowledged readings are not at the centre`);
        found.set(peer.name, life);
      }
      return found;
    },
  );
  return FIGURES.flatMap(({ figure, name, metric, ...of }) => {
    const mine = ours[metric.key];
    if (of.size !== size || mine === undefined) return [];
    const theirs = lives.get(name)?.[metric.key];
    return [theirs === undefined ? { figure, ours: mine } : { figure, ours: mine, peer: theirs }];
  });
}

async function measureEachSecond(context: RunContext, mosquitto: BufferPeer): Promise<Measured> {
  const readings = context.small ? 2_000 : KILLED_AFTER;
  const ours = await lifeOfOurs(context, { filled: readings, single: 0 });
  return { figure: KEPT_EACH_SECOND, ours: ours.keptPct, peer: await keptByPeer(context, mosquitto, readings) };
}

function planOf({ small }: RunContext, size: Size, name: PeerName | 'ours'): LifePlan {
  return small ? { filled: size.small, single: 100 } : { filled: size.filled, single: SINGLE[name] };
}

function figureOf({ key, filled }: Size, name: PeerName, metric: Metric): Figure {
  const { part, what, unit, digits, targets, behind } = metric;
  const waiting = `${filled.toLocaleString('en-US')} waiting`;
  const why = behind?.[name];
  return {
    key: `buffer-${part}-${key}-${name}`,
    what: `${what}, ${waiting}`,
    peer: PEERS[name],
    unit,
    digits,
    targets,
    ...(why === undefined ? {} : { behind: why }),
    ...(metric.key === 'drainPerS' ? pointsOf(name, filled) : {}),
  };
}

/** Ours is measured once for both peers, and is one point. */
function pointsOf(name: PeerName, filled: number): PlotPoint {
  const peerPoint = { plot: 'backlog', line: PEERS[name], x: filled } as const;
  return name === 'sqlite'
    ? { point: { plot: 'backlog', line: 'ours, after SIGKILL', x: filled }, peerPoint }
    : { peerPoint };
}
