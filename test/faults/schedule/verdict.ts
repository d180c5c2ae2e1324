/**
 * How every life ends once nothing goes wrong any more: after one forced run every acknowledged document is at the
 * centre exactly once, with its revision and number, or in quarantine with its reason; and what that took is bounded.
 */
import { expect } from 'chai';
import type { NodeStatus } from '../../../edge/api/status.js';
import type { OneShotResult } from '../../../edge/push/one-shot.js';
import type { QuarantineItem } from '../../../edge/push/quarantine-store.js';
import type { TelemetryDocument } from '../../../shared/documents.js';
import { ProgramClient } from '../../../shared/http/client.js';
import { listAll } from '../../edge/api/node-client.js';
import { byId } from '../../edge/push/support/edge-site.js';
import { numberProblems, readStoredTelemetry } from '../../support/stored-telemetry.js';
import { waitFor } from '../../support/wait-for.js';
import { REASON } from '../refusing-centre.js';
import { isAmnesia, isDisturbance } from './fault-schedule.js';
import type { FaultWorld } from './fault-world.js';

/** A busy machine keeps a request waiting for longer than the node, whose patience is short here, gives it, and again. */
const DRAIN_S = 120;
const DRAIN_MS = DRAIN_S * 1_000;

/** Throws an AssertionError that says what is wrong. The node is stopped afterwards. */
export async function expectEverythingAccountedFor(world: FaultWorld): Promise<void> {
  const client = new ProgramClient({ url: world.node.url, peer: 'the node', timeoutMs: DRAIN_MS });
  await expectNothingClaimedInVain(world, client);
  const result = await replicate(client);
  const { items } = await client.json<{ items: QuarantineItem[] }>('/v1/quarantine');
  expectOnlyRefused(items, world);
  // Refused for good in this run: that is how it says so.
  const isDone =
    result.ok || (items.length > 0 && result.error && 'code' in result.error && result.error.code === 'quarantined');
  expect(isDone, JSON.stringify(result)).to.equal(true);
  await expectSameOnBothSides(world, items);
  await expectAcknowledged(world, items);
  await expectNumbers(world, items, await drainEvents(client));
  expectBounded(world);
}

/** Before a forced run could put it right, and but for a centre that has forgotten what it had. */
async function expectNothingClaimedInVain({ schedule, voice }: FaultWorld, client: ProgramClient): Promise<void> {
  if (schedule.events.some(isAmnesia)) return;
  const { store } = await client.json<Pick<NodeStatus, 'store'>>('/v1/status');
  const claimed = store.lastSeq - store.pending - store.quarantined;
  expect(claimed, 'delivered, as the node says').to.be.at.most(await voice.documentCount());
}

async function replicate(client: ProgramClient): Promise<OneShotResult> {
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ maxRetries: 50, retryIntervalS: 0.05, deadlineS: DRAIN_S }),
  };
  let result: OneShotResult | undefined;
  for await (const line of client.lines<OneShotResult>('/v1/replicate', init)) result = line;
  if (result?.event !== 'done') throw new Error('the node did not say how the replication ended');
  return result;
}

/** What the node itself tells of the run comes after it. Answers where its numbers stood with nothing pending. */
async function drainEvents(client: ProgramClient): Promise<{ node: string; lastSeq: number }> {
  const drained = async () => {
    const { node, store } = await client.json<Pick<NodeStatus, 'node' | 'store'>>('/v1/status');
    if (store.pending === 0) return { node, lastSeq: store.lastSeq };
    await replicate(client);
    return undefined;
  };
  return waitFor(drained, { what: 'the events of the run itself', timeoutMs: DRAIN_MS });
}

function expectOnlyRefused(items: readonly QuarantineItem[], { schedule, poster }: FaultWorld): void {
  const { refusedForever } = schedule;
  const refused = [...poster.acknowledged.contents('reading').keys()].filter((id) =>
    id.includes(`:${refusedForever}:`),
  );
  expect(items.map(({ id }) => id).sort(), 'in quarantine').to.deep.equal(refused.sort());
  expect(new Set(items.map(({ reason }) => reason))).to.deep.equal(new Set(refused.length > 0 ? [REASON] : []));
}

/** Ids, revisions, numbers and contents. */
async function expectSameOnBothSides(world: FaultWorld, quarantined: readonly QuarantineItem[]): Promise<void> {
  const kept = await listAll(world.node.url, 'readings');
  const held: TelemetryDocument[] = [];
  const path = `/v1/villages/${world.village}/readings?format=ndjson`;
  for await (const document of world.centre.analyst.lines<TelemetryDocument>(path)) held.push(document);
  const ofCentre = new Map(held.map((document) => [document._id, document]));
  expect(held.length, 'documents listed twice').to.equal(ofCentre.size);
  const refused = new Set(quarantined.map(({ id }) => id));
  const due = kept.filter(({ _id }) => !refused.has(_id));
  const missing = due.filter(({ _id }) => !ofCentre.has(_id)).map(({ _id, node, seq }) => `${_id} ${node} ${seq}`);
  expect(missing.slice(0, 5), `${missing.length} of ${due.length} are not at the centre`).to.deep.equal([]);
  const ids = new Set(due.map(({ _id }) => _id));
  const more = held.filter(({ _id }) => !ids.has(_id)).map(({ _id, node, seq }) => `${_id} ${node} ${seq}`);
  expect(more.slice(0, 5), `${more.length} of ${held.length} at the centre are not at the node`).to.deep.equal([]);
  expect(held.sort(byId)).to.deep.equal(due.sort(byId));
}

async function expectAcknowledged(world: FaultWorld, quarantined: readonly QuarantineItem[]): Promise<void> {
  const kept = new Set((await listAll(world.node.url, 'readings')).map(({ _id }) => _id));
  const acknowledged = [...world.poster.acknowledged.contents('reading').keys()];
  const lost = acknowledged.filter((id) => !kept.has(id));
  expect(lost.slice(0, 5), `${lost.length} acknowledged readings are nowhere`).to.deep.equal([]);
  expect(kept.size, 'readings nobody was told of').to.equal(acknowledged.length);
  expect(acknowledged.length).to.be.greaterThan(quarantined.length);
}

/** Events included, but for those the node had still to tell when it ended. It is stopped. */
async function expectNumbers(
  world: FaultWorld,
  quarantined: readonly QuarantineItem[],
  drained: { node: string; lastSeq: number },
): Promise<void> {
  await world.node.stop();
  const stored = await readStoredTelemetry(world.nodeFolder);
  expect(numberProblems(stored)).to.deep.equal([]);
  expect([...stored.lost.values()].flat(), 'lost numbers').to.deep.equal([]);
  const due = stored.documents.filter(({ node, seq }) => node !== drained.node || seq <= drained.lastSeq);
  const refused = quarantined.map(({ id }) => id).sort();
  const missing = await world.voice.missing(due);
  expect(missing.sort(), 'what the centre does not hold').to.deep.equal(refused);
  const atLast = (await world.voice.missing(stored.documents)).length;
  expect(await world.voice.documentCount()).to.equal(stored.documents.length - atLast);
}

/** What a request and its bookkeeping may take beside the documents. */
const BYTES_PER_DOCUMENT = 80;
const BYTES_TO_BEGIN = 10_000;
/** Nothing that goes wrong may cost more than what can be under way, and a few questions. */
const BYTES_PER_DISTURBANCE = 5_000;
const REQUESTS_PER_DISTURBANCE = 25;

function expectBounded({ schedule, link, proxy, poster }: FaultWorld): void {
  const documents = poster.acknowledged.count;
  const disturbances = schedule.events.filter(isDisturbance).length;
  // A centre that has lost its memory is given everything again.
  const amnesias = schedule.events.filter(isAmnesia).length;
  const maxBytes =
    BYTES_TO_BEGIN + (1 + amnesias) * documents * BYTES_PER_DOCUMENT + disturbances * BYTES_PER_DISTURBANCE;
  const { payloadBytes } = link.counts.up;
  expect(payloadBytes, `bytes up for ${documents} documents`).to.be.at.most(maxBytes);
  expect(proxy.requests.length, 'requests').to.be.at.most(
    100 + documents / 5 + disturbances * REQUESTS_PER_DISTURBANCE,
  );
}
