/**
 * One scenario from an empty centre to the count: villages are added, nodes get their backlog, the hour is lived through,
 * and what is held is compared with what was sent.
 */
import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import type { CouchDb } from '../../test/support/couchdb.js';
import { type DiskFigures, diskFigures } from './couch-facts.js';
import { EdgeVillage } from './edge-village.js';
import { FleetCentre } from './fleet-centre.js';
import type { FleetSize, Scenario } from './fleet-plan.js';
import { countHeld, type HeldCount } from './held-count.js';
import { type HourResult, liveThrough } from './hour.js';
import type { VillageLoad } from './village-load.js';

export interface FleetRun {
  size: FleetSize;
  loads: readonly VillageLoad[];
  couchdb: CouchDb | undefined;
  /** Shell command that restarts the CouchDB and ends when it answers again. */
  restartCommand: string | undefined;
  folder: string;
  seed: number;
  signal: AbortSignal;
  say: (line: string) => void;
}

export interface ScenarioResult extends HourResult {
  /** Documents held in the end. */
  documents: number;
  /** Undefined without a CouchDB. */
  disk: DiskFigures | undefined;
  count: HeldCount;
}

const NODES_AT_ONCE = 2;

/** Rejects when the scenario cannot be played; what goes wrong in it is among the count's problems. */
export async function runScenario(scenario: Scenario, run: FleetRun): Promise<ScenarioResult> {
  const { size, loads, couchdb, say } = run;
  return FleetCentre.with(couchdb, run.folder, async (centre) => {
    say(`${scenario.title}: ${loads.length} light villages and ${size.edges} nodes are made ready …`);
    const edgeIds = Array.from({ length: size.edges }, (_, i) => `edge${i}`);
    const passwords = await centre.addVillages([...loads.map(({ id }) => id), ...edgeIds]);
    const edges = await makeEdges(centre, edgeIds, passwords.slice(loads.length), run);
    try {
      await inTurns(edges, (edge) => edge.start());
      say(`${scenario.title}: 2 AM`);
      const hour = await liveThrough({ ...run, scenario, centre, passwords, edges });
      const count = await countHeld(centre, loads, edges);
      count.problems.unshift(...hour.problems);
      const disk = couchdb && (await diskFigures(couchdb, centre.database));
      await inTurns(edges, (edge) => edge.stop());
      return { ...hour, disk, count, documents: count.held };
    } finally {
      await Promise.all(edges.map((edge) => edge.kill()));
    }
  });
}

async function makeEdges(
  { url }: FleetCentre,
  ids: readonly string[],
  passwords: readonly string[],
  { folder, size }: FleetRun,
): Promise<EdgeVillage[]> {
  const edges: EdgeVillage[] = [];
  for (const [i, id] of ids.entries()) {
    const data = await mkdtemp(path.join(folder, `${id}-`));
    const options = { id, origin: url, folder: data, readings: size.readings };
    edges.push(await EdgeVillage.create({ ...options, password: passwords[i] ?? '' }));
  }
  return edges;
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: NODES_AT_ONCE }, worker));
}
