/**
 * What a light village has to deliver: its documents as finished request bodies, and what must be held afterwards.
 *
 * Bodies are made before the hour begins, by the node's own encoder: whoever sends a thousand villages' data from one
 * process has no time to compress it then. The same id and number of readings give the same documents, always.
 */
import { createHash } from 'node:crypto';
import { BodyEncoder, type EncodedBody } from '../../edge/link/body-encoder.js';
import { inSendingOrder } from '../../edge/push/document-order.js';
import { type TelemetryDocument, telemetryId } from '../../shared/documents.js';
import { addToReceipt, EMPTY_RECEIPT, type Receipt } from '../../shared/receipt.js';
import { contentRevision } from '../../shared/revision.js';
import { seedFor } from '../../sim/random.js';
import { type BenchReading, type FleetPlan, fleetReadings, VILLAGE_FLEET } from '../support/readings.js';

export interface LoadedBatch {
  documents: number;
  /** Of the documents in it. */
  receipt: Receipt;
  body: EncodedBody;
  /** `{id: [rev]}` of its documents, as `_revs_diff` is asked, with one revision that nobody has. */
  question: () => string;
}

export interface VillageLoad {
  id: string;
  /** Name of the store that numbered the documents. */
  node: string;
  documents: number;
  receipt: Receipt;
  batches: readonly LoadedBatch[];
  /** Of all ids and revisions; `digestOf` computes the same from what is held. */
  digest: string;
}

export interface IdAndRevision {
  id: string;
  rev: string;
}

/** A node's first batch. */
const BATCH_DOCUMENTS = 100;
const METERS = 50;
/** A link on which the encoder chooses a quick level; what a gateway pays for reading does not depend on the level. */
const ENCODE_FOR_BYTES_PER_S = 1e6;
/** What `_revs_diff` must say is missing: `{}` alone could come from anything that answers. */
export const CANARY_REVISION = '1-00000000000000000000000000000000';

/** The readings of a village of the fleet, light or not. */
export function villageReadings(village: string, readings: number): BenchReading[] {
  const plan: FleetPlan = { ...VILLAGE_FLEET, meters: METERS, seed: seedFor(VILLAGE_FLEET.seed, village) };
  return [...fleetReadings(plan, 0, readings)];
}

/** Makes a village's load; `coding`: what it compresses with. */
export async function makeVillageLoad(village: string, readings: number, coding: 'br' | 'gzip'): Promise<VillageLoad> {
  const encoder = new BodyEncoder();
  encoder.brotliAccepted = coding === 'br';
  const node = nodeName(village);
  const documents = villageReadings(village, readings).map((reading, i) => documentOf(village, node, reading, i + 1));
  const batches: LoadedBatch[] = [];
  for (let from = 0; from < documents.length; from += BATCH_DOCUMENTS) {
    const docs = inSendingOrder(documents.slice(from, from + BATCH_DOCUMENTS));
    const body = await encoder.encode({ docs, new_edits: false }, ENCODE_FOR_BYTES_PER_S);
    // Kept as names alone: a thousand villages' questions are megabytes that are hardly ever asked.
    const range = { from, to: from + docs.length };
    const question = () => questionOf(village, readings, range);
    batches.push({ documents: docs.length, receipt: receiptOf(docs), body, question });
  }
  const held = documents.map(({ _id, _rev }) => ({ id: _id, rev: _rev }));
  return {
    ...{ id: village, node, batches, documents: documents.length },
    ...{ receipt: receiptOf(documents), digest: digestOf(held) },
  };
}

/** One value for a set of documents, whatever their order. */
export function digestOf(documents: readonly IdAndRevision[]): string {
  const lines = documents.map(({ id, rev }) => `${id} ${rev}\n`).sort();
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line);
  return hash.digest('hex');
}

/** Id and revision under which a node of the village stores a reading. */
export function storedAs(village: string, reading: BenchReading): IdAndRevision {
  const id = telemetryId(village, 'reading', reading);
  return { id, rev: contentRevision(id, reading) };
}

function documentOf(village: string, node: string, reading: BenchReading, seq: number): TelemetryDocument {
  const { id, rev } = storedAs(village, reading);
  return { ...reading, _id: id, _rev: rev, type: 'reading', village, node, seq, boot: 1 };
}

function questionOf(village: string, readings: number, range: { from: number; to: number }): string {
  const asked: Record<string, string[]> = { [canaryOf(village)]: [CANARY_REVISION] };
  for (const reading of villageReadings(village, readings).slice(range.from, range.to)) {
    const { id, rev } = storedAs(village, reading);
    asked[id] = [rev];
  }
  return JSON.stringify(asked);
}

export function canaryOf(village: string): string {
  return `${village}:canary`;
}

function receiptOf(documents: readonly TelemetryDocument[]): Receipt {
  return documents.reduce((receipt, { _rev }) => addToReceipt(receipt, _rev), EMPTY_RECEIPT);
}

function nodeName(village: string): string {
  return createHash('sha256').update(village).digest('hex').slice(0, 8);
}
