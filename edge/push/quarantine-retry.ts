/**
 * Offers the centre again what it refused before.
 *
 * Invariants: a document leaves the quarantine only after its number counts as delivered, or as void; a centre that
 * refuses a whole batch again is asked no further. What it gives no verdict on is left out for a while: a document that
 * makes the centre fail must not hold up everything behind it.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import { parseInstant } from '../../shared/time.js';
import type { Ledger } from '../ledger/ledger.js';
import { withNumber, withoutNumber } from '../ledger/number-ranges.js';
import { LinkError } from '../link/link-error.js';
import { sendBisecting } from './bisecting.js';
import type { BatchCounts, PushContext } from './push-context.js';
import type { QuarantineItem } from './quarantine-store.js';

const BATCH = 100;

/**
 * One offer per document, those that waited longest first; one refused again counts another try. `due` offers what its
 * time has come for. `all`, for forced runs, offers everything: whoever asks wants the rule that was lifted a minute ago
 * to count. Throws LinkError.
 */
export async function retryQuarantined(
  ledger: Pick<Ledger, 'segments'>,
  context: PushContext,
  which: 'all' | 'due',
): Promise<void> {
  const { quarantine, signal } = context;
  const ids = quarantine.idsToRetry(which, nowMsOf(context));
  for (let from = 0; from < ids.length; from += BATCH) {
    signal.throwIfAborted();
    const batch = await quarantine.items(ids.slice(from, from + BATCH));
    const { taken, held } = await offer(batch, ledger, context);
    context.onBatch({ taken, held, quarantined: 0 });
    if (taken > 0) quarantine.hold.taken();
    else if (batch.length > 0 && from + BATCH < ids.length) {
      quarantine.hold.refusedWhole(nowMsOf(context));
      return;
    }
  }
}

/** How many of the batch the centre has taken, and held already. */
async function offer(
  batch: readonly QuarantineItem[],
  ledger: Pick<Ledger, 'segments'>,
  context: PushContext,
): Promise<Pick<BatchCounts, 'taken' | 'held'>> {
  const { quarantine, signal } = context;
  const documents = batch.map(({ doc }) => doc);
  const outcomes = await sendBisecting(documents, context).catch((error: unknown) => {
    const isLinkAway = error instanceof LinkError && error.linkDown;
    if (!isLinkAway && !signal.aborted)
      quarantine.postpone(
        documents.map(({ _id }) => _id),
        nowMsOf(context),
      );
    throw error;
  });
  const refused: { document: TelemetryDocument; reason: string }[] = [];
  let taken = 0;
  let held = 0;
  for (const [index, { doc }] of batch.entries()) {
    const outcome = outcomes[index];
    if (outcome?.result === 'refused') {
      refused.push({ document: doc, reason: outcome.reason });
      continue;
    }
    await releaseNumber(doc, outcome?.result === 'void', ledger);
    // After the number: were the process to end in between, the document would be offered once more, not forgotten. A
    // person may have released it meanwhile.
    if (quarantine.has(doc._id)) await quarantine.remove(doc._id);
    taken++;
    if (outcome?.result === 'void') held++;
  }
  await quarantine.refusedAgain(refused, context.nowText());
  return { taken, held };
}

/** From now on the number of a document in quarantine counts as delivered, or as void. */
async function releaseNumber(
  { node, seq }: TelemetryDocument,
  isVoid: boolean,
  { segments }: Pick<Ledger, 'segments'>,
): Promise<void> {
  const segment = segments.find((one) => one.node === node && one.firstSeq <= seq && seq <= one.lastSeq);
  if (!segment) return;
  await segment.updateDelivery((delivery) => ({
    ...delivery,
    quarantined: withoutNumber(delivery.quarantined, seq),
    void: isVoid ? withNumber(delivery.void, seq) : delivery.void,
  }));
}

function nowMsOf({ nowText }: PushContext): number {
  return parseInstant(nowText()) ?? 0;
}
