/**
 * The simulation to watch: both villages at work, one of them cut off for a while, until Ctrl-C. One line of plain text
 * per village and look.
 */
import { messageOf } from '../shared/app-error.js';
import { sleep } from '../shared/time.js';
import type { NodeStatus, SimulatedVillage } from './village.js';
import { count, duration } from './wording.js';
import { SimulatedWorld, type SimulationChoice } from './world.js';

export interface LiveOptions extends SimulationChoice {
  say: (line: string) => void;
  /** Ends the play. */
  signal: AbortSignal;
}

/** A modest mobile link: 128 kbit/s each way. */
const LINK = { bytesPerS: 16_000, roundTripMs: 150 };
/** So today is there within minutes, and yesterday before it. */
const DAYS_AGO = 1;
const LOOK_EVERY_MS = 2_000;
const CUT_AFTER_MS = 10_000;
const CUT_FOR_MS = 20_000;

/** Plays until `signal` is aborted, then stops everything. Throws when something could not be started. */
export async function playLive({ say, signal, ...choice }: LiveOptions): Promise<void> {
  const world = await SimulatedWorld.create({ ...choice, link: LINK, usualPorts: true, daysAgo: DAYS_AGO });
  try {
    for (const port of world.portsTaken) say(`Port ${port} is taken by another program; using a free one instead.`);
    say('Starting a centre and two villages on this machine ...');
    await world.start();
    if (!signal.aborted) {
      introduce(world, choice, say);
      await Promise.all([watch(world, say, signal), playOutage(world, say, signal)]);
    }
  } catch (error) {
    // Ctrl-C in a terminal reaches the programs as well: what fails then is the end that was asked for.
    if (!signal.aborted) throw error;
  } finally {
    say('Stopping ...');
    await world.stop();
  }
  say('Everything is stopped and the temporary data removed.');
}

function introduce(
  { centre, villages }: SimulatedWorld,
  { meters, speed, seed }: SimulationChoice,
  say: LiveOptions['say'],
): void {
  const [first] = villages;
  say('');
  say(
    `Each village has ${count(meters)} meters, an inverter and a battery; ` +
      `one second here is ${duration(speed)} there, from yesterday morning until it is now (seed ${seed}).`,
  );
  say(
    `Each node reaches the centre over a link of ${(LINK.bytesPerS * 8) / 1000} kbit/s ` +
      `with a round trip of ${LINK.roundTripMs} ms.`,
  );
  say('');
  say(`  centre   ${centre.url}`);
  say(`  fleet    ${centre.url}/dashboard, token ${centre.analystToken}`);
  for (const { id, url } of villages) say(`  ${id.padEnd(8)} ${url}`);
  say('');
  say('Try these in another terminal:');
  for (const { url } of villages) say(`  curl -s ${url}/v1/status`);
  say(`  curl -s '${first?.url}/v1/readings?device=meter-0001&order=desc&limit=3'`);
  say(`  curl -s '${first?.url}/v1/predictions?order=desc&limit=3'`);
  const bearer = `-H 'Authorization: Bearer ${centre.analystToken}'`;
  say(`  curl -s ${bearer} ${centre.url}/v1/villages`);
  say(`  curl -s ${bearer} '${centre.url}/v1/villages/${first?.id}/readings?device=totalizer&order=desc&limit=3'`);
  say('');
  say('Ctrl-C ends it.');
  say('');
}

async function playOutage({ villages }: SimulatedWorld, say: LiveOptions['say'], signal: AbortSignal): Promise<void> {
  const [village] = villages;
  if (!village) return;
  await sleep(CUT_AFTER_MS, signal);
  if (signal.aborted) return;
  village.link.cut();
  say(
    `--- The link of ${village.id} is cut for ${CUT_FOR_MS / 1000} s. ` +
      'Its meters go on, and its node keeps what they send.',
  );
  await sleep(CUT_FOR_MS, signal);
  if (signal.aborted) return;
  village.link.restore();
  say(`--- The link of ${village.id} is back. Watch what is pending go down.`);
}

async function watch(world: SimulatedWorld, say: LiveOptions['say'], signal: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  while (!signal.aborted) {
    const lines = await Promise.all(world.villages.map((village) => describe(world, village)));
    if (signal.aborted) return;
    const elapsed = `${Math.round((performance.now() - startedMs) / 1000)} s`.padStart(6);
    for (const line of lines) say(`${elapsed}  ${line}`);
    checkAllRunning(world);
    await sleep(LOOK_EVERY_MS, signal);
  }
}

/** A simulation that has lost a part of itself shows nothing true any more. */
function checkAllRunning({ centre, villages }: SimulatedWorld): void {
  centre.process.assertRunning();
  for (const { node, fleet } of villages) {
    node.assertRunning();
    if (fleet.failure) throw fleet.failure;
  }
}

async function describe({ centre }: SimulatedWorld, village: SimulatedVillage): Promise<string> {
  const [node, newest] = await Promise.all([
    village.status().then(describeNode, (error) => `no answer from the node: ${messageOf(error)}`),
    newestAtCentre(centre.analyst, village.id),
  ]);
  const acknowledged = column(village.fleet.counts.acknowledged);
  const sentKb = column(Math.round(village.link.counts.up.wireBytes / 1000));
  return `${village.id.padEnd(8)} acknowledged ${acknowledged}  ${node}  sent ${sentKb} kB  centre sees ${newest}`;
}

function describeNode({ store, link }: NodeStatus): string {
  const delivered = column(store.lastSeq - store.pending);
  return `pending ${column(store.pending)}  link ${link.state.padEnd(7)}  delivered ${delivered}`;
}

/** The simulated time of the latest reading an analyst can see. */
async function newestAtCentre(analyst: SimulatedWorld['centre']['analyst'], village: string): Promise<string> {
  try {
    const path = `/v1/villages/${village}/readings?device=inverter&order=desc&limit=1`;
    const { items } = await analyst.json<{ items: { at: string }[] }>(path);
    return items[0] ? `up to ${items[0].at.slice(0, 16).replace('T', ' ')}` : 'nothing yet';
  } catch {
    return '? (no answer)';
  }
}

function column(value: number): string {
  return count(value).padStart(7);
}
