import { expect } from 'chai';
import fc from 'fast-check';
import { beforeEach, describe, it } from 'mocha';
import { countNumbers, type NumberRange } from '../../../edge/ledger/number-ranges.js';
import type { AccountedRanges, ToldRanges } from '../../../edge/ledger/segment-record.js';
import { AccountedNumbers, type AccountedSegment } from '../../../edge/monitor/accounted-numbers.js';
import { checkDocument } from '../../../server/gateway/document-check.js';
import { LIMITS } from '../../../shared/documents.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { everything, openStore } from '../ledger/store-under-test.js';

const MINUTE = 60_000;
const NOTHING: AccountedRanges = { void: [], lost: [], quarantined: [] };

class FakeSegment implements AccountedSegment {
  readonly node: string;
  readonly firstSeq: number;
  lastSeq: number;
  delivery: ToldRanges & { told?: ToldRanges } = NOTHING;

  constructor(node: string, firstSeq: number, lastSeq: number) {
    this.node = node;
    this.firstSeq = firstSeq;
    this.lastSeq = lastSeq;
  }

  async noteTold(told: ToldRanges): Promise<void> {
    this.delivery = { ...this.delivery, told };
  }

  set(changes: Partial<ToldRanges>): void {
    this.delivery = { ...this.delivery, ...changes };
  }
}

interface Told extends AccountedRanges {
  of: string;
  from: number;
  to: number;
}

describe('the numbers accounted for', () => {
  let segments: FakeSegment[];
  let told: Told[];
  let nowMs: number;
  let failure: Error | undefined;
  let accounted: AccountedNumbers;

  beforeEach(() => {
    segments = [];
    told = [];
    nowMs = 0;
    failure = undefined;
    accounted = restart();
  });

  function restart(): AccountedNumbers {
    return new AccountedNumbers({
      segments: () => segments,
      monotonic: () => nowMs,
      submitEvent: async (event, fields) => {
        if (failure) throw failure;
        expect(event).to.equal('numbers');
        told.push(fields as unknown as Told);
      },
    });
  }

  function added(firstSeq = 1, lastSeq = 100, node = 'abcd'): FakeSegment {
    const segment = new FakeSegment(node, firstSeq, lastSeq);
    segments.push(segment);
    return segment;
  }

  it('are not told while every number is on its way or delivered', async () => {
    added();
    await accounted.tell();
    expect(told).to.deep.equal([]);
  });

  it('are told once, as the state of all numbers of the segment, under the name they were given', async () => {
    added(1, 50, 'olde').set({ void: [[3, 4]], lost: [[10, 12]], quarantined: [[20, 20]] });
    added(51, 60);
    for (let n = 0; n < 3; n++) await accounted.tell();
    await restart().tell();
    expect(told).to.deep.equal([
      { of: 'olde', from: 1, to: 50, void: [[3, 4]], lost: [[10, 12]], quarantined: [[20, 20]] },
    ]);
  });

  it('tell of those given up apart from those in quarantine, as long as they are', async () => {
    const segment = added();
    segment.set({ quarantined: [[5, 8]], released: [[6, 7]] });
    await accounted.tell();
    await restart().tell();
    expect(told).to.deep.equal([
      {
        ...{ of: 'abcd', from: 1, to: 100, void: [], lost: [], released: [[6, 7]] },
        quarantined: [
          [5, 5],
          [8, 8],
        ],
      },
    ]);
    segment.set({ quarantined: [], released: [] });
    nowMs += MINUTE;
    await accounted.tell();
    expect(told.at(-1)).to.deep.equal({ of: 'abcd', from: 1, to: 100, ...NOTHING });
  });

  it('are told again when there are none any more', async () => {
    const segment = added();
    segment.set({ quarantined: [[5, 5]] });
    await accounted.tell();
    segment.set({ quarantined: [] });
    nowMs += MINUTE;
    await accounted.tell();
    expect(told.at(-1)).to.deep.equal({ of: 'abcd', from: 1, to: 100, ...NOTHING });
  });

  it('are told at most once a minute, more seldom when news never ends, and at once when something was lost', async () => {
    const segment = added(1, 1_000_000);
    const times: number[] = [];
    for (let n = 1; nowMs < 240 * MINUTE; n++) {
      segment.set({ void: [[1, n]] });
      const before = told.length;
      await accounted.tell();
      if (told.length > before) times.push(nowMs / MINUTE);
      nowMs += MINUTE / 6;
    }
    expect(times).to.deep.equal([0, 1, 3, 7, 15, 31, 63, 123, 183]);
    segment.set({ lost: [[999, 999]] });
    await accounted.tell();
    expect(told.at(-1)?.lost).to.deep.equal([[999, 999]]);
    // After a quiet time a minute is enough again.
    nowMs += 130 * MINUTE;
    segment.set({ void: [[1, 5000]] });
    await accounted.tell();
    nowMs += MINUTE;
    segment.set({ void: [[1, 5001]] });
    const before = told.length;
    await accounted.tell();
    expect(told.length).to.equal(before + 1);
  });

  it('stay due when they could not be stored, and are told afterwards', async () => {
    added().set({ lost: [[7, 9]] });
    failure = new Error('the disk is full');
    expect(await accounted.tell().catch((error: unknown) => error)).to.equal(failure);
    failure = undefined;
    await accounted.tell();
    expect(told).to.have.length(1);
  });

  it('reach to the last number lost, though no document is left there', async () => {
    added(1, 10).set({ lost: [[8, 20]] });
    await accounted.tell();
    expect(told[0]).to.include({ from: 1, to: 20 });
  });

  it('of many ranges are told in several events that fit, without a gap, an overlap or a number too many', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 2 ** 50 }),
        fc.array(
          fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
          {
            minLength: 1,
            maxLength: 900,
          },
        ),
        async (firstSeq, parts) => {
          segments = [];
          told = [];
          const ranges: Record<keyof AccountedRanges, NumberRange[]> = { void: [], lost: [], quarantined: [] };
          let seq = firstSeq;
          for (const [kind, gap, length] of parts) {
            ranges[(['void', 'lost', 'quarantined'] as const)[kind] ?? 'void'].push([
              seq + gap,
              seq + gap + length - 1,
            ]);
            seq += gap + length;
          }
          added(firstSeq, seq + 5).set(ranges);
          await restart().tell();
          expect(told.length).to.equal(Math.ceil(parts.length / 200));
          expect([told[0]?.from, told.at(-1)?.to]).to.deep.equal([firstSeq, seq + 5]);
          for (const [index, one] of told.entries()) {
            expect(one.from).to.equal(index === 0 ? firstSeq : (told[index - 1]?.to ?? 0) + 1);
            expect(JSON.stringify(one).length).to.be.below(LIMITS.documentBytes / 2);
          }
          for (const kind of ['void', 'lost', 'quarantined'] as const) {
            const all = told.flatMap((one) => one[kind]);
            expect(countNumbers(all)).to.equal(countNumbers(ranges[kind]));
            expect(all).to.deep.equal(ranges[kind]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  describe('in a real store', () => {
    const folder = useTempFolder();

    it('become an event the centre takes, and are not told again after a restart', async () => {
      const open = async () => {
        const store = await openStore({ folder: folder.path });
        const { ledger, ingest } = store;
        const numbers = new AccountedNumbers({
          segments: () => ledger.segments,
          submitEvent: (event, fields) => ingest.submitEvent(event, fields),
          monotonic: () => performance.now(),
        });
        return { ...store, numbers };
      };
      const first = await open();
      const readings = Array.from({ length: 20 }, (_, n) => ({
        type: 'reading' as const,
        fields: { device: 'm1', at: new Date(Date.UTC(2026, 2, 1, 0, n)).toISOString(), powerW: n },
      }));
      await first.ingest.submit(readings, false);
      const [segment] = first.ledger.segments;
      if (!segment) throw new Error('there is a segment');
      await segment.writeDelivery({ ...segment.delivery, void: [[2, 3]], lost: [[5, 5]], quarantined: [[7, 8]] });
      await first.numbers.tell();
      const event = (await everything(first.ledger)).at(-1);
      expect(event).to.deep.include({ type: 'event', event: 'numbers', seq: 21, of: segment.node, from: 1, to: 20 });
      expect(event).to.deep.include({ void: [[2, 3]], lost: [[5, 5]], quarantined: [[7, 8]] });
      expect(checkDocument(event, 'kano')).to.have.nested.property('document.seq', 21);
      await first.close();
      const second = await open();
      await second.numbers.tell();
      expect(await everything(second.ledger)).to.have.length(21);
      await second.close();
    });

    it('keep what was given up beside what the push writes down, until it is in quarantine no more', async () => {
      const store = await openStore({ folder: folder.path });
      const [segment] = store.ledger.segments;
      if (!segment) throw new Error('there is a segment');
      const before = segment.delivery;
      await segment.writeDelivery({ ...before, quarantined: [[3, 5]] });
      await segment.noteReleased(9);
      expect(segment.delivery.released, 'not in quarantine').to.equal(undefined);
      await segment.noteReleased(4);
      await segment.noteReleased(5);
      await segment.writeDelivery({ ...before, quarantined: [[3, 4]], deliveredSeq: 5 });
      expect(segment.delivery).to.deep.include({ released: [[4, 4]], quarantined: [[3, 4]], deliveredSeq: 5 });
      await store.close();
      const again = await openStore({ folder: folder.path });
      expect(again.ledger.segments[0]?.delivery.released).to.deep.equal([[4, 4]]);
      await again.close();
    });

    it('are written down beside what the push writes down meanwhile, and neither undoes the other', async () => {
      const store = await openStore({ folder: folder.path });
      const [segment] = store.ledger.segments;
      if (!segment) throw new Error('there is a segment');
      for (const deliveredSeq of [1, 2, 3, 4]) {
        const before = segment.delivery;
        const told: AccountedRanges = { ...NOTHING, lost: [[deliveredSeq, deliveredSeq]] };
        const work = [
          () => segment.writeDelivery({ ...before, deliveredSeq, void: [[9, 9]] }),
          () => segment.noteTold(told),
        ];
        if (deliveredSeq % 2 === 0) work.reverse();
        await Promise.all(work.map((write) => write()));
        expect(segment.delivery).to.deep.include({ deliveredSeq, told, void: [[9, 9]] });
      }
      const kept = segment.delivery;
      await store.close();
      const again = await openStore({ folder: folder.path });
      expect(again.ledger.segments[0]?.delivery).to.deep.include({ ...kept });
      await again.close();
    });
  });
});
