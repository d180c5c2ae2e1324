/**
 * Gives up a refused document because a person says so: it will never reach the centre.
 *
 * Its number stays out of every push, blocks neither confirmation nor deletion of its segment, and is told to the centre
 * as `released` in a `numbers` event, so that nobody waits for it. The document itself stays readable here as long as
 * its segment does.
 */
import type { Logger } from '../../shared/logger.js';
import type { IngestQueue } from '../ledger/ingest-queue.js';
import type { Ledger } from '../ledger/ledger.js';
import type { NumberRange } from '../ledger/number-ranges.js';
import type { QuarantineItem, QuarantineStore } from './quarantine-store.js';

export interface ReleaseContext {
  quarantine: Pick<QuarantineStore, 'items' | 'remove'>;
  ledger: Pick<Ledger, 'segments'>;
  ingest: Pick<IngestQueue, 'submitEvent'>;
  log: Logger;
}

/** Throws `not_found`, and whatever the store rejects with: the document is in quarantine still, then. */
export async function releaseQuarantined(id: string, context: ReleaseContext): Promise<QuarantineItem> {
  const { quarantine, ledger, ingest, log } = context;
  const [found] = await quarantine.items([id]);
  if (found) {
    const { node, seq } = found.doc;
    const segment = ledger.segments.find((one) => one.node === node && one.firstSeq <= seq && seq <= one.lastSeq);
    const numbers: NumberRange[] = [[seq, seq]];
    // Before it is forgotten: were the process to end in between, the person would be asked again.
    if (segment) await segment.noteReleased(seq);
    // Its segment was deleted, and with it whoever tells of its numbers.
    else await ingest.submitEvent('numbers', { of: node, from: seq, to: seq, ...NOTHING, released: numbers });
    log.warn('a person gave up a refused document', { id, node, seq });
  }
  return quarantine.remove(id);
}

const NOTHING = { void: [], lost: [], quarantined: [] };
