import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BatchSizer } from '../../../edge/push/batch-sizer.js';

/** Answers batches one after the other, each `tookMs` after the one before. */
function answerer(sizer: BatchSizer) {
  let nowMs = 0;
  return (documents: number, tookMs: number): number => {
    const sentMs = nowMs;
    nowMs += tookMs;
    sizer.answered({ documents, sentMs, answeredMs: nowMs });
    return sizer.size;
  };
}

describe('the size of batches', () => {
  it('grows fourfold while full batches are answered at once, up to 2,000', () => {
    const sizer = new BatchSizer();
    const answer = answerer(sizer);
    const sizes = [sizer.size];
    for (let i = 0; i < 4; i++) sizes.push(answer(sizer.size, 20));
    expect(sizes).to.deep.equal([100, 400, 1600, 2000, 2000]);
  });

  it('becomes what the link carries in eight seconds', () => {
    const sizer = new BatchSizer();
    const answer = answerer(sizer);
    // A link of 200 documents a second.
    for (let i = 0; i < 8; i++) answer(sizer.size, sizer.size * 5);
    expect(sizer.size).to.equal(1600);
    // It becomes ten times slower.
    for (let i = 0; i < 8; i++) answer(sizer.size, sizer.size * 50);
    expect(sizer.size).to.be.within(158, 168);
  });

  it('measures the link and not two batches that wait for each other', () => {
    const sizer = new BatchSizer();
    // Two at a time, each answered 500 ms after the other although it was handed over 1,000 ms before.
    for (let answeredMs = 1000; answeredMs <= 5000; answeredMs += 500) {
      sizer.answered({ documents: sizer.size, sentMs: answeredMs - 1000, answeredMs });
    }
    expect(sizer.documentsPerS).to.be.above(sizer.size / 5);
    expect(sizer.size).to.be.above(400);
  });

  it('stays at what gets through where larger ones are too large, and tries larger ones rarely', () => {
    const sizer = new BatchSizer();
    const answer = answerer(sizer);
    const most = 900;
    let tooLarge = 0;
    for (let i = 0; i < 200; i++) {
      if (sizer.size > most) {
        tooLarge++;
        sizer.tooLarge(Math.ceil(sizer.size / 2));
      }
      answer(sizer.size, 20);
    }
    expect(tooLarge, 'batches sent in vain').to.be.within(1, 8);
    expect(sizer.size).to.be.above(most / 2);
  });

  it('takes nothing from how fast a small batch was', () => {
    const sizer = new BatchSizer();
    const answer = answerer(sizer);
    answer(1, 1);
    answer(99, 1);
    expect(sizer.size).to.equal(100);
    expect(sizer.documentsPerS).to.equal(undefined);
  });

  it('offers no more than 50 after a batch of which nothing was taken, until something is', () => {
    const sizer = new BatchSizer();
    const answer = answerer(sizer);
    for (let i = 0; i < 5; i++) answer(sizer.size, 10);
    sizer.refused();
    expect(sizer.size).to.equal(50);
    expect(answer(50, 10)).to.equal(200);
  });

  it('halves when a batch breaks, down to 10', () => {
    const sizer = new BatchSizer();
    sizer.failed();
    expect(sizer.size).to.equal(50);
    for (let i = 0; i < 10; i++) sizer.failed();
    expect(sizer.size).to.equal(10);
  });

  it('is a whole number from 10 to 2,000 whatever happens', () => {
    const anyAnswer = fc.option(fc.record({ documents: fc.nat(5_000), sentMs: fc.nat(1e6), answeredMs: fc.nat(1e6) }));
    fc.assert(
      fc.property(fc.array(anyAnswer), (answers) => {
        const sizer = new BatchSizer();
        for (const answer of answers) {
          if (answer) sizer.answered(answer);
          else sizer.failed();
          expect(Number.isInteger(sizer.size) && sizer.size >= 10 && sizer.size <= 2_000).to.equal(true);
        }
      }),
    );
  });
});
