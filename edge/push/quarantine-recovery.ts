/**
 * Puts right what counts as quarantined after the quarantine was damaged: its documents are still in their segments, and
 * are offered to the centre again from there, as if they had never been refused; but for those a person has given up.
 */
import { DamagedError } from '../ledger/damaged-error.js';
import { withoutRanges } from '../ledger/number-ranges.js';
import type { DeliveryRecord } from '../ledger/segment-record.js';
import type { QuarantineStore } from './quarantine-store.js';

/** What is needed of a segment. */
export interface RecoverableSegment {
  readonly firstSeq: number;
  readonly delivery: DeliveryRecord;
  writeDelivery(delivery: DeliveryRecord): Promise<void>;
}

/**
 * True when segments were put back, whose pushes must then begin anew. To be called by the push, which writes the
 * records of delivery. A damaged segment is left for another time, and the quarantine stays incomplete.
 */
export async function recoverQuarantine(
  quarantine: Pick<QuarantineStore, 'isIncomplete' | 'recovered'>,
  segments: readonly RecoverableSegment[],
): Promise<boolean> {
  if (!quarantine.isIncomplete) return false;
  let isLeft = false;
  let isPutBack = false;
  for (const segment of segments) {
    const { quarantined: refused, released = [] } = segment.delivery;
    const [first] = withoutRanges(refused, released);
    if (!first) continue;
    const deliveredSeq = Math.min(segment.delivery.deliveredSeq, first[0] - segment.firstSeq);
    try {
      await segment.writeDelivery({ ...segment.delivery, quarantined: released, deliveredSeq });
      isPutBack = true;
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      isLeft = true;
    }
  }
  if (!isLeft) await quarantine.recovered();
  return isPutBack;
}
