/**
 * LevelDB's logs (`doc/log_format.md`): records in blocks of 32 KiB, each with a checksum.
 *
 * The end of a log may be torn, after a power cut: what was not synced was not acknowledged. A record that is damaged
 * with whole ones behind it is another matter: those before were synced.
 */
import { maskedChecksum } from './checksum.js';

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;

type Part = 'full' | 'first' | 'middle' | 'last';
const PARTS: readonly (Part | undefined)[] = [undefined, 'full', 'first', 'middle', 'last'];

export interface LogRecords {
  records: Buffer[];
  /** True when there is something damaged with whole records behind it. */
  isDamaged: boolean;
}

/** All whole records, in order. */
export function readLogRecords(bytes: Buffer): LogRecords {
  const records: Buffer[] = [];
  /** Parts of a record so far. */
  let begun: Buffer[] | undefined;
  let isGapOpen = false;
  let isDamaged = false;
  for (const fragment of fragmentsOf(bytes)) {
    if (fragment === 'damaged') {
      isGapOpen = true;
      begun = undefined;
      continue;
    }
    if (isGapOpen) isDamaged = true;
    const { part, data } = fragment;
    if (part === 'full' || part === 'first') begun = [];
    begun?.push(data);
    if (begun && (part === 'full' || part === 'last')) {
      records.push(Buffer.concat(begun));
      begun = undefined;
    }
  }
  return { records, isDamaged };
}

interface Fragment {
  part: Part;
  data: Buffer;
  next: number;
}

function* fragmentsOf(bytes: Buffer): Generator<Fragment | 'damaged'> {
  for (let block = 0; block < bytes.length; block += BLOCK_BYTES) {
    const end = Math.min(block + BLOCK_BYTES, bytes.length);
    let wasWhole = true;
    for (let at = block; at + HEADER_BYTES <= end; ) {
      const fragment = fragmentAt(bytes, at, end);
      if (fragment) {
        yield fragment;
        at = fragment.next;
        wasWhole = true;
        continue;
      }
      // Zeros are space set aside ahead. Anything else is damaged, its length perhaps, too: what follows is looked for.
      if (wasWhole && bytes.subarray(at, end).every((byte) => byte === 0)) break;
      if (wasWhole) yield 'damaged';
      wasWhole = false;
      at++;
    }
  }
}

function fragmentAt(bytes: Buffer, at: number, end: number): Fragment | undefined {
  const part = PARTS[bytes.readUInt8(at + 6)];
  const next = at + HEADER_BYTES + bytes.readUInt16LE(at + 4);
  if (part === undefined || next > end) return undefined;
  if (maskedChecksum(bytes.subarray(at + 6, next)) !== bytes.readUInt32LE(at)) return undefined;
  return { part, data: bytes.subarray(at + HEADER_BYTES, next), next };
}
