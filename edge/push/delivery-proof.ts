/**
 * Proves with receipts what the centre holds of what was delivered, and finds what it does not.
 *
 * A receipt counts the documents of a range of numbers in the centre's own storage and sums up their revisions; it is
 * held against the documents in this node's storage. Where the two differ the range is halved, until what is unproven is
 * small enough to be sent again.
 */
import { EMPTY_RECEIPT, isSameReceipt, joinReceipts, type Receipt } from '../../shared/receipt.js';
import { type NumberRange, withoutRanges } from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';
import type { Centre } from './centre.js';
import { type DigestibleSegment, SegmentDigest } from './segment-digest.js';

/** Documents that are rather sent again than told apart by more requests. */
const LEAF = 100;
/** Requests for one segment: with holes in so many places it is cheaper to send what is left. */
const MAX_ASKS = 64;
/** Numbers one receipt is asked for: a centre counts for seconds beyond. */
const MAX_STRETCH = 100_000;

/** What is needed of a segment. */
export type ProvableSegment = DigestibleSegment & Pick<Segment, 'number' | 'node' | 'count' | 'damage'>;

/** A delivered part of the ledger that one receipt can be asked for. */
interface Stretch<S> {
  node: string;
  from: number;
  to: number;
  segments: S[];
}

export class DeliveryProof {
  readonly #centre: Pick<Centre, 'receipt'>;
  /** By segment: what was read before, and of what. Confirmed segments need not be read again for each proof. */
  readonly #known = new Map<number, { key: string; receipt: Receipt }>();

  constructor(centre: Pick<Centre, 'receipt'>) {
    this.#centre = centre;
  }

  /**
   * Holds everything that counts as delivered in the segments against the centre; one request for each node name while
   * nothing is missing. Answers the unproven numbers of each segment that has some. Throws LinkError and DamagedError.
   */
  async unprovenIn<S extends ProvableSegment>(
    segments: readonly S[],
    signal: AbortSignal,
  ): Promise<Map<S, NumberRange[]>> {
    const unproven = new Map<S, NumberRange[]>();
    for (const stretch of stretchesOf(segments)) {
      let expected = EMPTY_RECEIPT;
      for (const segment of stretch.segments) expected = joinReceipts(expected, await this.#expected(segment, signal));
      const receipt = await this.#centre.receipt(stretch.node, stretch.from, stretch.to, signal);
      if (isSameReceipt(receipt, expected)) continue;
      for (const segment of stretch.segments) {
        const ranges = await this.unproven(segment, segment.firstSeq, deliveredUpTo(segment), signal);
        if (ranges.length > 0) unproven.set(segment, ranges);
      }
    }
    return unproven;
  }

  /** The numbers between two of a segment that the centre does not prove to hold. Throws LinkError and DamagedError. */
  async unproven(segment: ProvableSegment, from: number, to: number, signal: AbortSignal): Promise<NumberRange[]> {
    if (from > to) return [];
    let asked = 0;
    const ask: Ask = async (low, high) => {
      if (asked++ >= MAX_ASKS) return undefined;
      return this.#centre.receipt(segment.node, low, high, signal);
    };
    const receipt = await this.#centre.receipt(segment.node, from, to, signal);
    const { void: voided, quarantined, lost } = segment.delivery;
    // Nothing of it has arrived: nothing needs to be read here to know.
    if (receipt.count === 0 && voided.length + quarantined.length + lost.length === 0) return [[from, to]];
    const digest = await SegmentDigest.read(segment, from, to, signal);
    if (isSameReceipt(receipt, digest.receiptOf(from, to))) return [];
    // Batches arrive in order: mostly what is there is the beginning.
    const prefixEnd = digest.endOf(from, receipt.count);
    if (
      from <= prefixEnd &&
      prefixEnd < to &&
      isProven(await ask(from, prefixEnd), digest.receiptOf(from, prefixEnd))
    ) {
      return withoutUncertain([[prefixEnd + 1, to]], digest);
    }
    return merged(await unprovenWithin([from, to], digest, ask));
  }

  async #expected(segment: ProvableSegment, signal: AbortSignal): Promise<Receipt> {
    const { deliveredSeq, void: voided, quarantined, lost } = segment.delivery;
    const key = JSON.stringify([segment.firstSeq, deliveredSeq, voided, quarantined, lost]);
    const known = this.#known.get(segment.number);
    if (known?.key === key) return known.receipt;
    const to = deliveredUpTo(segment);
    const digest = await SegmentDigest.read(segment, segment.firstSeq, to, signal);
    const receipt = digest.receiptOf(segment.firstSeq, to);
    this.#known.set(segment.number, { key, receipt });
    return receipt;
  }

  /** Forgets what was read of segments that are not there any more. */
  forgetOthers(segments: readonly ProvableSegment[]): void {
    const present = new Set(segments.map(({ number }) => number));
    for (const number of this.#known.keys()) if (!present.has(number)) this.#known.delete(number);
  }
}

/** Undefined when no more may be asked: then nothing is proven. */
type Ask = (from: number, to: number) => Promise<Receipt | undefined>;

/** Of a range whose receipt is not what it must be. */
async function unprovenWithin([from, to]: NumberRange, digest: SegmentDigest, ask: Ask): Promise<NumberRange[]> {
  if (to - from + 1 <= LEAF) return unprovenLeaf([from, to], digest, ask);
  const middle = Math.floor((from + to) / 2);
  const found: NumberRange[] = [];
  for (const half of [[from, middle] as NumberRange, [middle + 1, to] as NumberRange]) {
    const receipt = await ask(...half);
    if (isProven(receipt, digest.receiptOf(...half))) continue;
    if (receipt === undefined || receipt.count === 0) found.push(...withoutUncertain([half], digest));
    else found.push(...(await unprovenWithin(half, digest, ask)));
  }
  return found;
}

/** Where the centre may hold more than is known here, only what lies between can be held against it. */
async function unprovenLeaf(leaf: NumberRange, digest: SegmentDigest, ask: Ask): Promise<NumberRange[]> {
  const certain = withoutUncertain([leaf], digest);
  if (certain.length === 1 && certain[0]?.[0] === leaf[0] && certain[0][1] === leaf[1]) return [leaf];
  const found: NumberRange[] = [];
  for (const part of certain) {
    if (!isProven(await ask(...part), digest.receiptOf(...part))) found.push(part);
  }
  return found;
}

function isProven(receipt: Receipt | undefined, expected: Receipt): boolean {
  return receipt !== undefined && isSameReceipt(receipt, expected);
}

function withoutUncertain(ranges: readonly NumberRange[], digest: SegmentDigest): NumberRange[] {
  return withoutRanges(ranges, digest.uncertain);
}

function stretchesOf<S extends ProvableSegment>(segments: readonly S[]): Stretch<S>[] {
  const stretches: Stretch<S>[] = [];
  for (const segment of segments) {
    if (segment.delivery.deliveredSeq === 0 || segment.damage) continue;
    const { node, firstSeq: from } = segment;
    const to = deliveredUpTo(segment);
    if (to < from) continue;
    const last = stretches.at(-1);
    if (last?.node === node && last.to === from - 1 && to - last.from < MAX_STRETCH) {
      last.to = to;
      last.segments.push(segment);
    } else stretches.push({ node, from, to, segments: [segment] });
  }
  return stretches;
}

/** The highest number that counts as delivered. */
function deliveredUpTo(segment: ProvableSegment): number {
  return segment.firstSeq + Math.min(segment.delivery.deliveredSeq, segment.count) - 1;
}

function merged(ranges: readonly NumberRange[]): NumberRange[] {
  const result: NumberRange[] = [];
  for (const [from, to] of ranges) {
    const last = result.at(-1);
    if (last && last[1] === from - 1) last[1] = to;
    else result.push([from, to]);
  }
  return result;
}
