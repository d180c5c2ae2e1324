/**
 * What receipts for parts of a segment must say, from the documents the segment holds.
 *
 * Void numbers are expected to be absent: the centre holds their documents under other numbers. Of quarantined and lost
 * ones, and of those that cannot be read now, nobody can say: they are `uncertain`, and expected to be absent as well.
 */
import { checksumOf, EMPTY_RECEIPT, type Receipt } from '../../shared/receipt.js';
import { holdsNumber, type NumberRange } from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';

/** Read at once. */
const CHUNK = 1000;
/** After so many documents more LevelDB is made to let go of the tables they were in, which it would keep mapped. */
const RELEASE_EVERY = 20_000;

/** What is needed of a segment. */
export type DigestibleSegment = Pick<Segment, 'firstSeq' | 'delivery' | 'entriesAfter' | 'release'>;

export class SegmentDigest {
  readonly #fromSeq: number;
  /** At index i: of the numbers before `#fromSeq + i`. */
  readonly #counts: Uint32Array;
  readonly #checksums: Float64Array;
  /** Numbers of which a receipt may count more than is expected. */
  readonly uncertain: readonly NumberRange[];

  private constructor(fromSeq: number, counts: Uint32Array, checksums: Float64Array, uncertain: NumberRange[]) {
    this.#fromSeq = fromSeq;
    this.#counts = counts;
    this.#checksums = checksums;
    this.uncertain = uncertain;
  }

  /** Reads the documents with the numbers `fromSeq` to `toSeq`, both within the segment. Throws DamagedError. */
  static async read(
    segment: DigestibleSegment,
    fromSeq: number,
    toSeq: number,
    signal: AbortSignal,
  ): Promise<SegmentDigest> {
    const length = toSeq - fromSeq + 1;
    const checksums = new Float64Array(length + 1);
    const counts = new Uint32Array(length + 1);
    const { void: voided, quarantined, lost } = segment.delivery;
    const isRead = new Uint8Array(length);
    for (let seq = fromSeq; seq <= toSeq; seq += CHUNK) {
      signal.throwIfAborted();
      if (seq > fromSeq && (seq - fromSeq) % RELEASE_EVERY === 0) segment.release();
      const limit = Math.min(CHUNK, toSeq - seq + 1);
      for (const { document } of await segment.entriesAfter(seq - segment.firstSeq, limit)) {
        const index = document.seq - fromSeq;
        if (index < 0 || index >= length) continue;
        isRead[index] = 1;
        if (holdsNumber(voided, document.seq) || holdsNumber(quarantined, document.seq)) continue;
        counts[index + 1] = 1;
        checksums[index + 1] = checksumOf(document._rev);
      }
    }
    for (let i = 1; i <= length; i++) {
      counts[i] = (counts[i] ?? 0) + (counts[i - 1] ?? 0);
      checksums[i] = (checksums[i] ?? 0) + (checksums[i - 1] ?? 0);
    }
    const isUncertain = (index: number) =>
      isRead[index] === 0 || holdsNumber(quarantined, fromSeq + index) || holdsNumber(lost, fromSeq + index);
    return new SegmentDigest(fromSeq, counts, checksums, rangesWhere(fromSeq, length, isUncertain));
  }

  /** What a receipt for a range within what was read must say. */
  receiptOf(from: number, to: number): Receipt {
    const [low, high] = [from - this.#fromSeq, to - this.#fromSeq + 1];
    if (high <= low) return EMPTY_RECEIPT;
    return {
      count: (this.#counts[high] ?? 0) - (this.#counts[low] ?? 0),
      checksum: (this.#checksums[high] ?? 0) - (this.#checksums[low] ?? 0),
    };
  }

  /** The number with which the first `count` documents from `from` on are complete. */
  endOf(from: number, count: number): number {
    const wanted = (this.#counts[from - this.#fromSeq] ?? 0) + count;
    let low = from - this.#fromSeq;
    let high = this.#counts.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#counts[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return this.#fromSeq + low - 1;
  }
}

function rangesWhere(fromSeq: number, length: number, holds: (index: number) => boolean): NumberRange[] {
  const ranges: NumberRange[] = [];
  for (let index = 0; index < length; index++) {
    if (!holds(index)) continue;
    const seq = fromSeq + index;
    const last = ranges.at(-1);
    if (last && last[1] === seq - 1) last[1] = seq;
    else ranges.push([seq, seq]);
  }
  return ranges;
}
