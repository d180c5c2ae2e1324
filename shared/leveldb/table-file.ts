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
  for (const [, handle] of index) {
    try {
      for (const [key, value] of readBlock(bytes, new ByteReader(handle))) writes.push(writeOfTable(key, value));
    } catch {
      isDamaged = true;
    }
  }
  return { writes, isDamaged };
}

/** The last key and the place of each block. */
function indexOf(bytes: Buffer): [key: Buffer, handle: Buffer][] | undefined {
  try {
    const footer = bytes.subarray(bytes.length - FOOTER_BYTES);
    if (footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC) return undefined;
    const reader = new ByteReader(footer);
    // Where the index of other data is, of which there is none.
    reader.varint();
    reader.varint();
    return readBlock(bytes, reader);
  } catch {
    return undefined;
  }
}

/** The entries of the block whose place the reader is at. Throws for one that is not whole. */
function readBlock(bytes: Buffer, place: ByteReader): [key: Buffer, value: Buffer][] {
  const [offset, size] = [place.varint(), place.varint()];
  const stored = new ByteReader(bytes, offset).take(size + TRAILER_BYTES);
  if (maskedChecksum(stored.subarray(0, size + 1)) !== stored.readUInt32LE(size + 1)) {
    throw new Error('a block is not what was written');
  }
  const contents = stored.subarray(0, size);
  const block = stored.readUInt8(size) === 0 ? contents : unpackSnappy(contents);
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
