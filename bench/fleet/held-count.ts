/**
 * Sent = held, to the document: for every village what the centre's storage holds is compared with what was to be
 * delivered, id by id and revision by revision, and nothing may be there besides.
 */
import { messageOf } from '../../shared/app-error.js';
import { telemetryCount } from './couch-facts.js';
import type { EdgeVillage } from './edge-village.js';
import type { FleetCentre } from './fleet-centre.js';
import { digestOf, storedAs, type VillageLoad } from './village-load.js';

export interface HeldCount {
  /** Documents that villages had to deliver, the nodes' own events included. */
  sent: number;
  held: number;
  /** In words; none when both are the same to the document. */
  problems: string[];
}

const AT_ONCE = 4;

export async function countHeld(
  centre: FleetCentre,
  loads: readonly VillageLoad[],
  edges: readonly EdgeVillage[],
): Promise<HeldCount> {
  const count: HeldCount = { sent: 0, held: 0, problems: [] };
  const checks = [
    ...loads.map((load) => () => checkLight(centre, load, count)),
    ...edges.map((edge) => () => checkEdge(centre, edge, count)),
  ].values();
  const work = async () => {
    for (const check of checks) await check().catch((error: unknown) => count.problems.push(messageOf(error)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (centre.couchdb) {
    const besides = (await telemetryCount(centre.couchdb, centre.database)) - count.held;
    if (besides !== 0) count.problems.push(`the database counts ${besides} documents more than its villages hold`);
  }
  return count;
}

async function checkLight(centre: FleetCentre, load: VillageLoad, count: HeldCount): Promise<void> {
  count.sent += load.documents;
  const held = await centre.heldOf(load.id);
  count.held += held.length;
  if (held.length !== load.documents) {
    throw new Error(`${load.id}: ${load.documents} documents sent, ${held.length} held`);
  }
  if (digestOf(held) !== load.digest) throw new Error(`${load.id}: as many are held as were sent, but not the same`);
}

async function checkEdge(centre: FleetCentre, edge: EdgeVillage, count: HeldCount): Promise<void> {
  const held = await centre.heldOf(edge.id);
  count.held += held.length;
  const numbered = await edge.numbered();
  count.sent += numbered;
  const revisions = new Map(held.map(({ id, rev }) => [id, rev]));
  for (const reading of edge.readings) {
    const { id, rev } = storedAs(edge.id, reading);
    if (revisions.get(id) !== rev) throw new Error(`${id} was stored at the node and is not held as it was`);
  }
  if (held.length !== numbered) throw new Error(`${edge.id}: ${numbered} documents numbered, ${held.length} held`);
}
