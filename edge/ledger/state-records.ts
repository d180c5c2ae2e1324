/**
 * What a store remembers of itself: records in `_local` documents, each with a sum over its content. LevelDB does not
 * check what it reads from its tables, and one wrong letter in a name or number must not be believed.
 */
import { createHash, randomInt } from 'node:crypto';
import { type Database, readLocal, writeLocal } from '../../shared/pouchdb.js';
import { type ClockRecord, NEW_CLOCK } from './clock-guard.js';

const NAME_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const NAME_LENGTH = 6;
const FORMAT = 1;
const NOTHING_DROPPED: DroppedSegments = { last: 0, lost: 0, checkpoints: [] };
const NEVER_SYNCED: SyncHistory = { docsSent: 0, bytesSent: 0, bytesReceived: 0 };
const SUM_DIGITS = 16;

interface Summed {
  sum?: string;
  [name: string]: unknown;
}

export interface StoreRecord {
  format: number;
  village: string;
  node: string;
  boot: number;
  /** Inode and birth time of the folder the name was given in. */
  place: string;
  createdAt: string;
}

/** What is kept of segments that were confirmed and deleted. */
export interface DroppedSegments {
  /** Number of the one dropped last. */
  last: number;
  /** Numbers lost in them before they were delivered. */
  lost: number;
  /** Their checkpoints at the centre, until these are deleted. */
  checkpoints: readonly string[];
}

/** What is worth remembering of synchronisation across restarts. */
export interface SyncHistory {
  lastAttemptAt?: string;
  lastSuccessAt?: string;
  lastForcedSuccessAt?: string;
  docsSent: number;
  bytesSent: number;
  bytesReceived: number;
}

/** All of it, by the name of the `_local` document that holds each. */
export interface StoreRecords {
  store: StoreRecord;
  dropped: DroppedSegments;
  clock: ClockRecord;
  sync: SyncHistory;
}

/** What the store remembers, or what a new or copied one begins with. */
export async function readRecords(
  open: Database,
  { village, place, nowMs }: { village: string; place: string; nowMs: number },
): Promise<StoreRecords> {
  const store = intact(await readRecord<StoreRecord>(open, 'store'));
  // A new store, or the copy of one: nothing may be numbered under the older name.
  const keepsName = store?.place === place;
  return {
    store: {
      format: FORMAT,
      village: store?.village ?? village,
      node: keepsName ? store.node : newNodeName(),
      boot: (store?.boot ?? 0) + 1,
      place,
      createdAt: store?.createdAt ?? new Date(nowMs).toISOString(),
    },
    dropped: intact(await readRecord<DroppedSegments>(open, 'dropped')) ?? NOTHING_DROPPED,
    clock: await readClock(open),
    sync: { ...NEVER_SYNCED, ...intact(await readRecord<SyncHistory>(open, 'sync')) },
  };
}

async function readClock(open: Database): Promise<ClockRecord> {
  const found = await readRecord<ClockRecord>(open, 'clock');
  if (found === 'damaged') return { ...NEW_CLOCK, unproven: true };
  return {
    lastSeenMs: found?.lastSeenMs ?? NEW_CLOCK.lastSeenMs,
    unsure: found?.unsure ?? NEW_CLOCK.unsure,
    ...(found?.unproven ? { unproven: true } : {}),
  };
}

function intact<T>(record: T | 'damaged' | undefined): T | undefined {
  return record === 'damaged' ? undefined : record;
}

/** After a repair the records may be older ones: the name is given up, and the clock must be proven. */
export async function distrust(open: Database): Promise<void> {
  const store = intact(await readRecord<StoreRecord>(open, 'store'));
  if (store) await writeRecord(open, 'store', { ...store, node: newNodeName() });
  await writeRecord(open, 'clock', { ...(await readClock(open)), unproven: true });
}

export async function writeRecords(open: Database, records: StoreRecords): Promise<void> {
  for (const [name, body] of Object.entries(records)) await writeRecord(open, name, body);
}

/** A random name: 36^6 are enough that two stores of one village never meet. */
export function newNodeName(): string {
  return Array.from({ length: NAME_LENGTH }, () => NAME_ALPHABET[randomInt(NAME_ALPHABET.length)]).join('');
}

/** The record, `undefined` where there is none, or `damaged` when it is not what was written. */
async function readRecord<T extends object>(database: Database, name: string): Promise<T | 'damaged' | undefined> {
  const found = await readLocal<Summed>(database, name);
  if (!found) return undefined;
  const { sum, _id, _rev, ...body } = found;
  // Records of the first version have no sum.
  return sum === undefined || sum === sumOf(body) ? (body as T) : 'damaged';
}

/** Replaces the record; two writers of one name must take turns themselves. */
export async function writeRecord(database: Database, name: string, body: object): Promise<void> {
  await writeLocal(database, name, { ...body, sum: sumOf({ ...body }) });
}

function sumOf(body: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(body).filter((name) => body[name] !== undefined);
  const content = names.sort().map((name) => [name, body[name]]);
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, SUM_DIGITS);
}
