/**
 * Pushes one segment: read a batch in the order of its numbers, send it, account for each document, write down how far.
 *
 * Invariants: nothing moves past a document that is not delivered, void, durable in quarantine, or counted as lost;
 * where the checkpoints and our own record disagree, the centre is asked what it holds and only what is missing is
 * sent.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import type { Logger } from '../../shared/logger.js';
import { DamagedError } from '../ledger/damaged-error.js';
import { holdsNumber, type NumberRange, withNumber, withoutRanges, withRange } from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';
import type { SegmentEntry } from '../ledger/segment-database.js';
import type { DeliveryRecord } from '../ledger/segment-record.js';
import { LinkError } from '../link/link-error.js';
import type { BatchSizer } from './batch-sizer.js';
import type { Centre, CentreIdentity, Outcome } from './centre.js';
import type { QuarantineStore } from './quarantine-store.js';
import type { RefusalWindow } from './refusal-window.js';

export interface PushContext {
  centre: Centre;
  identity: CentreIdentity;
  quarantine: QuarantineStore;
  batchSizer: BatchSizer;
  refusals: RefusalWindow;
  log: Logger;
  /** Canonical instant. */
  nowText(): string;
  /** Has what is damaged repaired; what is missing afterwards is counted in the segment. */
  repair(segment: Segment): Promise<void>;
  /** Hears of every batch accounted for: how many the centre has taken now, and how many it refused. */
  onBatch(taken: number, quarantined: number): void;
  signal: AbortSignal;
}

/** The centre said that it holds the document, which therefore was not sent. */
interface AlreadyHeld {
  result: 'held';
}

/** Where a push of a segment stands. */
export interface PushPosition {
  /** Everything up to here is accounted for at the centre. */
  localSeq: number;
  /** Up to here the centre may hold documents already: ask before sending. */
  doubtfulUpTo: number;
}

/**
 * Sends everything after `position` up to the local sequence `upTo` says, asked anew for each batch, and moves
 * `position` on with each. Throws LinkError when the centre cannot be reached or does not say clearly what became of a
 * document; everything accounted for until then stays so.
 */
export async function pushSegment(
  segment: Segment,
  position: PushPosition,
  upTo: () => number,
  context: PushContext,
): Promise<void> {
  while (position.localSeq < upTo()) {
    const { localSeq } = position;
    context.signal.throwIfAborted();
    const { entries, lastSeq, lost } = await readBatch(segment, localSeq, context);
    const quarantined = segment.delivery.quarantined;
    const due = entries
      .filter(({ document }) => !holdsNumber(quarantined, document.seq))
      .map(({ document }) => document);
    const outcomes = await sendMissing(segment, due, localSeq < position.doubtfulUpTo, localSeq, context);
    await account(segment, due, outcomes, lost, lastSeq, context);
    position.localSeq = lastSeq;
  }
}

interface Batch {
  entries: SegmentEntry[];
  /** Local sequence the batch ends with. */
  lastSeq: number;
  /** Numbers in between that are not there. */
  lost: readonly NumberRange[];
}

/** The next documents. What cannot be read is repaired first; what is missing then is lost. */
async function readBatch(segment: Segment, localSeq: number, context: PushContext): Promise<Batch> {
  const read = async (): Promise<Batch> => {
    const entries = await segment.entriesAfter(localSeq, context.batchSizer.size);
    const lastSeq = entries.at(-1)?.localSeq ?? segment.count;
    return { entries, lastSeq, lost: missingRanges(entries, localSeq, lastSeq, segment) };
  };
  try {
    const batch = await read();
    if (withoutRanges(batch.lost, segment.delivery.lost).length === 0) return batch;
    segment.condemn('documents in it cannot be read', segment.lastSeq);
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
  }
  await context.repair(segment);
  return read();
}

/** Outcomes by document id, after asking first where the centre may hold the documents already. */
async function sendMissing(
  segment: Segment,
  documents: readonly TelemetryDocument[],
  doubtful: boolean,
  localSeq: number,
  context: PushContext,
): Promise<Map<string, Outcome | AlreadyHeld>> {
  const outcomes = new Map<string, Outcome | AlreadyHeld>();
  let due = documents;
  if (doubtful) {
    const missing = await context.centre.missing(documents, context.signal);
    for (const { _id } of documents) if (!missing.has(_id)) outcomes.set(_id, { result: 'held' });
    due = documents.filter(({ _id }) => missing.has(_id));
    const deliveredUpTo = segment.firstSeq + segment.delivery.deliveredSeq - 1;
    if (due.some(({ seq }) => seq <= deliveredUpTo)) {
      context.log.warn('the centre no longer holds documents it had; they are sent again', { segment: segment.number });
      await segment.writeDelivery({ ...segment.delivery, deliveredSeq: localSeq });
    }
  }
  if (due.length === 0) return outcomes;
  const startedMs = performance.now();
  const sent = await sendBisecting(due, context).catch((error) => {
    context.batchSizer.failed();
    throw error;
  });
  context.batchSizer.succeeded(due.length, performance.now() - startedMs);
  for (const [index, { _id }] of due.entries()) {
    const outcome = sent[index];
    if (outcome) outcomes.set(_id, outcome);
  }
  return outcomes;
}

/** A request refused as a whole for what is in it (413, 400) is halved until the document it is about stands alone. */
export async function sendBisecting(
  documents: readonly TelemetryDocument[],
  context: Pick<PushContext, 'centre' | 'identity' | 'signal'>,
): Promise<Outcome[]> {
  const { centre, identity, signal } = context;
  try {
    return await centre.send(documents, identity.kind, signal);
  } catch (error) {
    if (!(error instanceof LinkError) || (error.status !== 413 && error.status !== 400)) throw error;
    if (documents.length === 1) {
      // A 400 from a proxy on the way is not the centre's word about this document.
      if (error.status === 400 && !error.explained) throw error;
      return [{ result: 'refused', reason: error.message }];
    }
    const half = Math.ceil(documents.length / 2);
    const first = await sendBisecting(documents.slice(0, half), context);
    return [...first, ...(await sendBisecting(documents.slice(half), context))];
  }
}

/** Writes down what became of a batch; quarantine first, for nothing may be passed that is not kept. */
async function account(
  segment: Segment,
  documents: readonly TelemetryDocument[],
  outcomes: ReadonlyMap<string, Outcome | AlreadyHeld>,
  lost: readonly NumberRange[],
  lastSeq: number,
  context: PushContext,
): Promise<void> {
  const refused: { document: TelemetryDocument; reason: string }[] = [];
  let delivery: DeliveryRecord = segment.delivery;
  let taken = 0;
  for (const document of documents) {
    const outcome = outcomes.get(document._id);
    if (!outcome) throw new LinkError('REQUEST_ERROR', `the centre did not say what became of ${document._id}`);
    if (outcome.result === 'void') delivery = { ...delivery, void: withNumber(delivery.void, document.seq) };
    if (outcome.result === 'delivered' || outcome.result === 'void') taken++;
    if (outcome.result !== 'refused') continue;
    refused.push({ document, reason: outcome.reason });
    delivery = { ...delivery, quarantined: withNumber(delivery.quarantined, document.seq) };
  }
  if (context.refusals.isFlood(documents.length, refused.length)) {
    const reason = refused[0]?.reason ?? '';
    throw new LinkError('HTTP_ERROR', `the centre refuses documents in floods, such as: ${reason}`, { blocks: true });
  }
  await context.quarantine.add(refused, context.nowText());
  for (const range of lost) {
    delivery = { ...delivery, lost: withRange(delivery.lost, range) };
    context.log.error('stored documents cannot be read any more', { node: segment.node, from: range[0], to: range[1] });
  }
  await segment.writeDelivery({ ...delivery, deliveredSeq: Math.max(delivery.deliveredSeq, lastSeq) });
  context.onBatch(taken, refused.length);
}

/** Numbers of documents that should stand between two local sequences and cannot be read. */
function missingRanges(
  entries: readonly SegmentEntry[],
  afterSeq: number,
  lastSeq: number,
  segment: Segment,
): NumberRange[] {
  const ranges: NumberRange[] = [];
  let expected = afterSeq + 1;
  for (const present of [...entries.map((entry) => entry.localSeq), lastSeq + 1]) {
    if (present > expected) {
      ranges.push([segment.firstSeq + expected - 1, segment.firstSeq + present - 2]);
    }
    expected = present + 1;
  }
  return ranges;
}
