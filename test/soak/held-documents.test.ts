import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { TelemetryDocument } from '../../shared/documents.js';
import { HeldDocuments } from './held-documents.js';

const NODE = 'abcd12';
const AT = '2026-03-01T00:00:0';

function reading(n: number, seq = n, more: object = {}): TelemetryDocument {
  return {
    ...{ _id: `kano:r:m1:${AT}${n}.000Z`, _rev: `1-0000000${n}0000`, type: 'reading', village: 'kano', boot: 1 },
    ...{ node: NODE, seq, device: 'm1', at: `${AT}${n}.000Z`, powerW: n, ...more },
  } as TelemetryDocument;
}

const told = (seq: number, lists: object): TelemetryDocument =>
  ({
    ...{ _id: `kano:e:${NODE}:1-${seq}`, _rev: '1-0', type: 'event', village: 'kano', boot: 1, node: NODE, seq },
    ...{ at: `${AT}9.000Z`, event: 'numbers', of: NODE, from: 1, to: 9, void: [], lost: [], quarantined: [], ...lists },
  }) as unknown as TelemetryDocument;

const posted = (n: number) => ({ device: 'm1', at: `${AT}${n}.000Z`, powerW: n });

describe('what a soak holds against the centre', () => {
  it('finds what was acknowledged and has not come, in whatever order both are told', () => {
    const held = new HeldDocuments('kano');
    held.arrive(reading(1));
    expect(held.unacknowledged).to.have.length(1);
    held.acknowledge('reading', [posted(1), posted(2), posted(3)]);
    held.arrive(reading(3, 2));
    expect(held.awaited).to.deep.equal([`kano:r:m1:${AT}2.000Z`]);
    expect([held.unacknowledged, held.problems, held.acknowledged, held.held]).to.deep.equal([[], [], 3, 2]);
    // Once more, as a file that is imported again.
    held.acknowledge('reading', [posted(1)]);
    expect([held.awaited.length, held.acknowledged]).to.deep.equal([1, 3]);
  });

  it('finds a document that comes twice, a number given twice, and other content', () => {
    const held = new HeldDocuments('kano');
    held.acknowledge('reading', [posted(1), posted(2), posted(3)]);
    held.arrive(reading(1));
    held.arrive(reading(1));
    held.arrive(reading(2, 1));
    held.arrive(reading(3, 3, { powerW: 4 }));
    expect(held.problems).to.have.length(3);
    expect(held.problems[0]).to.include('came twice');
    expect(held.problems[1]).to.include('gave number 1 to');
    expect(held.problems[2]).to.include('differs');
  });

  it('counts numbers that are missing, but for those told of, and sums up the receipt', () => {
    const held = new HeldDocuments('kano');
    for (const seq of [1, 3, 6]) held.arrive(reading(seq));
    held.arrive(told(8, { void: [[4, 5]] }));
    expect(held.counts()).to.deep.equal([
      {
        ...{ node: NODE, held: 4, highest: 8, unexplained: [2, 7] },
        receipt: { count: 4, checksum: 10 },
        told: { void: 2, lost: 0, quarantined: 0 },
      },
    ]);
  });
});
