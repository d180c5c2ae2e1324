/** What was stored under the present name of the node behind one number, up to another: the newest of it, and bounded. */
import { messageOf } from '../../../shared/app-error.js';
import type { Logger } from '../../../shared/logger.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { Segment } from '../../ledger/segment.js';
import type { Place, StoredDocument } from './threshold-records.js';

export interface StoredNumbers extends Pick<Ledger, 'node' | 'lastSeq'> {
  readonly segments: readonly Pick<Segment, 'node' | 'firstSeq' | 'lastSeq' | 'entriesAfter'>[];
}

export interface StoredAgain {
  document: StoredDocument;
  isUnsure: boolean;
}

/** More are not worth the time: the next readings tell what is now. */
const MAX_DOCUMENTS = 20_000;
const AT_ONCE = 500;

/** In the order of the numbers; what cannot be read is left out. */
export async function* storedBetween(
  { segments }: StoredNumbers,
  from: Place,
  to: Place,
  log: Logger,
): AsyncGenerator<StoredAgain, void, undefined> {
  // Under a name given since, everything is new.
  const after = Math.max(from.node === to.node ? from.seq : 0, to.seq - MAX_DOCUMENTS);
  for (const segment of segments) {
    if (segment.node !== to.node || segment.lastSeq <= after || segment.firstSeq > to.seq) continue;
    try {
      yield* entriesOf(segment, Math.max(0, after - segment.firstSeq + 1), to.seq);
    } catch (error) {
      log.verbose('a segment could not be looked at again for the thresholds', { error: messageOf(error) });
    }
  }
}

async function* entriesOf(
  segment: StoredNumbers['segments'][number],
  afterLocalSeq: number,
  lastSeq: number,
): AsyncGenerator<StoredAgain, void, undefined> {
  let localSeq = afterLocalSeq;
  for (;;) {
    const entries = await segment.entriesAfter(localSeq, AT_ONCE);
    for (const entry of entries) {
      const { document } = entry;
      localSeq = entry.localSeq;
      if (document.seq > lastSeq) return;
      yield { document: { type: document.type, fields: document }, isUnsure: document.clock === 'unsure' };
    }
    if (entries.length === 0) return;
  }
}
