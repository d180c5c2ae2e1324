/**
 * Offers the centre again what it refused before.
 *
 * Invariant: a document leaves the quarantine only after its number counts as delivered, or as void.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import type { Ledger } from '../ledger/ledger.js';
import { withNumber, withoutNumber } from '../ledger/number-ranges.js';
import { sendBisecting } from './bisecting.js';
import type { PushContext } from './push-context.js';

const BATCH = 100;

/** One offer per document; one refused again counts another try. Throws LinkError. */
export async function retryQuarantined(ledger: Pick<Ledger, 'segments'>, context: PushContext): Promise<void> {
  const { quarantine } = context;
  if (quarantine.count === 0) return;
  const items = await quarantine.list();
  for (let from = 0; from < items.length; from += BATCH) {
    const batch = items.slice(from, from + BATCH);
    const outcomes = await sendBisecting(
      batch.map((item) => item.doc),
      context,
    );
    let taken = 0;
    for (const [index, item] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome?.result === 'refused') {
        await quarantine.add([{ document: item.doc, reason: outcome.reason }], item.since);
      } else {
        await releaseNumber(item.doc, outcome?.result === 'void', ledger);
        // After the number: were the process to end in between, the document would be offered once more, not forgotten.
        await quarantine.remove(item.id);
        taken++;
      }
    }
    context.onBatch(taken, 0);
  }
}

/** From now on the number of a document in quarantine counts as delivered, or as void. */
async function releaseNumber(
  { node, seq }: TelemetryDocument,
  isVoid: boolean,
  { segments }: Pick<Ledger, 'segments'>,
): Promise<void> {
  const segment = segments.find((one) => one.node === node && one.firstSeq <= seq && seq <= one.lastSeq);
  if (!segment) return;
  const { delivery } = segment;
  const quarantined = withoutNumber(delivery.quarantined, seq);
  const voided = isVoid ? withNumber(delivery.void, seq) : delivery.void;
  await segment.writeDelivery({ ...delivery, quarantined, void: voided });
}
