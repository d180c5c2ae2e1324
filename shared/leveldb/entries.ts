/** What LevelDB's files hold: keys with their newest values, by the number LevelDB gave each write. */
import { ByteReader, FormatError } from './byte-reader.js';

export interface LevelWrite {
  key: Buffer;
  /** `undefined` for a deletion. */
  value: Buffer | undefined;
  /** Grows with every write. */
  sequence: number;
}

const DELETION = 0;
const VALUE = 1;
const SEQUENCE_BYTES = 8;
const COUNT_BYTES = 4;

/** The writes of one record of a log (`db/write_batch.cc`). Throws FormatError. */
export function writesOfBatch(record: Buffer): LevelWrite[] {
  const reader = new ByteReader(record);
  let sequence = Number(reader.take(SEQUENCE_BYTES).readBigUInt64LE(0));
  reader.take(COUNT_BYTES);
  const writes: LevelWrite[] = [];
  while (!reader.atEnd) {
    const kind = reader.take(1).readUInt8(0);
    if (kind !== DELETION && kind !== VALUE) throw new FormatError('a write is of an unknown kind');
    const key = reader.text();
    writes.push({ key, value: kind === VALUE ? reader.text() : undefined, sequence: sequence++ });
  }
  return writes;
}

/** The number of the first write of a record, and the one that is given next. NaN for a record that is too short. */
export function sequencesOf(record: Buffer): { first: number; next: number } {
  if (record.length < SEQUENCE_BYTES + COUNT_BYTES) return { first: Number.NaN, next: Number.NaN };
  const first = Number(record.readBigUInt64LE(0));
  return { first, next: first + record.readUInt32LE(SEQUENCE_BYTES) };
}

/** A table's entry: its key ends with the number and the kind of the write (`db/dbformat.h`). Throws FormatError. */
export function writeOfTable(internalKey: Buffer, value: Buffer): LevelWrite {
  const keyBytes = internalKey.length - SEQUENCE_BYTES;
  if (keyBytes < 0) throw new FormatError('a key is too short');
  const tag = internalKey.readBigUInt64LE(keyBytes);
  const kind = Number(tag & 255n);
  if (kind !== DELETION && kind !== VALUE) throw new FormatError('a write is of an unknown kind');
  return {
    key: internalKey.subarray(0, keyBytes),
    value: kind === VALUE ? value : undefined,
    sequence: Number(tag >> 8n),
  };
}

/** The newest write of each key, in the order of the keys, deletions left out. */
export function newestEntries(writes: Iterable<LevelWrite>): [key: Buffer, value: Buffer][] {
  const newest = new Map<string, LevelWrite>();
  for (const write of writes) {
    const name = write.key.toString('latin1');
    const before = newest.get(name);
    if (!before || before.sequence <= write.sequence) newest.set(name, write);
  }
  return [...newest.values()]
    .flatMap(({ key, value }): [Buffer, Buffer][] => (value ? [[key, value]] : []))
    .sort(([a], [b]) => Buffer.compare(a, b));
}
