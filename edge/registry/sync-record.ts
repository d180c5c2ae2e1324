/**
 * How far the registry and the centre know each other: where replication goes on in each direction, and what the centre
 * refused. Kept beside the documents, in a `_local` document of their database, so that a copy or a repair of one never
 * believes the record of another.
 */
import type { MendingDatabase } from '../../shared/mending-database.js';
import { readLocal, writeLocal } from '../../shared/pouchdb.js';
import type { SetAside } from './set-aside.js';

/** Which centre it was, and what it said of the database. */
export interface KnownCentre {
  uuid: string;
  instanceStartTime: string;
  updateSeq: number;
}

export interface SyncRecord {
  /** Absent before the first word of a centre. */
  centre?: KnownCentre;
  /** The centre's sequence up to which everything is here. */
  pulledTo: number | string;
  /** The sequence here up to which everything is at the centre, or refused. */
  pushedTo: number;
  /** What the centre would not have. */
  refused: SetAside;
  /** What could not be had from the centre. */
  unfetched: SetAside;
  /** Canonical instant at which both sides last held the same. */
  lastSyncAt?: string;
}

const NAME = 'registry-sync';
export const NOTHING_KNOWN: SyncRecord = { pulledTo: 0, pushedTo: 0, refused: {}, unfetched: {} };

export async function readSyncRecord(database: MendingDatabase): Promise<SyncRecord> {
  const found = await database.read((open) => readLocal<SyncRecord & { _id: string; _rev: string }>(open, NAME));
  if (!found) return NOTHING_KNOWN;
  const { _id, _rev, ...record } = found;
  return { ...NOTHING_KNOWN, ...record };
}

export async function writeSyncRecord(database: MendingDatabase, record: SyncRecord): Promise<void> {
  await database.write((open) => writeLocal(open, NAME, record));
}

/**
 * True for a centre that may lack what the record says it has: another one, one whose database was made anew, or one
 * that has had fewer changes than it once had.
 */
export function isSetBack(known: KnownCentre | undefined, now: KnownCentre): boolean {
  if (!known) return false;
  return (
    known.uuid !== now.uuid || known.instanceStartTime !== now.instanceStartTime || now.updateSeq < known.updateSeq
  );
}
