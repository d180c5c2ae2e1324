/**
 * Makes a damaged segment whole again from whatever of it can be read, and counts the rest.
 *
 * LevelDB repairs a copy; every document that is what its revision says, in the place its number says, is written to a
 * new database under the same local sequences, so that checkpoints and the record of delivery still hold; numbers that
 * are missing and were not delivered are lost. Then the new folder takes the place of the damaged one, which is set
 * aside. A crash at any point leaves one of the two, complete.
 */
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from '../../shared/durable-file.js';
import type { LevelOperation } from '../../shared/watched-level.js';
import { type NumberRange, withoutRanges } from './number-ranges.js';
import {
  counterOperations,
  decodeDocument,
  documentOperations,
  LOCAL_DOCUMENTS,
  localDocumentOperation,
  sequenceOf,
  sequences,
  UUID_KEY,
} from './pouchdb-layout.js';
import { RawLevel, repairLevel } from './raw-level.js';
import { REBUILT, WORK } from './segment-folders.js';
import { type DeliveryRecord, NOTHING_DELIVERED, type SegmentRecord } from './segment-record.js';
import { forgetOldest, setAside } from './set-aside.js';

export interface RepairOptions {
  folder: string;
  /** Where the damaged files go, and how many bytes may lie there. */
  damagedRoot: string;
  damagedMaxBytes: number;
  /** What is known of the segment elsewhere: whose numbers it holds and up to where. */
  expected: SegmentRecord;
  nowText: string;
  /** Hears of each step that is done; what it throws ends the repair there, as a crash would. */
  onStep?: (step: RepairStep) => void;
}

export type RepairStep = (typeof REPAIR_STEPS)[number];

/** In this order. */
export const REPAIR_STEPS = ['copied', 'mended', 'rebuilt', 'synced', 'set aside', 'exchanged'] as const;

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
  const work = folder + WORK;
  const rebuilt = folder + REBUILT;
  await finishExchange(folder, rebuilt);
  for (const leftover of [work, rebuilt]) await rm(leftover, { recursive: true, force: true });
  await copyFiles(folder, work);
  onStep('copied');
  // What cannot be repaired can perhaps be read all the same, or else nothing in it can.
  await repairLevel(work).catch(() => undefined);
  onStep('mended');
  const source = await RawLevel.open(work).catch(() => undefined);
  const target = await RawLevel.open(rebuilt);
  let result: RepairResult;
  try {
    result = await rebuild(source, target, options);
    onStep('rebuilt');
  } finally {
    await target.close();
    await source?.close();
  }
  await rm(work, { recursive: true, force: true });
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

/** Links where the file system has them: the repair changes no file in place, and space may be short. */
async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'LOCK') continue;
    const [source, copy] = [path.join(from, entry.name), path.join(to, entry.name)];
    await link(source, copy).catch(() => copyFile(source, copy));
  }
}

async function rebuild(source: RawLevel | undefined, target: RawLevel, options: RepairOptions): Promise<RepairResult> {
  const local = source ? await readLocalDocuments(source) : new Map<string, object>();
  const told = recordOf(local.get('segment'), options.expected);
  const record = source ? { ...told, ...(await placeByDocuments(source)) } : told;
  const kept: number[] = [];
  if (source) await copyDocuments(source, target, record, kept);
  const delivery = deliveryOf(local.get('delivery'));
  const firstSeq = record.firstSeq;
  const lastSeq = Math.max(record.lastSeq ?? 0, options.expected.lastSeq ?? 0, firstSeq + (kept.at(-1) ?? 0) - 1);
  const lost = lostNumbers({ firstSeq, lastSeq }, kept, delivery);
  const { spans: _, ...rest } = record;
  const mended: SegmentRecord = { ...rest, lastSeq, sealedAt: record.sealedAt ?? options.nowText };
  local.set('segment', mended).set('delivery', { ...delivery, lost });
  const operations: LevelOperation[] = [...local].map(([name, body]) => localDocumentOperation(name, body));
  const uuid = await source?.entries(UUID_KEY.slice(0, -1), `${UUID_KEY}\u0000`, 1);
  // The database's identity, by which the centre's checkpoints know it.
  for (const { key, value } of uuid?.entries ?? []) {
    if (key === UUID_KEY && isJson(value)) operations.push({ type: 'put', key, value });
  }
  operations.push(...counterOperations(kept.at(-1) ?? 0, kept.length));
  await target.write(operations);
  return { kept: kept.length, lost };
}

/**
 * Whose numbers most of the first documents carry: they prove themselves, the record does not. Undefined where that is
 * not clear.
 */
async function placeByDocuments(source: RawLevel): Promise<{ node: string; firstSeq: number } | undefined> {
  const { gt, lt } = sequences();
  const { entries } = await source.entries(gt, lt, CHUNK);
  const places = new Map<string, { node: string; firstSeq: number; votes: number }>();
  let votes = 0;
  for (const { key, value } of entries) {
    const document = decodeDocument(value);
    const firstSeq = (document?.seq ?? 0) - sequenceOf(key) + 1;
    if (!document || !Number.isSafeInteger(firstSeq) || firstSeq < 1) continue;
    const name = `${document.node} ${firstSeq}`;
    const place = places.get(name) ?? { node: document.node, firstSeq, votes: 0 };
    places.set(name, { ...place, votes: place.votes + 1 });
    votes++;
  }
  const chosen = [...places.values()].find((place) => place.votes >= MAJORITY_AT_LEAST && place.votes > votes / 2);
  return chosen && { node: chosen.node, firstSeq: chosen.firstSeq };
}

/** `kept` takes the local sequences of what is copied, ascending. */
async function copyDocuments(source: RawLevel, target: RawLevel, record: SegmentRecord, kept: number[]): Promise<void> {
  const { gt, lt } = sequences();
  for (let from = gt; ; ) {
    const { entries, failure } = await source.entries(from, lt, CHUNK);
    const operations: LevelOperation[] = [];
    for (const { key, value } of entries) {
      const localSeq = sequenceOf(key);
      const document = decodeDocument(value);
      if (!document || document.node !== record.node || document.seq !== record.firstSeq + localSeq - 1) continue;
      // Written by a request that was refused; its number was given to another document since.
      if (record.lastSeq !== undefined && document.seq > record.lastSeq) continue;
      operations.push(...documentOperations({ id: document._id, revision: document._rev, json: value }, localSeq));
      kept.push(localSeq);
    }
    if (operations.length > 0) await target.write(operations);
    const last = entries.at(-1)?.key;
    // Behind an unreadable stretch reading goes on as long as it gets anywhere.
    if (last === undefined || (entries.length < CHUNK && !failure)) return;
    from = last;
  }
}

async function readLocalDocuments(source: RawLevel): Promise<Map<string, object>> {
  const found = new Map<string, object>();
  const { gt, lt } = LOCAL_DOCUMENTS;
  const { entries } = await source.entries(gt, lt, -1);
  for (const { key, value } of entries) {
    const body = isJson(value) ? (JSON.parse(value) as unknown) : undefined;
    if (typeof body === 'object' && body !== null) found.set(key.slice(gt.length), body);
  }
  return found;
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
