/**
 * Confirms sealed segments: only when the centre is seen to hold every document a segment still keeps may the segment be
 * deleted.
 *
 * Checkpoints and the record of delivery are economies; what the centre says it holds now is the ground for deletion. A
 * gateway says it with receipts (`delivery-proof.ts`); a plain CouchDB is asked for every document with `_revs_diff`.
 */
import type { Logger } from '../../shared/logger.js';
import { countNumbers, holdsNumber, type NumberRange } from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';
import type { Centre } from './centre.js';
import type { DeliveryProof } from './delivery-proof.js';
import { missingVoids } from './void-proof.js';

/** Documents asked for in one request: some 15 kB, compressed. */
const ASK_AT_ONCE = 1000;
/** Documents proven by one receipt: they are read here as well, and something more urgent may be waiting. */
const PROVE_AT_ONCE = 50_000;

export interface ConfirmationContext {
  centre: Pick<Centre, 'missing'>;
  /** Absent for a centre that gives no receipts. */
  proof: Pick<DeliveryProof, 'unprovenIn'> | undefined;
  log: Logger;
  /** Canonical instant. */
  nowText(): string;
  /** True when something more urgent waits; what was not asked yet is asked another time. */
  yields(): boolean;
  /** Since when the centre was seen, in this session, to hold every document of the segment; undefined where it was not. */
  seenSince(segment: Segment): string | undefined;
  /** Rejects when the database of the centre is not the one that was seen. */
  assertSame(): Promise<void>;
  /** The centre lacks these numbers of a segment, or cannot prove that it holds them: they are to be sent again. */
  onMissing(segment: Segment, numbers: readonly NumberRange[]): Promise<void>;
  signal: AbortSignal;
}

/** Sealed, fully delivered segments, oldest first. Throws LinkError, and DamagedError. */
export async function confirmSegments(segments: readonly Segment[], context: ConfirmationContext): Promise<void> {
  const { proof, yields } = context;
  if (proof) {
    for (const group of groupsOf(segments)) {
      if (yields()) return;
      await confirmByReceipt(group, proof, context);
    }
    return;
  }
  const seenSince = (segment: Segment) => (segment.confirmedAt === undefined ? context.seenSince(segment) : undefined);
  if (segments.some((segment) => seenSince(segment) !== undefined)) await context.assertSame();
  for (const segment of segments) {
    if (yields()) return;
    const seenAt = seenSince(segment);
    if (seenAt === undefined) await confirmByAsking(segment, context);
    else await confirm(segment, seenAt, context);
  }
}

async function confirmByReceipt(
  segments: readonly Segment[],
  proof: Pick<DeliveryProof, 'unprovenIn'>,
  context: ConfirmationContext,
): Promise<void> {
  const seenAt = context.nowText();
  const unproven = await proof.unprovenIn(segments, context.signal);
  for (const segment of segments) {
    const numbers = unproven.get(segment) ?? (await missingVoids(segment, context.centre, context.signal));
    if (numbers.length > 0) await missing(segment, numbers, context);
    else await confirm(segment, seenAt, context);
  }
}

async function confirmByAsking(segment: Segment, context: ConfirmationContext): Promise<void> {
  const { centre, signal } = context;
  const seenAt = context.nowText();
  for (let localSeq = 0; localSeq < segment.count; ) {
    if (context.yields()) return;
    const entries = await segment.entriesAfter(localSeq, ASK_AT_ONCE);
    const { quarantined } = segment.delivery;
    const documents = entries.map(({ document }) => document).filter(({ seq }) => !holdsNumber(quarantined, seq));
    const lacking = await centre.missing(documents, signal);
    if (lacking.size > 0) {
      // What lies behind was not asked for: it is doubtful as well.
      await missing(segment, [[segment.firstSeq + localSeq, segment.lastSeq]], context);
      return;
    }
    // Where none of so many can be read, what may lie behind them is still to be asked for.
    localSeq = entries.at(-1)?.localSeq ?? localSeq + ASK_AT_ONCE;
  }
  await confirm(segment, seenAt, context);
}

async function confirm(segment: Segment, seenAt: string, { log }: ConfirmationContext): Promise<void> {
  await segment.confirm(seenAt);
  // It was read for this, and is not to be read again for a while.
  segment.release();
  log.verbose('the centre holds every document of a segment', { segment: segment.number });
}

async function missing(
  segment: Segment,
  numbers: readonly NumberRange[],
  { log, onMissing }: ConfirmationContext,
): Promise<void> {
  log.warn('the centre does not hold documents it had taken; they are sent again', {
    segment: segment.number,
    documents: countNumbers(numbers),
  });
  await onMissing(segment, numbers);
}

function groupsOf(segments: readonly Segment[]): Segment[][] {
  const groups: Segment[][] = [];
  let documents = 0;
  for (const segment of segments) {
    const group = groups.at(-1);
    if (group && documents + segment.count <= PROVE_AT_ONCE) group.push(segment);
    else groups.push([segment]);
    documents = groups.at(-1)?.length === 1 ? segment.count : documents + segment.count;
  }
  return groups;
}
