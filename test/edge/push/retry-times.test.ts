import { expect } from 'chai';
import { describe, it } from 'mocha';
import { dueMs, isPostponed, postponedUntilMs, RefusalHold } from '../../../edge/push/retry-times.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NOW = Date.parse('2026-03-01T00:00:00Z');

describe('when a refused document is offered again', () => {
  it('is 1 min, 10 min and 1 h after a refusal, then daily', () => {
    const waits = [1, 2, 3, 4, 5, 99].map((tries) => dueMs({ tries, lastTriedMs: NOW }, NOW) - NOW);
    expect(waits).to.deep.equal([MINUTE, 10 * MINUTE, 60 * MINUTE, DAY, DAY, DAY]);
  });

  it('is now where the last try was written down by a clock that was wrong', () => {
    expect(dueMs({ tries: 9, lastTriedMs: NOW + 30 * DAY }, NOW)).to.equal(NOW);
  });

  it('is not before ten minutes where the centre gave no verdict, whatever the clock does meanwhile', () => {
    const tried = { tries: 1, lastTriedMs: NOW - DAY, notBeforeMs: postponedUntilMs(NOW) };
    expect([dueMs(tried, NOW), isPostponed(tried, NOW)]).to.deep.equal([NOW + 10 * MINUTE, true]);
    expect(isPostponed(tried, NOW + 10 * MINUTE)).to.equal(false);
    expect(isPostponed(tried, NOW - DAY)).to.equal(false);
  });

  it('is put off for all, ever longer, while the centre refuses whatever it is offered', () => {
    const hold = new RefusalHold();
    let nowMs = NOW;
    const lengths: number[] = [];
    for (let n = 0; n < 10; n++) {
      hold.refusedWhole(nowMs);
      let length = 0;
      while (hold.holds(nowMs)) {
        nowMs += MINUTE;
        length++;
      }
      lengths.push(length);
    }
    expect(lengths).to.deep.equal([10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
    hold.refusedWhole(nowMs);
    expect(hold.holds(nowMs - DAY), 'after the clock was set back').to.equal(false);
    hold.taken();
    expect(hold.holds(nowMs)).to.equal(false);
  });
});
