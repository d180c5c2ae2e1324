/** Unpacks Snappy's raw format (google/snappy, `format_description.txt`), which LevelDB's blocks are packed in. */
import { ByteReader, FormatError } from './byte-reader.js';

/** More than any block of ours; a damaged length must not take all memory. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Throws FormatError for anything that is not whole. */
export function unpackSnappy(packed: Buffer): Buffer {
  const reader = new ByteReader(packed);
  const length = reader.varint();
  if (length > MAX_BYTES) throw new FormatError('a block is too large');
  const unpacked = Buffer.alloc(length);
  let at = 0;
  while (!reader.atEnd) {
    const tag = reader.take(1).readUInt8(0);
    const kind = tag & 3;
    if (kind === 0) {
      const bytes = reader.take(literalLength(tag >>> 2, reader));
      if (at + bytes.length > length) throw new FormatError('a block is longer than it says');
      bytes.copy(unpacked, at);
      at += bytes.length;
      continue;
    }
    const count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const offset = kind === 1 ? ((tag >>> 5) << 8) | reader.take(1).readUInt8(0) : numberOf(reader, kind === 2 ? 2 : 4);
    if (offset === 0 || offset > at || at + count > length)
      throw new FormatError('a block refers to what is not there');
    // Byte by byte: what is copied may overlap with where it goes.
    for (const end = at + count; at < end; at++) unpacked[at] = unpacked[at - offset] ?? 0;
  }
  if (at !== length) throw new FormatError('a block is shorter than it says');
  return unpacked;
}

/** Up to 60 in the tag itself, above in one to four bytes behind it. */
function literalLength(inTag: number, reader: ByteReader): number {
  return inTag < 60 ? inTag + 1 : numberOf(reader, inTag - 59) + 1;
}

function numberOf(reader: ByteReader, bytes: number): number {
  return reader.take(bytes).readUIntLE(0, bytes);
}
