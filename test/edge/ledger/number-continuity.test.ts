import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  closeOff,
  type Doubt,
  doubtAbout,
  joinSegments,
  numbersGivenTwice,
} from '../../../edge/ledger/number-continuity.js';
import type { Segment } from '../../../edge/ledger/segment.js';
import { sequenceKey, UPDATE_SEQ_KEY } from '../../../shared/pouchdb-layout.js';
import { tamper } from './raw-store.js';
import { NODE, readings } from './segment-documents.js';
import { NOW, useSegments } from './segment-under-test.js';

const LATER = '2026-03-03T00:00:00.000Z';

describe('the continuity of numbers', () => {
  const segments = useSegments();
  const change = async (segment: Segment, changes: Record<string, string | undefined>) => {
    await segment.close();
    await tamper(segment.folder, changes);
  };

  describe('at the end of the store', () => {
    const cases: [what: string, expected: Doubt, acknowledged: number | undefined, documents: number][] = [
      ['what is stored is what was acknowledged', 'none', 10, 10],
      ['more is stored than was acknowledged', 'none', 8, 10],
      ['nothing is stored, and nothing was acknowledged', 'none', 0, 0],
      ['less is stored than was acknowledged', 'acknowledged documents at the end of the store are gone', 11, 10],
      [
        'nothing is stored, and something was acknowledged',
        'acknowledged documents at the end of the store are gone',
        1,
        0,
      ],
      ['the mark is gone', 'what was acknowledged is not known', undefined, 10],
    ];
    for (const [what, expected, seq, documents] of cases) {
      it(`is ${expected === 'none' ? 'not in doubt' : `in doubt (${expected})`} where ${what}`, async () => {
        const segment = await segments.make(documents);
        const mark = seq === undefined ? undefined : { node: NODE, seq };
        expect(await doubtAbout(segment, NODE, mark)).to.equal(expected);
      });
    }

    it('is in doubt where the mark is of another name, and belongs to nobody where the store has another', async () => {
      const segment = await segments.make(3);
      expect(await doubtAbout(segment, NODE, { node: 'other1', seq: 3 })).to.equal(
        'what was acknowledged is not known',
      );
      expect(await doubtAbout(segment, 'other1', { node: NODE, seq: 3 })).to.equal('other name');
    });

    for (const [what, value] of [
      ['no JSON', '{'],
      ['another content', readings(3, 3)[0]?.json.replace('powerW":3', 'powerW":4')],
      ['another number', readings(2, 2)[0]?.json],
      ['another name', readings(3, 3, { node: 'other1' })[0]?.json],
    ] as const) {
      it(`is in doubt where the last document is ${what}`, async () => {
        const segment = await segments.make(3);
        await change(segment, { [sequenceKey(3)]: value });
        expect(await doubtAbout(segment, NODE, { node: NODE, seq: 3 })).to.equal('the end of the store is damaged');
      });
    }

    it('is in doubt where it cannot be read, now or since it was tried last', async () => {
      const segment = await segments.make(3);
      await change(segment, { [UPDATE_SEQ_KEY]: undefined });
      for (let n = 0; n < 2; n++) {
        expect(await doubtAbout(segment, NODE, { node: NODE, seq: 3 })).to.equal('the end of the store is damaged');
      }
    });
  });

  describe('where a name ends', () => {
    it('counts what was acknowledged and is gone, and seals', async () => {
      const segment = await segments.make(10, { firstSeq: 5 });
      await closeOff(segment, { node: NODE, seq: 20 }, LATER);
      expect(segment.delivery.lost).to.deep.equal([[15, 20]]);
      expect(segment.record).to.include({ sealedAt: LATER, lastSeq: 20 });
      await segment.reload();
      expect([segment.lost, segment.sealed]).to.deep.equal([6, true]);
    });

    it('counts nothing where all is there, or where the mark is of another name', async () => {
      const segment = await segments.make(10);
      await closeOff(segment, { node: 'other1', seq: 20 }, LATER);
      expect([segment.lost, segment.record.lastSeq]).to.deep.equal([0, 10]);
    });

    it('does not count as lost what was delivered before it was gone', async () => {
      const segment = await segments.make(10);
      await segment.writeDelivery({ ...segment.delivery, deliveredSeq: 13 });
      await closeOff(segment, { node: NODE, seq: 15 }, LATER);
      expect(segment.delivery.lost).to.deep.equal([[14, 15]]);
    });

    it('leaves the counting to the repair where the end cannot be read', async () => {
      const segment = await segments.make(10);
      await change(segment, { [sequenceKey(10)]: '{}' });
      await closeOff(segment, { node: NODE, seq: 12 }, LATER);
      expect(segment.damage?.message).to.contain('its end cannot be read');
      expect(segment.record).to.include({ sealedAt: LATER, lastSeq: 12 });
      expect(segment.lost).to.equal(0);
    });
  });

  describe('from one segment to the next', () => {
    it('counts the numbers between two of one name as lost, and seals what was left open', async () => {
      const first = await segments.make(5);
      const second = await segments.make(5, { number: 2, firstSeq: 9 });
      await joinSegments([first, second], LATER);
      expect(first.delivery.lost).to.deep.equal([[6, 8]]);
      expect(first.record).to.include({ sealedAt: LATER, lastSeq: 8 });
      expect(second.sealed).to.equal(false);
      await joinSegments([first, second], '2026-03-04T00:00:00.000Z');
      expect([first.lost, first.sealedAt]).to.deep.equal([3, LATER]);
    });

    it('writes nothing at a start that finds the same numbers gone as the one before', async () => {
      const first = await segments.make(5);
      const second = await segments.make(5, { number: 2, firstSeq: 9 });
      await joinSegments([first, second], LATER);
      for (const segment of [first, second]) {
        await segment.close();
        await segment.reload();
      }
      const written = () => Promise.all([first, second].map(({ folder }) => logBytes(folder)));
      const before = await written();
      await joinSegments([first, second], LATER);
      expect(await written()).to.deep.equal(before);
      expect(first.delivery.lost).to.deep.equal([[6, 8]]);
    });

    it('counts nothing between two names, or where they follow one another', async () => {
      const first = await segments.make(5);
      const second = await segments.make(5, { number: 2, firstSeq: 6 });
      const third = await segments.make(5, { number: 3, node: 'other1' });
      await joinSegments([first, second, third], LATER);
      expect([first, second, third].map(({ lost, sealed }) => [lost, sealed])).to.deep.equal([
        [0, true],
        [0, true],
        [0, false],
      ]);
    });

    it('has a segment repaired that holds numbers the next one gave again', async () => {
      const first = await segments.make(7);
      const second = await segments.make(5, { number: 2, firstSeq: 6 });
      await joinSegments([first, second], LATER);
      expect(first.damage?.message).to.contain('it holds numbers that were given again');
      expect(first.record.lastSeq).to.equal(5);
    });

    it('gives a segment of which nothing can be read the numbers that kept and deleted neighbours leave', async () => {
      const second = await segments.make(5, { number: 5, firstSeq: 9 });
      const ends = [{ number: 3, node: second.node, seq: 6 }];
      const first = await segments.make(0, { number: 4, node: 'wrong1', guessed: true });
      await joinSegments([first, second], LATER, ends);
      expect([first.node, first.firstSeq, first.delivery.lost]).to.deep.equal([second.node, 7, [[7, 8]]]);
      expect(first.record.guessed).to.equal(undefined);
    });

    it('tells of numbers that stand in two segments', async () => {
      const first = await segments.make(5);
      const second = await segments.make(5, { number: 2, firstSeq: 6 });
      const third = await segments.make(5, { number: 3, firstSeq: 10 });
      expect(numbersGivenTwice([first, second])).to.equal(undefined);
      expect(numbersGivenTwice([first, second, third])).to.equal(
        `the segments 2 and 3 hold the same numbers of node ${first.node}`,
      );
    });

    it('leaves a sealed segment as it is', async () => {
      const first = await segments.make(5);
      await first.seal(NOW, 5);
      const { record, delivery } = first;
      await joinSegments([first, await segments.make(0, { number: 2, firstSeq: 6 })], LATER);
      expect([first.record, first.delivery]).to.deep.equal([record, delivery]);
    });
  });
});

/** Every write to a LevelDB makes its log longer, or begins another. */
async function logBytes(folder: string): Promise<Record<string, number>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.log'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).size));
  return Object.fromEntries(names.map((name, index) => [name, sizes[index] ?? 0]));
}
