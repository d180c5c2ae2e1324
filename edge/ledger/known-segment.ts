/**
 * What is known of a segment without opening its database: whose numbers it holds, how many, how far they are delivered,
 * between which times its documents lie, and whether it is damaged.
 *
 * Invariant: what the two records say here is in the database, too, but for what a damaged one could not be told.
 */
import type { PostedType } from '../../shared/documents.js';
import type { TimeSpan } from '../../shared/range-reader.js';
import type { DamagedError } from './damaged-error.js';
import { countNumbers } from './number-ranges.js';
import type { DeliveryRecord, SegmentRecord } from './segment-record.js';
import { isWithin, SpanTracker } from './span-tracker.js';

export interface SegmentFacts {
  record: SegmentRecord;
  delivery: DeliveryRecord;
  /** Documents acknowledged, or the last local sequence where some are lost. */
  count: number;
  /** Undefined while the times are not known. */
  spans: SpanTracker | undefined;
  damage: DamagedError | undefined;
}

/** What is known of a sound segment; the times, where the record tells them or there are none. */
export function factsOf(record: SegmentRecord, delivery: DeliveryRecord, count: number): SegmentFacts {
  const spans = record.spans || count === 0 ? new SpanTracker(record.spans) : undefined;
  return { record, delivery, count, spans, damage: undefined };
}

export abstract class KnownSegment {
  protected facts: SegmentFacts;

  constructor(facts: SegmentFacts) {
    this.facts = facts;
  }

  get number(): number {
    return this.facts.record.number;
  }

  get record(): Readonly<SegmentRecord> {
    return this.facts.record;
  }

  get node(): string {
    return this.facts.record.node;
  }

  get firstSeq(): number {
    return this.facts.record.firstSeq;
  }

  /** Number of the newest document acknowledged; `firstSeq - 1` while empty. */
  get lastSeq(): number {
    return this.firstSeq + this.count - 1;
  }

  /** Documents in it; the lost ones count, too. */
  get count(): number {
    return this.facts.count;
  }

  get sealed(): boolean {
    return this.facts.record.sealedAt !== undefined;
  }

  get sealedAt(): string | undefined {
    return this.facts.record.sealedAt;
  }

  get openedAt(): string {
    return this.facts.record.openedAt;
  }

  get confirmedAt(): string | undefined {
    return this.facts.record.confirmedAt;
  }

  get delivery(): DeliveryRecord {
    return this.facts.delivery;
  }

  get pending(): number {
    return Math.max(0, this.count - this.delivery.deliveredSeq);
  }

  get lost(): number {
    return countNumbers(this.delivery.lost);
  }

  /** Why it must be repaired, if it must. */
  get damage(): DamagedError | undefined {
    return this.facts.damage;
  }

  span(type: PostedType): readonly TimeSpan[] | 'none' | undefined {
    return this.facts.spans ? (this.facts.spans.of(type) ?? 'none') : undefined;
  }

  /** False where no document of a type can lie at a time. */
  mayHold(type: PostedType, time: string): boolean {
    return this.facts.spans ? isWithin(this.facts.spans.of(type) ?? [], time) : true;
  }
}
