import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BatchSizer } from '../../../edge/push/batch-sizer.js';

describe('the size of batches', () => {
  it('grows while full batches are answered quickly, up to 2,000', () => {
    const sizer = new BatchSizer();
    const sizes = [sizer.size];
    for (let i = 0; i < 6; i++) {
      sizer.succeeded(sizer.size, 100);
      sizes.push(sizer.size);
    }
    expect(sizes).to.deep.equal([100, 200, 400, 800, 1600, 2000, 2000]);
  });

  it('takes nothing from how fast a small batch was', () => {
    const sizer = new BatchSizer();
    sizer.succeeded(1, 1);
    sizer.succeeded(99, 1);
    expect(sizer.size).to.equal(100);
  });

  it('halves after a slow or a failed batch, down to 10', () => {
    const sizer = new BatchSizer();
    sizer.succeeded(100, 9_000);
    expect(sizer.size).to.equal(50);
    sizer.failed();
    expect(sizer.size).to.equal(25);
    for (let i = 0; i < 10; i++) sizer.failed();
    expect(sizer.size).to.equal(10);
  });

  it('stays as it is for batches that take a few seconds', () => {
    const sizer = new BatchSizer();
    for (const durationMs of [2_000, 4_000, 8_000]) sizer.succeeded(100, durationMs);
    expect(sizer.size).to.equal(100);
  });

  it('is a whole number from 10 to 2,000 whatever happens', () => {
    const anyAnswer = fc.option(fc.record({ documents: fc.nat(5_000), durationMs: fc.nat(100_000) }));
    fc.assert(
      fc.property(fc.array(anyAnswer), (answers) => {
        const sizer = new BatchSizer();
        for (const answer of answers) {
          if (answer) sizer.succeeded(answer.documents, answer.durationMs);
          else sizer.failed();
          expect(Number.isInteger(sizer.size) && sizer.size >= 10 && sizer.size <= 2_000).to.equal(true);
        }
      }),
    );
  });
});
