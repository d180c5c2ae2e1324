/**
 * One outage and recovery that ends by itself and proves itself: a link is cut, the node behind it is killed and
 * started again on its data while its meters go on, the link comes back, both nodes replicate, and an audit compares
 * what was acknowledged with what the centre holds.
 */
import { AppError } from '../shared/app-error.js';
import { sleep } from '../shared/time.js';
import { AcknowledgedStore } from './acknowledged.js';
import { type AuditReport, auditVillage } from './audit.js';
import type { SimulatedVillage } from './village.js';
import { waitFor } from './wait-for.js';
import { count, duration } from './wording.js';
import { SimulatedWorld, type SimulationChoice, VILLAGE_IDS } from './world.js';

export interface OnceOptions extends SimulationChoice {
  say: (line: string) => void;
  signal: AbortSignal;
  phases?: Phases;
}

/** How long each part of the play lasts, milliseconds. */
export interface Phases {
  onlineMs: number;
  /** With the link cut, before the node is killed. */
  offlineMs: number;
  /** Without the node, its meters trying again and again. */
  nodeDownMs: number;
  /** With the node back, the link still cut. */
  offlineAgainMs: number;
}

const USUAL_PHASES: Phases = { onlineMs: 5_000, offlineMs: 3_000, nodeDownMs: 1_000, offlineAgainMs: 3_000 };
const LINK = { bytesPerS: 64_000, roundTripMs: 100 };
/** Long enough ago that the simulated time does not catch up with the real one, at any usual speed. */
const DAYS_AGO = 30;
const REPLICATION_DEADLINE_S = 25;
const PROGRESS_EVERY_MS = 500;

/**
 * Plays once. True when the audit found every acknowledged document at the centre exactly once. Throws when the play
 * could not go on.
 */
export async function playOnce({ say, signal, phases = USUAL_PHASES, ...choice }: OnceOptions): Promise<boolean> {
  const startedMs = performance.now();
  const tell = (line: string): void =>
    say(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(5)} s  ${line}`);
  const acknowledged = new Map(VILLAGE_IDS.map((id) => [id, new AcknowledgedStore(id)]));
  const world = await SimulatedWorld.create({
    ...choice,
    link: LINK,
    usualPorts: false,
    daysAgo: DAYS_AGO,
    onAcknowledged: (village, type, documents) => acknowledged.get(village)?.add(type, documents),
  });
  try {
    tell(
      `Starting a centre and two villages of ${count(choice.meters)} meters; ` +
        `one second is ${duration(choice.speed)} there (seed ${choice.seed}).`,
    );
    await world.start();
    await playOutage(world, phases, tell, signal);
    const runs = await Promise.all(world.villages.map((village) => replicate(village, tell)));
    const reports: AuditReport[] = [];
    for (const store of acknowledged.values()) reports.push(await auditVillage(world.centre.analyst, store));
    tellResult(reports, runs, world.villages, tell);
    return reports.every(({ problemCount }) => problemCount === 0) && runs.every(({ ok }) => ok);
  } finally {
    await world.stop();
  }
}

async function playOutage(
  { villages }: SimulatedWorld,
  phases: Phases,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const [village] = villages;
  if (!village) return;
  const act = async (line: string, ms: number): Promise<void> => {
    tell(line);
    await sleep(ms, signal);
    if (signal.aborted) throw new AppError('unavailable', 'interrupted before the end of the play');
    for (const { fleet } of villages) if (fleet.failure) throw fleet.failure;
  };
  await act('Both villages are online; their meters send, their nodes replicate.', phases.onlineMs);
  village.link.cut();
  await act(`The link of ${village.id} is cut. Its meters go on.`, phases.offlineMs);
  const pending = await waitFor(async () => (await village.status()).store.pending || undefined, {
    what: `${village.id} to have something pending`,
  });
  await village.node.kill('SIGKILL');
  await act(
    `With ${count(pending)} documents pending, the node of ${village.id} is killed (SIGKILL).`,
    phases.nodeDownMs,
  );
  await village.node.start();
  await act(`The node of ${village.id} runs again on the same data; still no link.`, phases.offlineAgainMs);
  village.link.restore();
  tell(`The link of ${village.id} is back; the meters stop when their last heartbeat is acknowledged.`);
  await Promise.all(villages.map(({ fleet }) => fleet.finish()));
}

interface ReplicationRun {
  ok: boolean;
  sent: number;
}

/** Asks the node to replicate now and shows how it goes. */
async function replicate(village: SimulatedVillage, tell: (line: string) => void): Promise<ReplicationRun> {
  let shownMs = Number.NEGATIVE_INFINITY;
  for await (const line of village.replicate(REPLICATION_DEADLINE_S)) {
    if (line.event === 'done') {
      const why = line.error === undefined ? '' : `: ${JSON.stringify(line.error)}`;
      const end = line.ok ? 'replicated' : `did not finish replicating${why}`;
      tell(
        `${village.id} ${end}; sent ${count(line.sent)}, pending ${count(line.pending)}, ` +
          `quarantined ${count(line.quarantined)}.`,
      );
      return { ok: line.ok, sent: line.sent };
    }
    if (performance.now() - shownMs < PROGRESS_EVERY_MS) continue;
    shownMs = performance.now();
    tell(`${village.id} replicates: sent ${count(line.sent)}, pending ${count(line.pending)}.`);
  }
  throw new AppError(
    'unavailable',
    `the node of ${village.id} ended its answer to POST /v1/replicate without a result`,
  );
}

function tellResult(
  reports: readonly AuditReport[],
  runs: readonly ReplicationRun[],
  villages: readonly SimulatedVillage[],
  tell: (line: string) => void,
): void {
  tell('The audit compares what the nodes acknowledged with what an analyst reads at the centre:');
  for (const [i, report] of reports.entries()) {
    const { village, acknowledged, confirmed, atCentre, problems, problemCount } = report;
    const retries = villages[i]?.fleet.counts.retries ?? 0;
    const wireKb = Math.round((villages[i]?.link.counts.up.wireBytes ?? 0) / 1000);
    tell(
      `  ${village.padEnd(8)} acknowledged ${count(acknowledged)} (${count(retries)} requests made again), ` +
        `sent in the final run ${count(runs[i]?.sent ?? 0)} (${count(wireKb)} kB up the link in all), ` +
        `at the centre ${count(atCentre)}, confirmed ${count(confirmed)}`,
    );
    for (const problem of problems) tell(`  ! ${problem}`);
    if (problemCount > problems.length) tell(`  ! and ${count(problemCount - problems.length)} more`);
  }
  const isFine = reports.every(({ problemCount }) => problemCount === 0) && runs.every(({ ok }) => ok);
  tell(
    isFine
      ? 'Nothing was lost: every acknowledged document is at the centre exactly once.'
      : 'FAILED: what was acknowledged and what is at the centre differ, or a node could not finish.',
  );
}
