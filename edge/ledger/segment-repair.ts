/**
 * Makes a damaged segment whole again from whatever of it can be read, and counts the rest.
 *
 * LevelDB's files are read without it, block by block, each against its checksum. Every document that is what its
 * revision says, in the place its number says, is written to a new database under the same local sequence, so that
 * checkpoints and the record of delivery still hold; numbers that are missing and were not delivered are lost. Then the
 * new folder takes the place of the damaged one, which is set aside. A crash at any point leaves one of the two,
 * complete.
 */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { TelemetryDocument } from '../../shared/documents.js';
import { syncFolder } from '../../shared/durable-file.js';
import { wholeWrites } from '../../shared/leveldb/whole-files.js';
import {
  counterOperations,
  decodeDocument,
  documentOperations,
  isSequenceKey,
  LOCAL_DOCUMENTS,
  localDocumentOperation,
  sequenceOf,
  UUID_KEY,
} from '../../shared/pouchdb-layout.js';
import type { LevelOperation } from '../../shared/watched-level.js';
import { type NumberRange, withoutRanges } from './number-ranges.js';
import { RawLevel } from './raw-level.js';
import { REBUILT } from './segment-folders.js';
import { type DeliveryRecord, NOTHING_DELIVERED, type SegmentRecord } from './segment-record.js';
import { forgetOldest, setAside } from './set-aside.js';

export interface RepairOptions {
  folder: string;
  /** Where the damaged files go, and how many bytes may lie there. */
  damagedRoot: string;
  damagedMaxBytes: number;
  /** What is known of the segment elsewhere: whose numbers it holds and up to where. */
  expected: SegmentRecord;
  /** The last number that can be its own, where the next segment tells: what lies behind was refused, and given again. */
  endSeq?: number;
  nowText: string;
  /** Hears of each step that is done; what it throws ends the repair there, as a crash would. */
  onStep?: (step: RepairStep) => void;
}

export type RepairStep = (typeof REPAIR_STEPS)[number];

/** In this order. */
export const REPAIR_STEPS = ['rebuilt', 'synced', 'set aside', 'exchanged'] as const;

export interface RepairResult {
  /** Documents kept. */
  kept: number;
  /** Numbers that are neither readable nor accounted for in another way. */
  lost: readonly NumberRange[];
}

/** Documents read and written at a time, so that the node's other work gets its turn. */
const CHUNK = 500;
/** Fewer could be the damaged ones themselves. */
const MAJORITY_AT_LEAST = 3;

/** The segment's database must be closed, and stay closed meanwhile. */
export async function repairSegment(options: RepairOptions): Promise<RepairResult> {
  const { folder, damagedRoot, damagedMaxBytes, nowText, onStep = () => undefined } = options;
  const rebuilt = folder + REBUILT;
  await finishExchange(folder, rebuilt);
  await rm(rebuilt, { recursive: true, force: true });
  const target = await RawLevel.open(rebuilt);
  let result: RepairResult;
  try {
    result = await rebuild(target, options);
    onStep('rebuilt');
  } finally {
    await target.close();
  }
  await syncFolder(rebuilt);
  onStep('synced');
  await setAside(folder, damagedRoot, nowText);
  onStep('set aside');
  await rename(rebuilt, folder);
  await syncFolder(path.dirname(folder));
  onStep('exchanged');
  // The segment is whole: what cannot be deleted now is looked at again after the next repair.
  await forgetOldest(damagedRoot, damagedMaxBytes).catch(() => undefined);
  return result;
}

/** Where an attempt failed between its last two steps, what it rebuilt is all there is of the segment. */
async function finishExchange(folder: string, rebuilt: string): Promise<void> {
  if (existsSync(folder) || !existsSync(rebuilt)) return;
  await rename(rebuilt, folder);
  await syncFolder(path.dirname(folder));
}

async function rebuild(target: RawLevel, options: RepairOptions): Promise<RepairResult> {
  const { folder } = options;
  const { local, uuid, newest } = await readBookkeeping(folder);
  const place = await placeByDocuments(wholeDocuments(folder, newest));
  const { guessed, ...told } = { ...recordOf(local.get('segment'), options.expected), ...place };
  const record: SegmentRecord = guessed && !place ? { ...told, guessed } : told;
  const kept = await copyDocuments(wholeDocuments(folder, newest), target, { ...record, endSeq: options.endSeq });
  const delivery = deliveryOf(local.get('delivery'));
  const firstSeq = record.firstSeq;
  const known = Math.max(record.lastSeq ?? 0, options.expected.lastSeq ?? 0, firstSeq + (kept.at(-1) ?? 0) - 1);
  const lastSeq = options.endSeq ?? known;
  const lost = lostNumbers({ firstSeq, lastSeq }, kept, delivery);
  const { spans: _, ...rest } = record;
  const mended: SegmentRecord = { ...rest, lastSeq, sealedAt: record.sealedAt ?? options.nowText };
  local.set('segment', mended).set('delivery', { ...delivery, lost });
  const operations: LevelOperation[] = [...local].map(([name, body]) => localDocumentOperation(name, body));
  if (uuid !== undefined) operations.push({ type: 'put', key: UUID_KEY, value: uuid });
  operations.push(...counterOperations(kept.at(-1) ?? 0, kept.length));
  await target.write(operations);
  return { kept: kept.length, lost };
}

interface Bookkeeping {
  /** `_local` documents by name. */
  local: Map<string, object>;
  /** The database's identity, by which the centre's checkpoints know it. */
  uuid: string | undefined;
  /** The number LevelDB gave the newest write of each document's entry, by local sequence. */
  newest: Map<number, number>;
}

/** What is known of the database apart from its documents. */
async function readBookkeeping(folder: string): Promise<Bookkeeping> {
  const few = new Map<string, { sequence: number; value: string }>();
  const newest = new Map<number, number>();
  for await (const writes of wholeWrites(folder)) {
    for (const { key, value, sequence } of writes) {
      const name = key.toString('utf8');
      if (isSequenceKey(name)) {
        const localSeq = sequenceOf(name);
        newest.set(localSeq, Math.max(newest.get(localSeq) ?? 0, sequence));
      } else if (name === UUID_KEY || name.startsWith(LOCAL_DOCUMENTS.gt)) {
        if ((few.get(name)?.sequence ?? -1) <= sequence) few.set(name, { sequence, value: value?.toString() ?? '' });
      }
    }
  }
  const local = new Map<string, object>();
  for (const [name, { value }] of few) {
    const body: unknown = name === UUID_KEY || !isJson(value) ? undefined : JSON.parse(value);
    if (typeof body === 'object' && body !== null) local.set(name.slice(LOCAL_DOCUMENTS.gt.length), body);
  }
  const uuid = few.get(UUID_KEY)?.value;
  return { local, uuid: uuid !== undefined && isJson(uuid) ? uuid : undefined, newest };
}

interface PlacedDocument {
  localSeq: number;
  json: string;
  document: TelemetryDocument;
}

/** Every document that is what its revision says, in no order; what was written over is left out. */
async function* wholeDocuments(folder: string, newest: ReadonlyMap<number, number>): AsyncGenerator<PlacedDocument[]> {
  for await (const writes of wholeWrites(folder)) {
    for (let from = 0; from < writes.length; from += CHUNK) {
      yield writes.slice(from, from + CHUNK).flatMap(({ key, value, sequence }) => {
        const name = key.toString('utf8');
        const localSeq = isSequenceKey(name) ? sequenceOf(name) : Number.NaN;
        if (!value || newest.get(localSeq) !== sequence) return [];
        const json = value.toString('utf8');
        const document = decodeDocument(json);
        return document ? [{ localSeq, json, document }] : [];
      });
      // A table has thousands: the node's other work gets its turn.
      await setImmediate();
    }
  }
}

/**
 * Whose numbers most of some documents carry: they prove themselves, the record does not. Undefined where that is not
 * clear.
 */
async function placeByDocuments(
  found: AsyncIterable<PlacedDocument[]>,
): Promise<{ node: string; firstSeq: number } | undefined> {
  const places = new Map<string, { node: string; firstSeq: number; votes: number }>();
  let votes = 0;
  for await (const documents of found) {
    for (const { localSeq, document } of documents) {
      const firstSeq = document.seq - localSeq + 1;
      if (!Number.isSafeInteger(firstSeq) || firstSeq < 1) continue;
      const name = `${document.node} ${firstSeq}`;
      const place = places.get(name) ?? { node: document.node, firstSeq, votes: 0 };
      places.set(name, { ...place, votes: place.votes + 1 });
      votes++;
    }
    if (votes >= CHUNK) break;
  }
  const chosen = [...places.values()].find((place) => place.votes >= MAJORITY_AT_LEAST && place.votes > votes / 2);
  return chosen && { node: chosen.node, firstSeq: chosen.firstSeq };
}

/** Copies the documents that belong to the segment; resolves with their local sequences, ascending. */
async function copyDocuments(
  found: AsyncIterable<PlacedDocument[]>,
  target: RawLevel,
  { node, firstSeq, endSeq }: { node: string; firstSeq: number; endSeq: number | undefined },
): Promise<number[]> {
  const kept = new Set<number>();
  for await (const documents of found) {
    const operations: LevelOperation[] = [];
    for (const { localSeq, json, document } of documents) {
      if (document.node !== node || document.seq !== firstSeq + localSeq - 1) continue;
      if (endSeq !== undefined && document.seq > endSeq) continue;
      operations.push(...documentOperations({ id: document._id, revision: document._rev, json }, localSeq));
      kept.add(localSeq);
    }
    if (operations.length > 0) await target.write(operations);
  }
  return [...kept].sort((a, b) => a - b);
}

function isJson(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}

/** Its own record where that is whole; it may have been written before the segment was sealed. */
function recordOf(found: object | undefined, expected: SegmentRecord): SegmentRecord {
  const { number, node, firstSeq, openedAt, lastSeq } = (found ?? {}) as Partial<SegmentRecord>;
  const isWhole =
    number === expected.number &&
    typeof node === 'string' &&
    Number.isSafeInteger(firstSeq) &&
    typeof openedAt === 'string';
  if (!isWhole) return expected;
  const known = lastSeq ?? (node === expected.node ? expected.lastSeq : undefined);
  return { ...(found as SegmentRecord), ...(known === undefined ? {} : { lastSeq: known }) };
}

function deliveryOf(found: object | undefined): DeliveryRecord {
  const { deliveredSeq, void: voided, quarantined, lost } = (found ?? {}) as Partial<DeliveryRecord>;
  const isWhole =
    Number.isSafeInteger(deliveredSeq) && [voided, quarantined, lost].every((ranges) => Array.isArray(ranges));
  return isWhole ? (found as DeliveryRecord) : NOTHING_DELIVERED;
}

/** Numbers given that are gone before they were delivered. */
function lostNumbers(
  { firstSeq, lastSeq }: { firstSeq: number; lastSeq: number },
  kept: readonly number[],
  delivery: DeliveryRecord,
): NumberRange[] {
  const missing: NumberRange[] = [];
  let expected = firstSeq;
  for (const seq of [...kept.map((localSeq) => firstSeq + localSeq - 1), lastSeq + 1]) {
    if (seq > expected) missing.push([expected, seq - 1]);
    expected = seq + 1;
  }
  const delivered: NumberRange[] = delivery.deliveredSeq > 0 ? [[firstSeq, firstSeq + delivery.deliveredSeq - 1]] : [];
  const fresh = withoutRanges(missing, [...delivered, ...delivery.quarantined, ...delivery.void]);
  // What was counted before stays counted.
  return withoutRanges(fresh, delivery.lost)
    .concat(delivery.lost as NumberRange[])
    .sort((a, b) => a[0] - b[0]);
}
