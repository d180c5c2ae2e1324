import { expect } from 'chai';
import { describe, it } from 'mocha';
import { sequenceKey } from '../../../shared/pouchdb-layout.js';
import { tamper } from './raw-store.js';
import { readings } from './segment-documents.js';
import { useSegments } from './segment-under-test.js';

describe('a segment', () => {
  const segments = useSegments();

  for (const [what, value] of [
    ['another number', readings(3, 3)[0]?.json.replace('"seq":3', '"seq":7')],
    ['the name of another node', readings(3, 3)[0]?.json.replace('abc123', 'abc124')],
    ['the number of its neighbour', readings(2, 2)[0]?.json],
  ] as const) {
    it(`never hands out a document under ${what}, which shows as a gap`, async () => {
      const segment = await segments.make(5);
      await segment.close();
      await tamper(segment.folder, { [sequenceKey(3)]: value });
      const entries = await segment.entriesAfter(0, 5);
      expect(entries.map(({ localSeq, document }) => [localSeq, document.seq])).to.deep.equal([
        [1, 1],
        [2, 2],
        [4, 4],
        [5, 5],
      ]);
    });
  }

  it('hands out only what is acknowledged', async () => {
    const segment = await segments.make(2);
    await segment.write(readings(3, 4));
    expect((await segment.entriesAfter(0, 9)).length).to.equal(2);
    segment.acknowledge(2);
    expect((await segment.entriesAfter(0, 9)).length).to.equal(4);
    expect([segment.lastSeq, segment.pending]).to.deep.equal([4, 4]);
  });
});
