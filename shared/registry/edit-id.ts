/** Names of edits: the time in milliseconds, base 36, then chance; they sort by time and are never given twice. */
import { hash, randomBytes } from 'node:crypto';

const TIME_DIGITS = 9;
const RANDOM_DIGITS = 7;

/** What a name's chance is drawn from; seeded in tests. */
export type RandomText = () => string;

export function randomText(): string {
  // 36^7 fits well into 48 bits.
  return (randomBytes(6).readUIntBE(0, 6) % 36 ** RANDOM_DIGITS).toString(36).padStart(RANDOM_DIGITS, '0');
}

export function createEditId(nowMs: number, random: RandomText): string {
  return `${timeDigits(nowMs)}${random()}`;
}

/** For an edit made without us, by a tool that keeps no history: the same on every side; older than all others. */
export function foreignEditId(rev: string): string {
  return `${'0'.repeat(TIME_DIGITS)}${hash('sha256', rev, 'hex').slice(0, 12)}`;
}

/** For a merge: the time of the newest edit it joins, and which versions they were. */
export function mergeId(newestEdit: string, revs: readonly string[]): string {
  const versions = hash('sha256', [...revs].sort().join(), 'hex').slice(0, 12);
  return `${newestEdit.slice(0, TIME_DIGITS)}-${versions}`;
}

/** The time in an edit's name, milliseconds. */
export function timeOf(editId: string): number {
  return Number.parseInt(editId.slice(0, TIME_DIGITS), 36);
}

function timeDigits(nowMs: number): string {
  return Math.max(0, Math.floor(nowMs)).toString(36).padStart(TIME_DIGITS, '0');
}
