/**
 * Confirms sealed segments: every document a segment still keeps is asked for at the centre, and only when none is
 * missing may the segment be deleted.
 *
 * Checkpoints and the record of delivery are economies; what the centre says it holds now is the ground for deletion.
 */
import type { Logger } from '../../shared/logger.js';
import { holdsNumber } from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';
import type { Centre } from './centre.js';

/** Documents asked for in one request: some 15 kB, compressed. */
const ASK_AT_ONCE = 1000;

export interface ConfirmationContext {
  centre: Pick<Centre, 'missing'>;
  log: Logger;
  /** Canonical instant. */
  nowText(): string;
  /** True when something more urgent waits; what was asked so far is asked again another time. */
  yields(): boolean;
  signal: AbortSignal;
}

/**
 * Asks the centre for every document of a sealed, fully delivered segment but the quarantined. What it lacks counts as
 * not delivered from then on, and is sent again by the next push. Throws LinkError, and DamagedError.
 */
export async function confirmSegment(
  segment: Segment,
  context: ConfirmationContext,
): Promise<'confirmed' | 'missing' | 'put off'> {
  const { centre, log, signal } = context;
  for (let localSeq = 0; localSeq < segment.count; ) {
    if (context.yields()) return 'put off';
    const entries = await segment.entriesAfter(localSeq, ASK_AT_ONCE);
    const { quarantined } = segment.delivery;
    const documents = entries.map(({ document }) => document).filter(({ seq }) => !holdsNumber(quarantined, seq));
    const missing = await centre.missing(documents, signal);
    if (missing.size > 0) {
      log.warn('the centre does not hold documents it had taken; they are sent again', {
        segment: segment.number,
        documents: missing.size,
      });
      await segment.writeDelivery({ ...segment.delivery, deliveredSeq: localSeq });
      return 'missing';
    }
    // Where none of so many can be read, what may lie behind them is still to be asked for.
    localSeq = entries.at(-1)?.localSeq ?? localSeq + ASK_AT_ONCE;
  }
  await segment.confirm(context.nowText());
  log.verbose('the centre holds every document of a segment', { segment: segment.number });
  return 'confirmed';
}
