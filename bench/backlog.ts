/**
 * Row: whether a backlog of a million is drained as fast as one of 10,000, and what memory the node takes for it.
 *
 * Both drain to an embedded gateway that is empty at first, and the rates are taken over the same number of documents,
 * so that the growth of the centre is the same on both sides: rounds of 10,000 against the first part of the million.
 */
import { atLeastOfPeer, atMost, type Figure, type Measured, type Row, type RunContext } from './row.js';
import { assertHeld, type BenchCentre, settingsFor, withGateway } from './support/bench-centre.js';
import { type BenchNode, withNode } from './support/bench-node.js';
import { fill, replicate } from './support/node-client.js';
import { residentMemory } from './support/process-figures.js';

const PENDING = 1_000_000;
const FIRST_PART = 100_000;
const ROUND = 10_000;

/** What both are taken over. */
const LINE = `solar-sync, over ${FIRST_PART.toLocaleString('en-US')} documents`;

const rate = { unit: 'documents/s', digits: 0 } as const;
const FIRST: Figure = {
  ...rate,
  key: 'backlog',
  what: `drain with ${PENDING.toLocaleString('en-US')} pending, over the first ${FIRST_PART.toLocaleString('en-US')}`,
  peer: `ours with ${ROUND.toLocaleString('en-US')} pending, as many in rounds`,
  behind: 'the peer is ours with less to do',
  targets: [atLeastOfPeer(0.9)],
  point: { plot: 'backlog', line: LINE, x: PENDING },
  peerPoint: { plot: 'backlog', line: LINE, x: ROUND },
};
const WHOLE: Figure = { ...rate, key: 'backlog-whole', what: 'the same, over the whole million', targets: [] };
const MEMORY: Figure = {
  key: 'backlog-memory',
  what: 'memory of the node while it drains a million, peak (MALLOC_ARENA_MAX=1, as in the image)',
  unit: 'MiB',
  digits: 0,
  targets: [atMost(160)],
};

export const backlog: Row = {
  name: 'backlog',
  once: true,
  figures: [FIRST, WHOLE, MEMORY],
  async measure(context) {
    const peer = await withScheduledNode(context, (node, centre) => rateInRounds(context, node, centre));
    return withScheduledNode(context, (node, centre) => measureMany(context, node, centre, peer));
  },
};

/** The node pushes on request only, so that the whole backlog is there when the clock starts. */
function withScheduledNode<T>(
  context: RunContext,
  work: (node: BenchNode, centre: BenchCentre) => Promise<T>,
): Promise<T> {
  return withGateway(context, (centre) =>
    withNode(context, { ...settingsFor(centre, centre.url), SYNC_MODE: 'scheduled' }, (node) => work(node, centre)),
  );
}

/** Documents a second while the forced runs last; the time between them is not counted. */
async function rateInRounds(context: RunContext, node: BenchNode, centre: BenchCentre): Promise<number> {
  const { firstPart, round } = sizeOf(context);
  let drainingMs = 0;
  for (let from = 0; from < firstPart; from += round) {
    await fill(context, node, from, round);
    const startMs = performance.now();
    await replicate(node, context.signal);
    drainingMs += performance.now() - startMs;
  }
  await assertHeld(centre, firstPart);
  return (firstPart / drainingMs) * 1000;
}

async function measureMany(
  context: RunContext,
  node: BenchNode,
  centre: BenchCentre,
  peer: number,
): Promise<Measured[]> {
  const { pending, firstPart } = sizeOf(context);
  await fill(context, node, 0, pending);
  // The kernel's high-water mark begins anew with the process: what taking the readings cost is another row's figure.
  await node.process.stop();
  await node.process.start();
  let part: { sent: number; elapsedMs: number } | undefined;
  const startMs = performance.now();
  await replicate(node, context.signal, (sent) => {
    if (sent >= firstPart) part ??= { sent, elapsedMs: performance.now() - startMs };
  });
  const elapsedMs = performance.now() - startMs;
  const memory = await residentMemory(node.pid());
  await assertHeld(centre, pending);
  const { sent, elapsedMs: partMs } = part ?? { sent: pending, elapsedMs };
  const rates = [
    { figure: FIRST, ours: (sent / partMs) * 1000, peer },
    { figure: WHOLE, ours: (pending / elapsedMs) * 1000 },
  ];
  if (memory) {
    const own = memory.ownMiB.toFixed(0);
    context.say(`backlog: of the memory at the end ${own} MiB are not from files that LevelDB maps`);
    return [...rates, { figure: MEMORY, ours: memory.peakMiB }];
  }
  context.say('backlog: memory is not measured, this system does not tell it (/proc/<pid>/status)');
  return rates;
}

function sizeOf({ small }: RunContext): { pending: number; firstPart: number; round: number } {
  if (small) return { pending: 5_000, firstPart: 2_000, round: 500 };
  return { pending: PENDING, firstPart: FIRST_PART, round: ROUND };
}
