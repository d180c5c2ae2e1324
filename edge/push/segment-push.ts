/**
 * The push of one segment: reads batch after batch in the order of its numbers, and accounts for them in that order,
 * although several may be on their way at once.
 *
 * Invariants: nothing moves past a document that is not delivered, void, durable in quarantine, or counted as lost; after
 * a failure everything that was on its way is in doubt, and the centre is asked what it holds before more is sent.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import { DamagedError } from '../ledger/damaged-error.js';
import {
  holdsNumber,
  type NumberRange,
  withNumber,
  withoutNumber,
  withoutRanges,
  withRange,
} from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';
import type { SegmentEntry } from '../ledger/segment-database.js';
import { LinkError } from '../link/link-error.js';
import type { Outcome } from './centre.js';
import { inSendingOrder } from './document-order.js';
import type { PushContext } from './push-context.js';

/** Documents that stand one after the other, and what is to be done with them. */
export interface Batch {
  /** Those to be accounted for, in the order in which they are sent. */
  readonly documents: readonly TelemetryDocument[];
  /** Local sequences it begins after and ends with. */
  readonly afterSeq: number;
  readonly lastSeq: number;
  /** Numbers in between that are not there. */
  readonly lost: readonly NumberRange[];
  /** The centre may hold some of them: it is asked before they are sent. */
  readonly isDoubtful: boolean;
}

/** What became of a document; `held`: the centre said that it holds it, and it was not sent. */
export type BatchOutcome = Outcome | { result: 'held' };

export interface SegmentPushStart {
  /** Everything up to this local sequence is accounted for. */
  localSeq: number;
  /** Up to here the centre may hold documents already. */
  doubtfulUpTo: number;
  /** Numbers within the doubtful that the centre has proven to hold; without it, it is asked batch by batch. */
  proven?: readonly NumberRange[];
}

export class SegmentPush {
  #localSeq: number;
  #readSeq: number;
  #doubtfulUpTo: number;
  #proven: readonly NumberRange[] | undefined;
  #asksByBatch = false;
  #accounting: Promise<void> = Promise.resolve();
  /** Counts beginnings: a batch of an earlier one is accounted for no more. */
  #epoch = 0;

  constructor({ localSeq, doubtfulUpTo, proven }: SegmentPushStart) {
    this.#localSeq = localSeq;
    this.#readSeq = localSeq;
    this.#doubtfulUpTo = doubtfulUpTo;
    this.#proven = proven;
  }

  /** Local sequence up to which everything is accounted for. */
  get localSeq(): number {
    return this.#localSeq;
  }

  /** Local sequence up to which everything is on its way, or accounted for. */
  get readSeq(): number {
    return this.#readSeq;
  }

  /** True while some of what comes next may be at the centre already, and nobody has asked. */
  get isInDoubt(): boolean {
    return this.#proven === undefined && !this.#asksByBatch && this.#readSeq < this.#doubtfulUpTo;
  }

  /** The centre proves nothing now: it is asked which documents of each doubtful batch it lacks. */
  askByBatch(): void {
    this.#asksByBatch = true;
  }

  /** Where the doubt ends, as a local sequence. */
  get doubtfulUpTo(): number {
    return this.#doubtfulUpTo;
  }

  /** The centre has proven to hold these of the doubtful numbers; the others are sent. */
  resolveDoubt(proven: readonly NumberRange[]): void {
    this.#proven = proven;
  }

  /** After a failure: what was on its way must be asked for and sent again, and counts no more if it arrives now. */
  rewind(): void {
    this.#doubtfulUpTo = Math.max(this.#doubtfulUpTo, this.#readSeq);
    this.#readSeq = this.#localSeq;
    this.#proven = undefined;
    this.#asksByBatch = false;
    this.#accounting = Promise.resolve();
    this.#epoch++;
  }

  /**
   * Reads the next documents, at most `limit`. What cannot be read is repaired first; what is missing then is lost. To be
   * called again only when it has resolved.
   */
  async read(segment: Segment, limit: number, context: PushContext): Promise<Batch> {
    const afterSeq = this.#readSeq;
    const provenUpTo = this.#provenAfter(segment, afterSeq);
    if (provenUpTo > afterSeq) {
      this.#readSeq = provenUpTo;
      return { documents: [], afterSeq, lastSeq: provenUpTo, lost: [], isDoubtful: false };
    }
    const { entries, lastSeq, lost } = await readEntries(segment, afterSeq, limit, context);
    this.#readSeq = lastSeq;
    const { quarantined } = segment.delivery;
    const documents = entries
      .map(({ document }) => document)
      .filter(({ seq }) => !holdsNumber(quarantined, seq) && !holdsNumber(this.#proven ?? [], seq));
    const isDoubtful = this.#proven === undefined && afterSeq < this.#doubtfulUpTo;
    return { documents: inSendingOrder(documents), afterSeq, lastSeq, lost, isDoubtful };
  }

  /**
   * Writes down what became of a batch, after the one read before it; rejects with its failure where that has failed, for
   * nothing may be passed that is not accounted for. To be called at once for each batch that was read, in that order.
   */
  account(
    segment: Segment,
    batch: Batch,
    sending: Promise<readonly BatchOutcome[]>,
    context: PushContext,
  ): Promise<void> {
    const before = this.#accounting;
    const epoch = this.#epoch;
    const accounting = (async () => {
      const outcomes = await sending;
      await before;
      // Called off and left behind, it may end when another run has begun to ask what is there.
      if (epoch !== this.#epoch) throw new LinkError('REQUEST_ERROR', 'the push was begun anew meanwhile');
      await writeOutcomes(segment, batch, outcomes, context);
      this.#localSeq = batch.lastSeq;
    })();
    this.#accounting = accounting;
    // Whoever waits for the batch hears of it, and so does the next one; nobody has to.
    accounting.catch(() => undefined);
    return accounting;
  }

  /** The end of the proven stretch that begins with the next document, as a local sequence. */
  #provenAfter({ firstSeq, count }: Segment, afterSeq: number): number {
    const next = firstSeq + afterSeq;
    const range = this.#proven?.find(([from, to]) => from <= next && next <= to);
    return range ? Math.min(range[1] - firstSeq + 1, count) : afterSeq;
  }
}

/** Read at once: documents may be large. */
const CHUNK = 500;
/** Bytes of a batch, as they are stored. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The next entries, as many as one request should hold; at least one where there is one. */
async function entriesWithin(segment: Segment, afterSeq: number, limit: number): Promise<SegmentEntry[]> {
  const found: SegmentEntry[] = [];
  let bytes = 0;
  for (let next = afterSeq; found.length < limit; ) {
    const wanted = Math.min(CHUNK, limit - found.length);
    const entries = await segment.entriesAfter(next, wanted);
    for (const entry of entries) {
      bytes += entry.bytes;
      if (bytes > MAX_BYTES && found.length > 0) return found;
      found.push(entry);
    }
    if (entries.length < wanted) return found;
    next = entries.at(-1)?.localSeq ?? next;
  }
  return found;
}

interface Entries {
  entries: SegmentEntry[];
  lastSeq: number;
  lost: readonly NumberRange[];
}

async function readEntries(
  segment: Segment,
  afterSeq: number,
  limit: number,
  { repair }: Pick<PushContext, 'repair'>,
): Promise<Entries> {
  const read = async (): Promise<Entries> => {
    const entries = await entriesWithin(segment, afterSeq, limit);
    const lastSeq = entries.at(-1)?.localSeq ?? segment.count;
    return { entries, lastSeq, lost: missingRanges(entries, afterSeq, lastSeq, segment) };
  };
  try {
    const found = await read();
    if (withoutRanges(found.lost, segment.delivery.lost).length === 0) return found;
    segment.condemn('documents in it cannot be read', segment.lastSeq);
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
  }
  // Where that fails the segment stays damaged, and the others are pushed without it.
  await repair(segment).catch(() => undefined);
  return read();
}

/** Quarantine first, for nothing may be passed that is not kept. */
async function writeOutcomes(
  segment: Segment,
  { documents, lastSeq, lost }: Batch,
  outcomes: readonly BatchOutcome[],
  context: PushContext,
): Promise<void> {
  const refused: { document: TelemetryDocument; reason: string }[] = [];
  const voided: number[] = [];
  const delivered: number[] = [];
  let taken = 0;
  for (const [index, document] of documents.entries()) {
    const outcome = outcomes[index];
    if (!outcome) throw new LinkError('REQUEST_ERROR', `the centre did not say what became of ${document._id}`);
    if (outcome.result === 'delivered' || outcome.result === 'void') taken++;
    if (outcome.result === 'void') voided.push(document.seq);
    if (outcome.result === 'delivered') delivered.push(document.seq);
    if (outcome.result === 'refused') refused.push({ document, reason: outcome.reason });
  }
  // What it holds and was not sent says nothing of what it refuses.
  const offered = outcomes.filter(({ result }) => result !== 'held').length;
  if (context.refusals.isFlood(offered, refused.length)) {
    const reason = refused[0]?.reason ?? '';
    throw new LinkError('HTTP_ERROR', `the centre refuses documents in floods, such as: ${reason}`, { blocks: true });
  }
  await context.quarantine.add(refused, context.nowText());
  for (const [from, to] of lost) {
    context.log.error('stored documents cannot be read any more', { node: segment.node, from, to });
  }
  await segment.updateDelivery((delivery) => ({
    ...delivery,
    // A centre that lost what it held under another number takes it under this one.
    void: voided.reduce(
      withNumber,
      delivery.void.length > 0 ? withoutNumbers(delivery.void, delivered) : delivery.void,
    ),
    // What a person gave up meanwhile is not kept any more, and must not count as if it were.
    quarantined: refused
      .filter(({ document }) => context.quarantine.has(document._id))
      .reduce((ranges, { document }) => withNumber(ranges, document.seq), delivery.quarantined),
    lost: lost.reduce(withRange, delivery.lost),
    deliveredSeq: Math.max(delivery.deliveredSeq, lastSeq),
  }));
  context.onBatch({ taken, held: voided.length, quarantined: refused.length });
}

function withoutNumbers(ranges: readonly NumberRange[], numbers: readonly number[]): readonly NumberRange[] {
  return numbers.reduce((left, number) => (holdsNumber(left, number) ? withoutNumber(left, number) : left), ranges);
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
