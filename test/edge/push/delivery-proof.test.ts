import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { holdsNumber, type NumberRange } from '../../../edge/ledger/number-ranges.js';
import type { SegmentEntry } from '../../../edge/ledger/segment-database.js';
import { DeliveryProof, type ProvableSegment } from '../../../edge/push/delivery-proof.js';
import { addToReceipt, EMPTY_RECEIPT, type Receipt } from '../../../shared/receipt.js';

const signal = new AbortController().signal;

function revisionOf(seq: number): string {
  return `1-${(Math.imul(seq, 2654435761) >>> 0).toString(16).padStart(8, '0')}cafe`;
}

interface Shape {
  firstSeq?: number;
  count: number;
  number?: number;
  node?: string;
  voided?: NumberRange[];
  quarantined?: NumberRange[];
  lost?: NumberRange[];
}

function segmentOf(shape: Shape): ProvableSegment & { reads: number } {
  const { firstSeq = 1, count, number = 1, node = 'abc123', voided = [], quarantined = [], lost = [] } = shape;
  const segment = {
    ...{ number, node, firstSeq, count, damage: undefined, reads: 0 },
    delivery: { deliveredSeq: count, void: voided, quarantined, lost },
    release: () => undefined,
    async entriesAfter(localSeq: number, limit: number): Promise<SegmentEntry[]> {
      segment.reads++;
      const length = Math.max(0, Math.min(limit, count - localSeq));
      return Array.from({ length }, (_, i) => localSeq + 1 + i)
        .map((at) => ({
          localSeq: at,
          document: { seq: firstSeq + at - 1, _rev: revisionOf(firstSeq + at - 1), node },
        }))
        .filter(({ document }) => !holdsNumber(lost, document.seq)) as unknown as SegmentEntry[];
    },
  };
  return segment;
}

class Holder {
  asked = 0;
  readonly #seqs: ReadonlySet<number>;

  constructor(seqs: Iterable<number>) {
    this.#seqs = new Set(seqs);
  }

  async receipt(_node: string, from: number, to: number): Promise<Receipt> {
    this.asked++;
    if (from > to) throw new Error(`the centre refuses to say anything of ${from} to ${to}`);
    let receipt = EMPTY_RECEIPT;
    for (let seq = from; seq <= to; seq++) if (this.#seqs.has(seq)) receipt = addToReceipt(receipt, revisionOf(seq));
    return receipt;
  }
}

function upTo(last: number, from = 1): number[] {
  return Array.from({ length: last - from + 1 }, (_, i) => from + i);
}

describe('the proof of delivery', () => {
  it('is one receipt for all segments of a name while nothing is missing', async () => {
    const holder = new Holder(upTo(3_000));
    const proof = new DeliveryProof(holder);
    const segments = [
      segmentOf({ number: 1, count: 1_000 }),
      segmentOf({ number: 2, firstSeq: 1_001, count: 1_500 }),
      segmentOf({ number: 3, firstSeq: 2_501, count: 500 }),
    ];
    expect(await proof.unprovenIn(segments, signal)).to.have.property('size', 0);
    expect(holder.asked).to.equal(1);
  });

  it('reads a segment once, however often it is held against the centre', async () => {
    const proof = new DeliveryProof(new Holder(upTo(1_000)));
    const segment = segmentOf({ count: 1_000 });
    for (let i = 0; i < 5; i++) await proof.unprovenIn([segment], signal);
    expect(segment.reads).to.equal(1);
  });

  it('asks for each name by itself', async () => {
    const holder = new Holder(upTo(10));
    const segments = [segmentOf({ count: 10 }), segmentOf({ number: 2, node: 'def456', count: 10 })];
    expect(await new DeliveryProof(holder).unprovenIn(segments, signal)).to.have.property('size', 0);
    expect(holder.asked).to.equal(2);
  });

  it('needs nothing to be read to know that nothing has arrived', async () => {
    const segment = segmentOf({ count: 5_000 });
    const holder = new Holder([]);
    expect(await new DeliveryProof(holder).unproven(segment, 1, 5_000, signal)).to.deep.equal([[1, 5_000]]);
    expect([segment.reads, holder.asked]).to.deep.equal([0, 1]);
  });

  it('knows with two receipts how far a push that broke has come', async () => {
    const holder = new Holder(upTo(3_217));
    const proof = new DeliveryProof(holder);
    expect(await proof.unproven(segmentOf({ count: 5_000 }), 1, 5_000, signal)).to.deep.equal([[3_218, 5_000]]);
    expect(holder.asked).to.equal(2);
  });

  it('does not expect void numbers, and says nothing of quarantined and lost ones', async () => {
    const ranges = { voided: [[10, 20]], quarantined: [[30, 40]], lost: [[300, 310]] } satisfies Partial<Shape>;
    const segment = segmentOf({ count: 600, ...ranges });
    const isDue = (seq: number) =>
      ![...ranges.voided, ...ranges.quarantined, ...ranges.lost].some((range) =>
        holdsNumber([range as NumberRange], seq),
      );
    const due = upTo(600).filter(isDue);
    expect(await new DeliveryProof(new Holder(due)).unprovenIn([segment], signal)).to.have.property('size', 0);
    // The answer to a retry was lost, and what counted as lost had arrived: the centre holds more than is known here.
    const more = [...due, 35, 305];
    expect(await new DeliveryProof(new Holder(more)).unprovenIn([segment], signal)).to.have.property('size', 0);
    const less = more.filter((seq) => seq !== 33 && seq !== 150);
    const found = await new DeliveryProof(new Holder(less)).unproven(segment, 1, 600, signal);
    expect(found.some((range) => holdsNumber([range], 150))).to.equal(true);
  });

  it('asks for no range that ends before it begins, whatever the centre holds', async () => {
    for (const shape of [
      { quarantined: [[1, 1]] },
      { voided: [[1, 3]] },
      { lost: [[1, 5]] },
    ] satisfies Partial<Shape>[]) {
      const segment = segmentOf({ count: 20, ...(shape as Partial<Shape>) });
      const unproven = await new DeliveryProof(new Holder([])).unproven(segment, 1, 20, signal);
      for (let seq = 6; seq <= 20; seq++) expect(holdsNumber(unproven, seq)).to.equal(true);
    }
    const empty = segmentOf({ count: 0 });
    (empty as { delivery: object }).delivery = { ...empty.delivery, deliveredSeq: 5 };
    expect(await new DeliveryProof(new Holder([])).unprovenIn([empty], signal)).to.have.property('size', 0);
  });

  it('finds whatever is missing, and asks to send little else again', async () => {
    const anyMissing = fc.array(fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.nat(300)), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(anyMissing, async (holes) => {
        const missing = new Set(holes.flatMap(([from, more]) => upTo(Math.min(from + more, 5_000), from)));
        const holder = new Holder(upTo(5_000).filter((seq) => !missing.has(seq)));
        const unproven = await new DeliveryProof(holder).unproven(segmentOf({ count: 5_000 }), 1, 5_000, signal);
        for (const seq of missing) expect(holdsNumber(unproven, seq), `${seq}`).to.equal(true);
        const sentAgain = unproven.reduce((sum, [from, to]) => sum + to - from + 1, 0);
        if (holder.asked < 60) expect(sentAgain - missing.size).to.be.at.most(holes.length * 400);
        expect(holder.asked).to.be.at.most(Math.min(66, 2 + holes.length * 28));
      }),
      { numRuns: 30 },
    );
  });
});
