/**
 * What is known of the centre and of the segments' pushes while the same centre answers: it is kept between runs, so that
 * a fresh document costs one request.
 */

import type { Logger } from '../../shared/logger.js';
import { type NumberRange, withoutRanges } from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';
import { LinkError } from '../link/link-error.js';
import type { Centre, CentreIdentity } from './centre.js';
import { Checkpoint } from './checkpoint.js';
import type { DeliveryProof } from './delivery-proof.js';
import { isNotYet } from './not-yet.js';
import { SegmentPush } from './segment-push.js';

/** As often a segment is sent again in one session for want of a proof. */
const MAX_RESENDS = 2;

interface SegmentEntry {
  push: SegmentPush;
  checkpoint: Checkpoint;
  /** The centre was asked about each document that was accounted for since then, from the first one on. */
  seenSince: string | undefined;
  resends: number;
}

export interface PushSessionOptions {
  identity: CentreIdentity;
  centre: Centre;
  proof: DeliveryProof;
  log: Logger;
  /**
   * Up to which local sequence documents of a segment may have been handed over before this session; undefined for one
   * that was made since and of which nothing was.
   */
  touchedUpTo(segment: Segment): number | undefined;
  /** True while the centre refuses in floods, as far as is known. */
  isFlooded(): boolean;
  /** Canonical instant. */
  nowText(): string;
}

export class PushSession {
  readonly identity: CentreIdentity;
  readonly #options: PushSessionOptions;
  readonly #entries = new Map<number, SegmentEntry>();
  /** The link broke: who answers must be asked again. */
  interrupted = false;

  constructor(options: PushSessionOptions) {
    this.identity = options.identity;
    this.#options = options;
  }

  /** Receipts of this centre; undefined where it gives none. */
  get proof(): DeliveryProof | undefined {
    return this.identity.receipts ? this.#options.proof : undefined;
  }

  pushOf({ number }: Segment): SegmentPush | undefined {
    return this.#entries.get(number)?.push;
  }

  /** True while documents of a segment up to that local sequence are to be sent; what is damaged is repaired first. */
  hasUnsent(segment: Segment, upTo: number = segment.count): boolean {
    const readSeq = this.pushOf(segment)?.readSeq ?? segment.delivery.deliveredSeq;
    return !segment.damage && readSeq < Math.min(upTo, segment.count);
  }

  /** The local sequence up to which documents of each segment were handed over. */
  *touched(): Generator<[number: number, localSeq: number]> {
    for (const [number, { push }] of this.#entries) yield [number, Math.max(push.readSeq, push.doubtfulUpTo)];
  }

  /** After a failure: everything that was on its way is in doubt. */
  rewind(): void {
    for (const { push } of this.#entries.values()) push.rewind();
  }

  /** Begins the push of a segment, or finds out what is in doubt of one that has begun. Throws LinkError. */
  async enter(segment: Segment, signal: AbortSignal): Promise<SegmentPush> {
    const { push } = this.#entries.get(segment.number) ?? (await this.#begin(segment, signal));
    const { proof } = this;
    if (proof && push.isInDoubt) await this.#resolve(segment, push, proof, signal);
    return push;
  }

  async #resolve(segment: Segment, push: SegmentPush, proof: DeliveryProof, signal: AbortSignal): Promise<void> {
    // With holes everywhere receipts would tell little for many requests, as often as it is tried again.
    if (this.#options.isFlooded()) return push.askByBatch();
    try {
      const range: NumberRange = [segment.firstSeq + push.localSeq, segment.firstSeq + push.doubtfulUpTo - 1];
      push.resolveDoubt(withoutRanges([range], await proof.unproven(segment, ...range, signal)));
    } catch (error) {
      // It cannot give receipts yet: what is pending must not wait for that, and is asked for with each batch.
      if (!isNotYet(error)) throw error;
      push.askByBatch();
    }
  }

  /** The centre does not prove to hold these numbers, which count as not delivered from now on. */
  async sendAgain(segment: Segment, numbers: readonly NumberRange[]): Promise<void> {
    const [first] = numbers;
    if (!first) return;
    const doubtfulUpTo = segment.delivery.deliveredSeq;
    const localSeq = Math.min(doubtfulUpTo, first[0] - segment.firstSeq);
    await segment.updateDelivery((delivery) => ({
      ...delivery,
      deliveredSeq: localSeq,
      // Whether the centre holds them under other numbers it will say again.
      void: withoutRanges(delivery.void, numbers),
    }));
    const range: NumberRange = [first[0], segment.firstSeq + doubtfulUpTo - 1];
    const proven = { proven: withoutRanges([range], numbers) };
    const push = new SegmentPush({ localSeq, doubtfulUpTo, ...(this.identity.receipts ? proven : {}) });
    const before = this.#entries.get(segment.number);
    const checkpoint = before?.checkpoint ?? (await this.#checkpointOf(segment));
    const resends = (before?.resends ?? 0) + 1;
    this.#entries.set(segment.number, { push, checkpoint, seenSince: undefined, resends });
  }

  /** False for one that was sent again as often as is worth it. */
  isWorthAsking({ number }: Segment): boolean {
    return (this.#entries.get(number)?.resends ?? 0) < MAX_RESENDS;
  }

  /** Since when the centre was seen to hold every document of a segment; undefined where it was not. */
  seenSince({ number, count }: Segment): string | undefined {
    const entry = this.#entries.get(number);
    return entry && entry.push.localSeq >= count ? entry.seenSince : undefined;
  }

  /** Writes the checkpoint of a segment, where one is due or wanted; true when it was written. Throws LinkError. */
  async writeCheckpoint(segment: Segment, when: 'due' | 'now', signal: AbortSignal): Promise<boolean> {
    const entry = this.#entries.get(segment.number);
    if (!entry) return false;
    const { localSeq } = entry.push;
    const isComplete = segment.sealed && localSeq >= segment.count;
    if (when === 'due' && !isComplete && !entry.checkpoint.isDue(localSeq)) return false;
    try {
      return await entry.checkpoint.write(localSeq, signal);
    } catch (error) {
      // An economy: a centre that refuses it costs asking again, and nothing else.
      if (!(error instanceof LinkError) || error.status === undefined) throw error;
      this.#options.log.verbose('a checkpoint was refused', { segment: segment.number, error: error.message });
      return false;
    }
  }

  async #begin(segment: Segment, signal: AbortSignal): Promise<SegmentEntry> {
    const { touchedUpTo, nowText } = this.#options;
    const seenSince = nowText();
    const checkpoint = await this.#checkpointOf(segment);
    const { deliveredSeq } = segment.delivery;
    const touched = touchedUpTo(segment);
    let start = { localSeq: deliveredSeq, doubtfulUpTo: Math.max(touched ?? 0, deliveredSeq) };
    // Without receipts the checkpoints tell what can be believed; of a segment nobody has sent from there is none.
    if (!this.identity.receipts && (touched !== undefined || deliveredSeq > 0)) {
      const since = await checkpoint.read(signal);
      start = { localSeq: Math.min(since, deliveredSeq), doubtfulUpTo: Math.max(since, start.doubtfulUpTo) };
    }
    const push = new SegmentPush(start);
    const isSeen = this.identity.kind === 'couchdb' && start.localSeq === 0;
    const entry = { push, checkpoint, seenSince: isSeen ? seenSince : undefined, resends: 0 };
    this.#entries.set(segment.number, entry);
    return entry;
  }

  #checkpointOf(segment: Segment): Promise<Checkpoint> {
    return Checkpoint.of(segment, this.#options.centre, this.identity);
  }
}
