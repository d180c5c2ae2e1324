/**
 * What must hold at the end of a soak, once nothing is broken any more and the meters have stopped. Every sentence is a
 * problem; none means that everything holds.
 */

import { ProgramClient } from '../../shared/http/client.js';
import { isSameReceipt, type Receipt } from '../../shared/receipt.js';
import type { RegistryView } from '../../shared/registry/registry-view.js';
import { parseInstant } from '../../shared/time.js';
import type { AcknowledgedStore } from '../../sim/acknowledged.js';
import { auditVillage } from '../../sim/audit.js';
import { waitFor } from '../support/wait-for.js';
import type { Arrivals } from './arrivals.js';
import type { Blows } from './blows.js';
import type { HeldDocuments } from './held-documents.js';
import { DAY_MS } from './soak-clock.js';
import { type SoakSite, VILLAGE } from './soak-site.js';
import { untilNoneLeft } from './until-none-left.js';

/** Of real time, for what takes a second where nothing else goes on. */
const WITHIN_MS = 90_000;
const AGAIN_MS = 250;
/** Beyond RETENTION_DAYS: a segment's own day, the longest step of a clock, and a night until it is confirmed. */
const KEPT_LONGER_DAYS = 3;
export const DELETED = 'a confirmed segment was deleted';

export interface VerdictContext {
  site: SoakSite;
  held: HeldDocuments;
  arrivals: Arrivals;
  blows: Blows;
  acknowledged: AcknowledgedStore;
  retentionDays: number;
  signal: AbortSignal;
}

/** Waits until all is delivered, and answers what is wrong. Throws when that does not come to an end. */
export async function problemsAtTheEnd(context: VerdictContext): Promise<string[]> {
  await drain(context);
  const { held, site, blows, acknowledged } = context;
  const problems = [...held.problems];
  problems.push(...held.awaited.slice(0, 5).map((id) => `${id} was acknowledged and is not at the centre`));
  problems.push(...held.unacknowledged.slice(0, 5).map((id) => `${id} is at the centre and was never acknowledged`));
  const audit = await auditVillage(site.centre.analyst, acknowledged);
  problems.push(...audit.problems);
  problems.push(...(await numberProblems(context)));
  problems.push(...(await registryProblems(context)));
  problems.push(...blows.editors.edge.refusals, ...blows.editors.centre.refusals);
  problems.push(...(await retentionProblems(context)));
  return problems;
}

async function drain({ site, held, arrivals, signal }: VerdictContext): Promise<void> {
  const left = async () => {
    await site.replicate();
    const { store, node } = await site.status();
    await arrivals.catchUp();
    const highest = held.counts().find((one) => one.node === node)?.highest ?? 0;
    return Math.max(store.pending, held.awaited.length, store.lastSeq - highest);
  };
  await untilNoneLeft(left, { what: 'everything to be delivered', stillMs: WITHIN_MS, intervalMs: AGAIN_MS, signal });
}

interface VillageNumbers {
  numbers?: { held: number; missing: Record<string, number> };
  numbersUnknown?: string;
}

/** As the feed, the receipts and the centre's own account tell them: all three must be the same. */
async function numberProblems({ site, held }: VerdictContext): Promise<string[]> {
  const problems: string[] = [];
  const counts = held.counts();
  if (counts.length !== 1) problems.push(`the node has had ${counts.length} names, and its store was never lost`);
  for (const { node, unexplained, told, highest, receipt } of counts) {
    const [first] = unexplained;
    if (first !== undefined) problems.push(`${node}: ${unexplained.length} numbers are missing from ${first} on`);
    if (told.lost > 0) problems.push(`${node}: ${told.lost} numbers are told of as lost`);
    if (told.quarantined > 0) problems.push(`${node}: ${told.quarantined} numbers are told of as quarantined`);
    const given = await receiptOf(site, node, highest);
    if (!isSameReceipt(given, receipt)) {
      problems.push(
        `${node}: the receipt says ${JSON.stringify(given)}, what the centre lists is ${JSON.stringify(receipt)}`,
      );
    }
  }
  const { store } = await site.status();
  if (store.lost > 0) problems.push(`the node counts ${store.lost} documents as lost`);
  if (store.quarantined > 0) problems.push(`the node has ${store.quarantined} documents in quarantine`);
  const { numbers, numbersUnknown } = await site.centre.analyst.json<VillageNumbers>(`/v1/villages/${VILLAGE}`);
  const { unexplained = 0, lost = 0, notYetSent = 0 } = numbers?.missing ?? {};
  if (!numbers) problems.push(`the centre cannot tell the numbers: ${numbersUnknown}`);
  else if (numbers.held < held.held)
    problems.push(`the centre counts ${numbers.held} documents and lists ${held.held}`);
  // What the node told of itself since is under way.
  if (unexplained + lost > 0) problems.push(`the centre counts ${unexplained} numbers as unexplained, ${lost} as lost`);
  if (notYetSent > MAX_UNDER_WAY) problems.push(`the centre counts ${notYetSent} numbers as not yet sent`);
  return problems;
}

const MAX_UNDER_WAY = 5;

function receiptOf({ centre, credentials }: SoakSite, node: string, to: number): Promise<Receipt> {
  const client = new ProgramClient({ url: centre.url, peer: 'the centre' });
  const headers = { Authorization: `Basic ${credentials}` };
  return client.json<Receipt>(`/telemetry/_receipt?node=${node}&from=1&to=${to}`, { headers });
}

/** Both sides come to show the same devices, and every acknowledged edit of either. */
async function registryProblems({ blows: { editors } }: VerdictContext): Promise<string[]> {
  let problems: string[] = [];
  const isSame = async () => {
    const [here, there] = await Promise.all([editors.edge.list(), editors.centre.list()]);
    problems = [editors.edge, editors.centre].flatMap((one) => [...one.missingIn(here), ...one.missingIn(there)]);
    if (revisionsOf(here) !== revisionsOf(there)) problems.push('the registries of node and centre differ');
    return problems.length === 0;
  };
  await waitFor(isSame, { what: 'the registries to be the same', timeoutMs: WITHIN_MS, intervalMs: AGAIN_MS }).catch(
    (error: unknown) => {
      if (problems.length === 0) throw error;
    },
  );
  return problems;
}

function revisionsOf(items: readonly RegistryView[]): string {
  return JSON.stringify(items.map(({ _id, _rev }) => `${_id} ${_rev}`).sort());
}

/** Old segments go by themselves once the clock is believed again. */
async function retentionProblems({ site, retentionDays }: VerdictContext): Promise<string[]> {
  const isTidy = async () => {
    const path = '/v1/readings?device=inverter&limit=1';
    const { items } = await site.edgeClient.json<{ items: { at: string }[] }>(path);
    const oldestMs = parseInstant(items[0]?.at ?? '') ?? Number.POSITIVE_INFINITY;
    // The meters' time, which stands still while they rest.
    const mayBeMs = site.fleet.simulatedMs - (retentionDays + KEPT_LONGER_DAYS) * DAY_MS;
    if (oldestMs >= mayBeMs && (retentionDays > 0 || site.logs.edge.total(DELETED) > 0)) return true;
    // Also has the clock compared with the centre's.
    await site.replicate();
    return false;
  };
  try {
    await waitFor(isTidy, { what: 'old segments to be deleted', timeoutMs: WITHIN_MS, intervalMs: AGAIN_MS });
    return [];
  } catch {
    return [`the node keeps confirmed segments longer than RETENTION_DAYS (${retentionDays}) has them kept`];
  }
}
