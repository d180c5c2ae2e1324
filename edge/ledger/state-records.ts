/** What a store remembers of itself, in `_local` documents of the database `state`. */
import { randomInt } from 'node:crypto';
import { type Database, readLocal, writeLocal } from '../../shared/pouchdb.js';
import type { KeptAlerts } from '../monitor/alerts/alert-book.js';
import type { KeptStats } from '../monitor/stats/stats-book.js';
import type { KeptThresholds } from '../monitor/thresholds/threshold-watch.js';
import { type ClockRecord, NEW_CLOCK } from './clock-guard.js';

const NAME_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const NAME_LENGTH = 6;
const FORMAT = 1;
const NOTHING_DROPPED: DroppedSegments = { lost: 0, confirmed: 0, checkpoints: [], ends: [] };
/** Enough for every gap between segments that are kept. */
const MAX_ENDS = 100;
const NEVER_SYNCED: SyncHistory = { docsSent: 0, bytesSent: 0, bytesReceived: 0 };

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
  /** Numbers lost in them before they were delivered. */
  lost: number;
  /** Documents of them the centre had proven to hold. */
  confirmed: number;
  /** Their checkpoints at the centre, until these are deleted. */
  checkpoints: readonly string[];
  /** How far the numbers of the last ones reached: where a damaged one behind them begins. */
  ends: readonly SegmentEnd[];
}

/** The highest number given in a segment. */
export interface SegmentEnd {
  number: number;
  node: string;
  seq: number;
}

/** With one segment more. Of the same segment twice, once counts. */
export function withDropped(
  dropped: DroppedSegments,
  { end, lost, confirmed, checkpoints }: Omit<DroppedSegments, 'ends'> & { end: SegmentEnd },
): DroppedSegments {
  if (dropped.ends.some(({ number }) => number === end.number)) return dropped;
  return {
    lost: dropped.lost + lost,
    confirmed: dropped.confirmed + confirmed,
    checkpoints: [...dropped.checkpoints, ...checkpoints],
    ends: [...dropped.ends, end].slice(-MAX_ENDS),
  };
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

/** Which centre it was last, and what one without receipts said of its database: less, later, tells that it was set back. */
export interface TargetRecord {
  uuid: string;
  /** When the database was made, in the centre's own words. */
  instanceStartTime: string;
  /** Changes it had then. */
  updateSeq: number;
}

/** All of it, by the name of the `_local` document that holds each. */
export interface StoreRecords {
  store: StoreRecord;
  dropped: DroppedSegments;
  clock: ClockRecord;
  sync: SyncHistory;
  target: Partial<TargetRecord>;
  thresholds: KeptThresholds;
  alerts: KeptAlerts;
  stats: KeptStats;
}

/** What the store remembers, or what a new or copied one begins with. */
export async function readRecords(
  open: Database,
  { village, place, nowMs }: { village: string; place: string; nowMs: number },
): Promise<StoreRecords> {
  const store = await readRecord<StoreRecord>(open, 'store');
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
    dropped: { ...NOTHING_DROPPED, ...(await readRecord<DroppedSegments>(open, 'dropped')) },
    clock: await readClock(open),
    sync: { ...NEVER_SYNCED, ...(await readRecord<SyncHistory>(open, 'sync')) },
    target: { ...(await readRecord<TargetRecord>(open, 'target')) },
    thresholds: { ...(await readRecord<KeptThresholds>(open, 'thresholds')) },
    alerts: { ...(await readRecord<KeptAlerts>(open, 'alerts')) },
    stats: { ...(await readRecord<KeptStats>(open, 'stats')) },
  };
}

async function readClock(open: Database): Promise<ClockRecord> {
  // Earlier versions kept the time last seen alone.
  return { ...NEW_CLOCK, ...(await readRecord<ClockRecord>(open, 'clock')) };
}

/** After a repair the records may be older ones: the name is given up, and the clock must be proven. */
export async function distrust(open: Database): Promise<void> {
  const store = await readRecord<StoreRecord>(open, 'store');
  if (store) await writeLocal(open, 'store', { ...store, node: newNodeName() });
  await writeLocal(open, 'clock', { ...(await readClock(open)), unproven: true });
}

export async function writeRecords(open: Database, records: StoreRecords): Promise<void> {
  for (const [name, body] of Object.entries(records)) await writeLocal(open, name, body);
}

/** A random name: 36^6 are enough that two stores of one village never meet. */
export function newNodeName(): string {
  return Array.from({ length: NAME_LENGTH }, () => NAME_ALPHABET[randomInt(NAME_ALPHABET.length)]).join('');
}

async function readRecord<T extends object>(open: Database, name: string): Promise<T | undefined> {
  const found = await readLocal<T & { _id: string; _rev: string }>(open, name);
  if (!found) return undefined;
  // A record written anew must not bring PouchDB's own names along.
  const { _id, _rev, ...body } = found;
  return body as unknown as T;
}
