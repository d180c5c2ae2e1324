/**
 * Row: a village's day of readings over its 2G link to the gateway, against PouchDB's stock `replicate` over the same
 * kind of link: how long it takes, and where the bytes go.
 */
import { atMost, type Figure, inTurn, type Measured, type Row, type RunContext } from './row.js';
import { withGateway } from './support/bench-centre.js';
import { shareOfFields } from './support/body-contents.js';
import { bufferPeers } from './support/buffer-peers.js';
import { drainOurs, drainPeer, drainStock, type LinkDrain } from './support/drain-over-link.js';
import { type ObservedBody, requestsText } from './support/request-observer.js';

export const DAY_READINGS = 48_000;
/** Stock replication would take hours for the day. */
const STOCK_READINGS = 1_000;
/** Told to be looked at, not judged. */
const untold = { targets: [] } as const;

const peer = `stock replicate, scaled from ${STOCK_READINGS.toLocaleString('en-US')} readings`;
const perReading = { unit: 'bytes', digits: 1 } as const;
const SECONDS: Figure = {
  ...{ key: 'village-day', unit: 's', digits: 0, peer },
  what: `${DAY_READINGS.toLocaleString('en-US')} readings over 64 kbit/s, 600 ms, to the gateway`,
  targets: [atMost(220)],
};
const UP: Figure = {
  ...perReading,
  ...{ key: 'village-day-up', peer, what: 'bytes up per reading, all included' },
  targets: [atMost(36)],
};
const DOWN: Figure = {
  ...perReading,
  ...untold,
  ...{ key: 'village-day-down', peer, what: 'bytes down per reading' },
};
const REQUESTS: Figure = {
  ...{ key: 'village-day-requests', unit: 'requests', digits: 1, peer: 'stock replicate' },
  what: 'requests per 1,000 readings in steady drain',
  targets: [atMost(1.5)],
};
const SEGMENTS: Figure = {
  ...perReading,
  ...untold,
  ...{ key: 'village-day-segments', peer, what: 'of the bytes up: 40 for each segment' },
};
const HEADS: Figure = {
  ...perReading,
  ...untold,
  ...{ key: 'village-day-heads', peer, what: 'of the bytes up: heads of requests' },
};
const BODIES: Figure = {
  ...perReading,
  ...untold,
  ...{ key: 'village-day-bodies', peer, what: 'of the bytes up: bodies of requests' },
};
const CONTENTS = (
  [
    ['values', 'of the bodies: the twelve values'],
    ['_id', 'of the bodies: ids'],
    ['_rev', 'of the bodies: revisions'],
    ['at', 'of the bodies: device and time, which the id repeats'],
    ['seq', 'of the bodies: numbers'],
  ] as const
).map(([part, what]) => ({
  part,
  figure: { ...perReading, ...untold, key: `village-day-${part.replace('_', '')}`, what } satisfies Figure,
}));

/** Scaled to the day as well: a bridge sends each reading as it is. */
const BUFFERS = (
  [
    ['sqlite', 12_000, 'a SQLite buffer, batches of 500 by HTTP, gzip'],
    ['mosquitto', 3_000, 'a Mosquitto bridge with QoS 1'],
  ] as const
).map(([name, from, what]) => {
  const scaled = `${what}, scaled from ${from.toLocaleString('en-US')} readings`;
  return {
    ...{ name, readings: from },
    seconds: { ...SECONDS, ...untold, key: `village-day-vs-${name}`, peer: scaled } satisfies Figure,
    up: { ...UP, ...untold, key: `village-day-up-vs-${name}`, peer: scaled } satisfies Figure,
  };
});

export const villageDay: Row = {
  name: 'village-day',
  once: true,
  figures: [
    ...[SECONDS, UP, DOWN, REQUESTS, SEGMENTS, HEADS, BODIES, ...CONTENTS.map(({ figure }) => figure)],
    ...BUFFERS.flatMap(({ seconds, up }) => [seconds, up]),
  ],
  async measure(context) {
    const { readings, stockReadings } = sizeOf(context);
    let largest: ObservedBody | undefined;
    const keepLargest = (body: ObservedBody) => {
      if (body.kind.endsWith('_bulk_docs') && body.bytes.length > (largest?.bytes.length ?? 0)) largest = body;
    };
    const { ours, peer: stock } = await inTurn(
      context,
      () => withGateway(context, (centre) => drainOurs(context, centre, readings, keepLargest)),
      () => withGateway(context, (centre) => drainStock(context, centre, stockReadings)),
    );
    context.say(`village-day: ${requestsText(ours.traffic.http)}`);
    const besides = await contentsOf(context, largest);
    return [...measuredOf(ours, stock), ...besides, ...(await againstBuffers(context, ours))];
  },
};

async function againstBuffers(context: RunContext, ours: LinkDrain): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const peer of await bufferPeers(context, villageDay.name)) {
    const buffer = BUFFERS.find(({ name }) => name === peer.name);
    if (!buffer) continue;
    const { seconds, up } = buffer;
    const theirs = await drainPeer(context, peer, context.small ? 100 : buffer.readings);
    measured.push(
      { figure: seconds, ours: ours.seconds, peer: (theirs.seconds * ours.readings) / theirs.readings },
      each(up, ours, theirs, ({ traffic }) => traffic.upBytes),
    );
  }
  return measured;
}

function measuredOf(ours: LinkDrain, stock: LinkDrain): Measured[] {
  return [
    { figure: SECONDS, ours: ours.seconds, peer: (stock.seconds * ours.readings) / stock.readings },
    each(UP, ours, stock, ({ traffic }) => traffic.upBytes),
    each(DOWN, ours, stock, ({ traffic }) => traffic.downBytes),
    ...steadyRequests(ours, stock),
    each(SEGMENTS, ours, stock, ({ traffic }) => traffic.upBytes - traffic.upPayloadBytes),
    each(HEADS, ours, stock, ({ traffic }) => traffic.http.headBytes),
    each(BODIES, ours, stock, ({ traffic }) => traffic.http.bodyBytes),
  ];
}

/** A figure by the reading. */
function each(figure: Figure, ours: LinkDrain, peer: LinkDrain, figureOf: (drain: LinkDrain) => number): Measured {
  return { figure, ours: figureOf(ours) / ours.readings, peer: figureOf(peer) / peer.readings };
}

/** Not where the drain was over before its steady part could be looked at. */
function steadyRequests({ steadyRequestsPer1000: ours }: LinkDrain, stock: LinkDrain): Measured[] {
  return ours === undefined
    ? []
    : [{ figure: REQUESTS, ours, peer: stock.traffic.http.requests / (stock.readings / 1_000) }];
}

/** What the parts of a document cost in the largest batch that was sent: what it shrinks by without them. */
async function contentsOf(context: RunContext, body: ObservedBody | undefined): Promise<Measured[]> {
  if (!body) return [];
  const { documents, costs } = await shareOfFields(body);
  context.say(`village-day: a batch of ${documents} documents is taken apart, ${body.encoding ?? 'not compressed'}`);
  return CONTENTS.map(({ part, figure }) => ({ figure, ours: costs[part] }));
}

function sizeOf({ small }: RunContext): { readings: number; stockReadings: number } {
  return small ? { readings: 500, stockReadings: 50 } : { readings: DAY_READINGS, stockReadings: STOCK_READINGS };
}
