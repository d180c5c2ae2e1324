import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { RightOfWay } from '../../../edge/push/right-of-way.js';

describe('the right of way', () => {
  let nowMs: number;
  let right: RightOfWay;
  beforeEach(() => {
    nowMs = 0;
    right = new RightOfWay(() => nowMs);
  });

  it('keeps the push waiting from when it is taken until it is given back', () => {
    expect(right.isTaken).to.equal(false);
    right.take();
    nowMs += 59_000;
    expect(right.isTaken).to.equal(true);
    right.giveBack();
    expect(right.isTaken).to.equal(false);
  });

  it('is gone after a minute, and not had again before half a minute without it', () => {
    right.take();
    nowMs += 60_000;
    expect(right.isTaken).to.equal(false);
    nowMs += 29_000;
    right.take();
    expect(right.isTaken).to.equal(false);
    nowMs += 1_000;
    right.take();
    expect(right.isTaken).to.equal(true);
  });

  it('leaves the push at least half of the time, however greedily it is taken', () => {
    let heldMs = 0;
    for (nowMs = 0; nowMs < 3_600_000; nowMs += 100) {
      right.take();
      if (right.isTaken) heldMs += 100;
    }
    expect(heldMs)
      .to.be.at.most(1_800_000 + 60_000)
      .and.above(1_000_000);
  });
});
