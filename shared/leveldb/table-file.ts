/**
 * LevelDB's tables (`doc/table_format.md`), read without LevelDB, block by block and each against its checksum: LevelDB
 * itself checks neither as it reads nor as it repairs, and ends the process over keys that are out of order.
 */
import { ByteReader } from './byte-reader.js';
import { maskedChecksum } from './checksum.js';
import { type LevelWrite, writeOfTable } from './entries.js';
import { unpackSnappy } from './snappy.js';

const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;
/** Kind of packing and checksum behind each block. */
const TRAILER_BYTES = 5;
const RESTART_BYTES = 4;

export interface TableWrites {
  writes: LevelWrite[];
  /** True when a block, or the whole table, cannot be read. */
  isDamaged: boolean;
}

/** Everything in whole blocks. */
export function readTableWrites(bytes: Buffer): TableWrites {
  const index = indexOf(bytes);
  if (!index) return { writes: [], isDamaged: true };
  const writes: LevelWrite[] = [];
  let isDamaged = false;
  for (const [, place] of index) {
    try {
      const entries = entriesOf(bytes, placeAt(new ByteReader(place)));
      for (const [key, value] of entries) writes.push(writeOfTable(key, value));
    } catch {
      isDamaged = true;
    }
  }
  return { writes, isDamaged };
}

/** True when every block, those that help to find others included, is what was written; nothing is unpacked. */
export function isTableWhole(bytes: Buffer): boolean {
  try {
    const { helpers, index } = footerOf(bytes);
    storedBlock(bytes, index);
    const places = [...entriesOf(bytes, helpers), ...entriesOf(bytes, index)];
    for (const [, place] of places) storedBlock(bytes, placeAt(new ByteReader(place)));
    return true;
  } catch {
    return false;
  }
}

/** The last key and the place of each block. */
function indexOf(bytes: Buffer): [key: Buffer, place: Buffer][] | undefined {
  try {
    return entriesOf(bytes, footerOf(bytes).index);
  } catch {
    return undefined;
  }
}

/** Where a block is. */
interface Place {
  offset: number;
  size: number;
}

/** The places of the two blocks that name others: helpers such as filters, and the data. Throws for what is no table. */
function footerOf(bytes: Buffer): { helpers: Place; index: Place } {
  const footer = bytes.subarray(bytes.length - FOOTER_BYTES);
  if (footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC) throw new Error('this is not the end of a table');
  const reader = new ByteReader(footer);
  return { helpers: placeAt(reader), index: placeAt(reader) };
}

function placeAt(reader: ByteReader): Place {
  return { offset: reader.varint(), size: reader.varint() };
}

/** A block as it is stored, with how it is packed. Throws for one that is not what was written. */
function storedBlock(bytes: Buffer, { offset, size }: Place): { contents: Buffer; isPacked: boolean } {
  const stored = new ByteReader(bytes, offset).take(size + TRAILER_BYTES);
  if (maskedChecksum(stored.subarray(0, size + 1)) !== stored.readUInt32LE(size + 1)) {
    throw new Error('a block is not what was written');
  }
  return { contents: stored.subarray(0, size), isPacked: stored.readUInt8(size) !== 0 };
}

/** The entries of a block. Throws for one that is not whole. */
function entriesOf(bytes: Buffer, place: Place): [key: Buffer, value: Buffer][] {
  const { contents, isPacked } = storedBlock(bytes, place);
  const block = isPacked ? unpackSnappy(contents) : contents;
  const restarts = block.readUInt32LE(block.length - RESTART_BYTES);
  const reader = new ByteReader(block.subarray(0, block.length - RESTART_BYTES * (restarts + 1)));
  const entries: [Buffer, Buffer][] = [];
  let key: Buffer = Buffer.alloc(0);
  while (!reader.atEnd) {
    const [shared, own, valueBytes] = [reader.varint(), reader.varint(), reader.varint()];
    key = Buffer.concat([key.subarray(0, shared), reader.take(own)]);
    entries.push([key, reader.take(valueBytes)]);
  }
  return entries;
}
