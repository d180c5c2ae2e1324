/**
 * Row: how soon everything is as it should be again: a node killed with a backlog takes readings, a node killed while it
 * drains has delivered all, an outage on a LAN is made up for, and fresh data passes after one on 2G. Nodes look for their
 * link as they do by default.
 */
import { waitFor } from '../../sim/wait-for.js';
import { atMost, type Figure, type Measured, type Row, type RunContext } from '../row.js';
import { assertHeldBoth, type BenchCentre, settingsFor, withGateway } from '../support/bench-centre.js';
import { type BenchLink, LAN_LINK, type LinkProfile, VILLAGE_LINK, withLink } from '../support/bench-link.js';
import { assertStored, type BenchNode, withNode } from '../support/bench-node.js';
import { postOne, statusOf, untilDrained } from '../support/node-client.js';
import { postInBulk } from './promised-load.js';

const LIMIT_S = 60;
const TIMEOUT_MS = 600_000;
const POLL_MS = 20;
const KILLED_PENDING = 100_000;
const DAY = 48_000;
const SLOW_PENDING = 20_000;

const text = (documents: number) => documents.toLocaleString('en-US');
const figure = (key: string, what: string): Figure => ({
  ...{ key: `promise-recovery-${key}`, what, unit: 's', digits: 1, targets: [atMost(LIMIT_S)] },
});
const KILLED = figure('kill', `SIGKILL with ${text(KILLED_PENDING)} pending, until the next reading is acknowledged`);
const KILLED_DRAINING = figure('kill-drain', `SIGKILL while ${text(DAY)} drain over a LAN, until all are delivered`);
const OUTAGE = figure('outage', `link of a LAN back with ${text(DAY)} pending, until live and all delivered`);
const SLOW = figure(
  'outage-2g',
  `2G link back with ${text(SLOW_PENDING)} pending, until a new reading is at the centre`,
);

export const promiseRecovery: Row = {
  name: 'promise-recovery',
  once: true,
  figures: [KILLED, KILLED_DRAINING, OUTAGE, SLOW],
  async measure(context) {
    return [
      await measureKill(context),
      ...(await onLink(context, LAN_LINK, (site) => measureLan(context, site))),
      ...(await onLink(context, VILLAGE_LINK, (site) => measureSlow(context, site))),
    ];
  },
};

interface Site {
  centre: BenchCentre;
  link: BenchLink;
  node: BenchNode;
}

function onLink(
  context: RunContext,
  profile: LinkProfile,
  work: (site: Site) => Promise<Measured[]>,
): Promise<Measured[]> {
  return withGateway(context, (centre) =>
    withLink(centre.port, profile, (link) =>
      withNode(context, settingsFor(centre, link.url), async (node) => {
        await untilDrained(context, node, TIMEOUT_MS);
        return work({ centre, link, node });
      }),
    ),
  );
}

/** Killed right behind the last acknowledgement. */
function measureKill(context: RunContext): Promise<Measured> {
  const documents = sized(context, KILLED_PENDING);
  return withNode(context, {}, async (node) => {
    await postInBulk(context, node, { from: 0, documents });
    const startMs = performance.now();
    await node.process.kill('SIGKILL');
    await node.process.start();
    await postOne(node, 'after-kill');
    const ours = (performance.now() - startMs) / 1000;
    await assertStored(node, documents + 1);
    return { figure: KILLED, ours };
  });
}

async function measureLan(context: RunContext, site: Site): Promise<Measured[]> {
  const { node, link, centre } = site;
  const documents = sized(context, DAY);
  await loseLink(context, site, 0, documents);
  const restoredMs = performance.now();
  link.link.restore();
  await untilLive(context, node);
  const outageS = (performance.now() - restoredMs) / 1000;
  await loseLink(context, site, documents, documents);
  link.link.restore();
  const options = { what: 'a part of the backlog to be drained', timeoutMs: TIMEOUT_MS, intervalMs: POLL_MS };
  await waitFor(async () => (await statusOf(node)).store.pending < documents * 0.75, {
    ...options,
    signal: context.signal,
  });
  const killedMs = performance.now();
  await node.process.kill('SIGKILL');
  await node.process.start();
  await untilLive(context, node);
  const killedS = (performance.now() - killedMs) / 1000;
  await assertHeldBoth(centre, 2 * documents, 0);
  return [
    { figure: OUTAGE, ours: outageS },
    { figure: KILLED_DRAINING, ours: killedS },
  ];
}

/** The reading is posted as soon as the node says that it is online. */
async function measureSlow(context: RunContext, site: Site): Promise<Measured[]> {
  const { node, link, centre } = site;
  await loseLink(context, site, 0, sized(context, SLOW_PENDING));
  const restoredMs = performance.now();
  link.link.restore();
  await untilLink(context, node, 'online');
  await postOne(node, 'after-outage');
  const options = { what: 'the new reading at the centre', timeoutMs: TIMEOUT_MS, intervalMs: POLL_MS };
  await waitFor(() => centre.holdsDevice('after-outage'), { ...options, signal: context.signal });
  return [{ figure: SLOW, ours: (performance.now() - restoredMs) / 1000 }];
}

/** Cuts the link, posts, and waits until the node knows. */
async function loseLink(context: RunContext, { link, node }: Site, from: number, documents: number): Promise<void> {
  link.link.cut();
  await postInBulk(context, node, { from, documents });
  await untilLink(context, node, 'offline');
}

async function untilLink({ signal }: RunContext, node: BenchNode, state: string): Promise<void> {
  const options = { what: `the link to be ${state}`, timeoutMs: TIMEOUT_MS, intervalMs: POLL_MS, signal };
  await waitFor(async () => (await statusOf(node)).link.state === state, options);
}

/** Online, with nothing pending. */
async function untilLive({ signal }: RunContext, node: BenchNode): Promise<void> {
  const options = { what: 'the node to be live with nothing pending', timeoutMs: TIMEOUT_MS, intervalMs: 100, signal };
  await waitFor(async () => {
    const { link, sync, store } = await statusOf(node);
    return link.state === 'online' && sync.state === 'live' && store.pending === 0;
  }, options);
}

function sized({ small }: RunContext, documents: number): number {
  return small ? documents / 100 : documents;
}
