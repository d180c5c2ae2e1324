import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Segment } from '../../../edge/ledger/segment.js';
import { checkSegment, type SegmentReport } from '../../../edge/ledger/segment-check.js';
import { DOC_COUNT_KEY, documentKey, sequenceKey, UPDATE_SEQ_KEY } from '../../../shared/pouchdb-layout.js';
import { dump, tamper } from './raw-store.js';
import { NODE, readings } from './segment-documents.js';
import { NOW, useSegments, write } from './segment-under-test.js';

describe('the check of a segment', () => {
  const segments = useSegments();

  const check = async (segment: Segment): Promise<SegmentReport> => {
    const report = await checkSegment(segment);
    if (!report) throw new Error('the segment is there');
    return report;
  };
  /** Changes what is stored of a segment while it is closed. */
  const change = async (segment: Segment, changes: Record<string, string | undefined>) => {
    await segment.close();
    await tamper(segment.folder, changes);
  };
  const idOf = (n: number) => readings(n, n)[0]?.id ?? '';
  const json = (n: number, firstSeq: number) => readings(n, n, { firstSeq })[0]?.json ?? '';

  for (const documents of [0, 1, 499, 500, 501, 1203]) {
    it(`finds a sound segment of ${documents} documents sound`, async () => {
      const segment = await segments.make(documents, { firstSeq: 11 });
      expect(await check(segment)).to.deep.equal({
        ...{ segment: 1, node: NODE, firstSeq: 11, lastSeq: 10 + documents, documents },
        ...{ missing: [], lost: [], elsewhere: [], damaged: [], ok: true },
      });
      await segment.seal(NOW, segment.lastSeq);
      await segment.settle();
      expect((await check(segment)).ok).to.equal(true);
    });
  }

  it('checks a segment that is being written to up to where it was when the check began', async () => {
    const segment = await segments.make(900);
    const checking = check(segment);
    for (let n = 0; n < 5; n++) await write(segment, 50);
    expect(await checking).to.include({ lastSeq: 900, documents: 900, ok: true });
    expect(await check(segment)).to.include({ lastSeq: 1150, documents: 1150, ok: true });
  });

  it('names every number that is not there, apart from those accounted for, and says how', async () => {
    const segment = await segments.make(20, { firstSeq: 101 });
    await segment.writeDelivery({ deliveredSeq: 4, void: [[106, 106]], quarantined: [[108, 108]], lost: [[110, 111]] });
    await segment.seal(NOW, 120);
    const gone = [2, 6, 8, 10, 11, 13, 14, 18];
    const changes = gone.flatMap((n) => [
      [sequenceKey(n), undefined],
      [documentKey(idOf(100 + n)), undefined],
    ]);
    await change(segment, { ...Object.fromEntries(changes), [DOC_COUNT_KEY]: '12' });
    expect(await check(segment)).to.deep.include({
      ...{ documents: 12, ok: false, damaged: [] },
      missing: [
        [113, 114],
        [118, 118],
      ],
      lost: [[110, 111]],
      elsewhere: [
        [102, 102],
        [106, 106],
        [108, 108],
      ],
    });
    await segment.writeDelivery({ ...segment.delivery, deliveredSeq: 20 });
    expect(await check(segment)).to.deep.include({ missing: [], ok: true });
  });

  it('names numbers that are gone behind the last document', async () => {
    const segment = await segments.make(5);
    await segment.seal(NOW, 9);
    expect(await check(segment)).to.deep.include({ lastSeq: 9, documents: 5, missing: [[6, 9]], ok: false });
    await segment.loseTail(8);
    expect(await check(segment)).to.deep.include({ missing: [[9, 9]], lost: [[6, 8]], ok: false });
  });

  const damages: [what: string, changes: Record<string, string | undefined>, sentence: RegExp, whole: number][] = [
    ['content', { [sequenceKey(3)]: json(3, 3).replace('"powerW":3', '"powerW":7') }, /^document 3 is not what was/, 4],
    ['no JSON', { [sequenceKey(3)]: json(3, 3).slice(1) }, /^document 3 is not what was written$/, 4],
    ['a number', { [sequenceKey(3)]: json(3, 2) }, /stands in the place of number 3 and says 2 of abc123$/, 4],
    ['a node', { [sequenceKey(3)]: json(3, 3).replace(NODE, 'abc124') }, /says 3 of abc124$/, 4],
    ['a boot', { [sequenceKey(3)]: json(3, 3).replace('"boot":1', '"boot":"1') }, /^document 3 is not what was/, 4],
    [
      'no entry by id',
      { [documentKey(idOf(3))]: undefined },
      /^the entry of kano:r:m1:.* does not point to number 3/,
      4,
    ],
    [
      'an unreadable entry',
      { [documentKey(idOf(3))]: '{' },
      /^the entry of kano:r:m1:.* does not point to number 3/,
      4,
    ],
    [
      'an entry that points elsewhere',
      { [documentKey(idOf(3))]: JSON.stringify({ id: idOf(3), rev: readings(3, 3)[0]?.revision, seq: 2 }) },
      /^the entry of kano:r:m1:.* does not point to number 3/,
      4,
    ],
    ['an entry too many', { [documentKey(idOf(9))]: `{"id":"${idOf(9)}","rev":"1-a","seq":2}` }, /^1 entries by id/, 5],
    ['the number of documents', { [DOC_COUNT_KEY]: '4' }, /^it counts 4 documents and holds 5$/, 5],
    ['its record', { 'ÿlocal-storeÿ_local/segment': undefined }, /^its record does not say whose numbers it holds$/, 5],
  ];
  for (const [what, changes, sentence, whole] of damages) {
    it(`finds damage of one document or entry: ${what}`, async () => {
      const segment = await segments.make(5);
      await change(segment, changes);
      const report = await check(segment);
      expect(report).to.deep.include({ documents: whole, missing: [], ok: false });
      expect(report.damaged[0]).to.match(sentence);
      expect(segment.damage).to.equal(undefined);
    });
  }

  it('tells of a record or a counter that cannot be read, which damages the segment', async () => {
    for (const key of ['ÿlocal-storeÿ_local/segment', UPDATE_SEQ_KEY]) {
      const segment = await segments.make(5, { number: key.length });
      await change(segment, { [key]: '{' });
      const report = await check(segment);
      expect(report).to.deep.include({ documents: 0, missing: [], ok: false });
      expect(report.damaged).to.have.length(1);
      expect(segment.damage).to.be.instanceOf(Error);
      expect((await check(segment)).damaged).to.deep.equal(report.damaged);
    }
  });

  it('says at most twenty things of one segment', async () => {
    const segment = await segments.make(600);
    const values = [...(await segment.close().then(() => dump(segment.folder)))].filter(([key]) =>
      key.includes('by-seq'),
    );
    await tamper(segment.folder, Object.fromEntries(values.map(([key]) => [key, '{}'])));
    const { damaged, documents } = await check(segment);
    expect([damaged.length, documents]).to.deep.equal([20, 0]);
  });

  it('ends without an answer when nobody wants it any more, and does not open the segment again', async () => {
    const segment = await segments.make(1200);
    for (let asked = 0; asked < 5; asked++) {
      await segment.close();
      let calls = 0;
      expect(await checkSegment(segment, () => calls++ < asked)).to.equal(undefined);
      expect(segments.databases.count).to.equal(asked === 0 ? 0 : 1);
    }
  });
});
