/**
 * Offers the centre again what it refused before.
 *
 * Invariants: a document leaves the quarantine only after its number counts as delivered, or as void; a centre that
 * refuses a whole batch again is asked no further. What it gives no verdict on is left out for a while, and of a forced
 * run it is the end: a document that makes the centre fail must not hold up everything behind it.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import { parseInstant } from '../../shared/time.js';
import type { Ledger } from '../ledger/ledger.js';
import { withNumber, withoutNumber } from '../ledger/number-ranges.js';
import { LinkError } from '../link/link-error.js';
import { sendBisecting } from './bisecting.js';
import type { PushContext } from './push-context.js';
import type { QuarantineItem } from './quarantine-store.js';

const BATCH = 100;

/** A centre that gives no verdict on so many documents alone gives none on the others either. */
const MAX_WITHOUT_VERDICT = 3;

/**
 * One offer per document, those that waited longest first; one refused again counts another try. `due` offers what its
 * time has come for, `not postponed` everything but what is left out for a while: whoever forces a run wants the rule that
 * was lifted a minute ago to count. Throws LinkError.
 */
export async function retryQuarantined(
  ledger: Pick<Ledger, 'segments'>,
  context: PushContext,
  which: 'due' | 'not postponed',
): Promise<void> {
  const { quarantine } = context;
  for await (const { batch, isLast } of batchesOf(quarantine.idsToRetry(which, nowMsOf(context)), context)) {
    const taken = await offer(batch, ledger, context);
    if (taken > 0) quarantine.hold.taken();
    else if (!isLast) {
      quarantine.hold.refusedWhole(nowMsOf(context));
      return;
    }
  }
}

/**
 * Offers what the centre gave no verdict on, halving what it gives none on again until the documents that make it fail
 * stand alone; those stay. Throws LinkError.
 */
export async function retryPostponed(ledger: Pick<Ledger, 'segments'>, context: PushContext): Promise<void> {
  let alone = 0;
  const offerHalving = async (items: readonly QuarantineItem[]): Promise<void> => {
    try {
      await offer(items, ledger, context);
    } catch (error) {
      if (!(error instanceof LinkError) || error.linkDown || error.blocks || error.retryAfterS !== undefined)
        throw error;
      if (items.length === 1 && ++alone >= MAX_WITHOUT_VERDICT) throw error;
      if (items.length === 1) return;
      const half = Math.ceil(items.length / 2);
      await offerHalving(items.slice(0, half));
      await offerHalving(items.slice(half));
    }
  };
  const ids = context.quarantine.idsToRetry('postponed', nowMsOf(context));
  for await (const { batch } of batchesOf(ids, context)) await offerHalving(batch);
}

async function* batchesOf(
  ids: readonly string[],
  { quarantine, signal }: PushContext,
): AsyncGenerator<{ batch: QuarantineItem[]; isLast: boolean }> {
  for (let from = 0; from < ids.length; from += BATCH) {
    signal.throwIfAborted();
    const batch = await quarantine.items(ids.slice(from, from + BATCH));
    if (batch.length > 0) yield { batch, isLast: from + BATCH >= ids.length };
  }
}

/** How many of the batch the centre has taken, or held already. Throws LinkError; what it gave no verdict on waits then. */
async function offer(
  batch: readonly QuarantineItem[],
  ledger: Pick<Ledger, 'segments'>,
  context: PushContext,
): Promise<number> {
  const { quarantine, signal } = context;
  const documents = batch.map(({ doc }) => doc);
  const { outcomes } = await sendBisecting(documents, context).catch((error: unknown) => {
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
  context.onBatch({ taken, held, quarantined: 0 });
  return taken;
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
