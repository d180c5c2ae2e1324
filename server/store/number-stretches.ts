/**
 * How the index of numbers (`number-places.ts`) is laid out: which stretches there are of some bodies, how each is named,
 * and which bodies of a document count. Pure.
 */
import { AppError } from '../../shared/app-error.js';
import type { RawEntry } from './raw-entries.js';
import type { StoredBody } from './stored-body.js';

/** Numbers of a node that are looked up together. */
export const BUCKET = 4096;
/** A stretch goes on over so many sequences of others: reading past them is cheaper than a stretch of its own. */
const MAX_GAP = 8;
const BUCKET_DIGITS = 13;

/** The sequences `from` to `to`, both included. */
export interface Stretch {
  from: number;
  to: number;
}

/** The index holds what it cannot have been given: it is to be discarded. */
export class DamagedIndex extends AppError {
  constructor() {
    super('unavailable', 'the index of numbers is damaged and has to be made anew', { retryAfterS: 10 });
  }
}

/** Name of a body, by its sequence. */
export function bodyName(sequence: number): string {
  return String(sequence).padStart(16, '0');
}

/** Begins the names of a node's stretches; a bucket and the first sequence follow. */
export function placePrefix(village: string, node: string): string {
  return `place:${village}:${node}:`;
}

export function bucketOf(seq: number): number {
  return Math.floor(seq / BUCKET);
}

/** Names sort as the buckets do. */
export function bucketName(bucket: number): string {
  return String(bucket).padStart(BUCKET_DIGITS, '0');
}

/** Throws DamagedIndex for a stretch that is none among the sequences up to `newest`. */
export function stretchesIn(entries: readonly RawEntry[], newest: number): Stretch[] {
  const stretches = entries.map(([name, value]) => ({ from: Number(name.slice(-16)), to: Number(value) }));
  const isSound = ({ from, to }: Stretch) =>
    Number.isInteger(from) && Number.isInteger(to) && from <= to && to <= newest;
  if (!stretches.every(isSound)) throw new DamagedIndex();
  return merged(stretches);
}

/** A stretch that goes on where the next body of its bucket is near. */
export interface OpenStretch {
  readonly name: string;
  to: number;
}

/**
 * Name and end of each stretch that is new or longer with these bodies, which are in the order of their sequences and
 * behind all others. `open` has the last stretch of each bucket, and is brought up to date.
 */
export function stretchesOf(
  bodies: ReadonlyMap<number, Omit<StoredBody, 'rev'>>,
  open: Map<string, OpenStretch> = new Map(),
): [name: string, to: number][] {
  const changed = new Set<OpenStretch>();
  for (const [sequence, { id, node, seq }] of bodies) {
    const bucket = `${placePrefix(id.slice(0, id.indexOf(':')), node)}${bucketName(bucketOf(seq))}`;
    let stretch = open.get(bucket);
    if (stretch && sequence - stretch.to <= MAX_GAP) {
      stretch.to = sequence;
    } else {
      stretch = { name: `${bucket}:${bodyName(sequence)}`, to: sequence };
      open.set(bucket, stretch);
    }
    changed.add(stretch);
  }
  return [...changed].map(({ name, to }) => [name, to]);
}

/** The same sequences in order, each once; stretches that are close together become one. */
function merged(stretches: Stretch[]): Stretch[] {
  const result: Stretch[] = [];
  for (const { from, to } of stretches.sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && from - last.to <= MAX_GAP) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

interface DocumentRecord {
  rev_map: Record<string, number>;
  winningRev: string;
  deleted: boolean;
}

/** How PouchDB writes down a document of one body that is not deleted. */
const ONE_BODY = /"rev_map":\{"([^"]*)":(\d+)\},"winningRev":"\1","deleted":false,"seq":\2\}$/;

/** The revision and the sequence of a document that has one body and is not deleted; undefined for any other. */
export function onlyBodyIn(record: string): { rev: string; sequence: number } | undefined {
  const [, rev, sequence] = ONE_BODY.exec(record) ?? [];
  return rev === undefined ? undefined : { rev, sequence: Number(sequence) };
}

/** Sequences of a document's bodies: the one that counts, and the others. None for a record that cannot be read. */
export function bodiesOf(record: string | undefined): { current?: number; others: number[] } {
  const only = onlyBodyIn(record ?? '');
  if (only) return { current: only.sequence, others: [] };
  try {
    const { rev_map: sequences, winningRev, deleted } = JSON.parse(record ?? '{}') as Partial<DocumentRecord>;
    const { [winningRev ?? '']: winner, ...others } = sequences ?? {};
    const isCurrent = winner !== undefined && deleted === false;
    return isCurrent ? { current: winner, others: Object.values(others) } : { others: Object.values(sequences ?? {}) };
  } catch {
    return { others: [] };
  }
}

/** The bucket in the name of a stretch. */
export function bucketIn(name: string): number {
  return Number(name.slice(-17 - BUCKET_DIGITS, -17));
}
