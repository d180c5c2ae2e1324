/**
 * Void documents are held by the centre under other numbers, those of an older store, say: no receipt for ours tells of
 * them. They are asked for one by one.
 */
import { type NumberRange, withNumber } from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';
import type { Centre } from './centre.js';

const ASK_AT_ONCE = 1000;

/** The void numbers of a segment whose documents the centre does not hold. Throws LinkError and DamagedError. */
export async function missingVoids(
  segment: Pick<Segment, 'firstSeq' | 'delivery' | 'entriesAfter'>,
  centre: Pick<Centre, 'missing'>,
  signal: AbortSignal,
): Promise<readonly NumberRange[]> {
  let missing: readonly NumberRange[] = [];
  for (const [from, to] of segment.delivery.void) {
    for (let seq = from; seq <= to; seq += ASK_AT_ONCE) {
      const limit = Math.min(ASK_AT_ONCE, to - seq + 1);
      const entries = await segment.entriesAfter(seq - segment.firstSeq, limit);
      // Where some cannot be read more of what follows is: it is asked for in its turn.
      const documents = entries.map(({ document }) => document).filter((document) => document.seq <= to);
      const lacking = await centre.missing(documents, signal);
      for (const { _id, seq: number } of documents) if (lacking.has(_id)) missing = withNumber(missing, number);
    }
  }
  return missing;
}
