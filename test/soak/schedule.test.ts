import { expect } from 'chai';
import { describe, it } from 'mocha';
import { DAY_ENDS_AT_HOUR, drawDays } from './schedule.js';
import { DAY_MS, HOUR_MS } from './soak-clock.js';

const END_MS = Date.parse('2027-01-29T00:00:00Z') + DAY_ENDS_AT_HOUR * HOUR_MS;
const days = (seed: number, count: number) => drawDays(seed, END_MS - count * DAY_MS, END_MS);

describe('the days of a soak', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(days(7, 24)).to.deep.equal(days(7, 24));
    expect(days(7, 24)).not.to.deep.equal(days(8, 24));
  });

  it('hold every kind of trouble, outages and wrong clocks daily, and put an end to each before the night', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const drawn = days(seed, 24);
      expect(drawn).to.have.length(24);
      const kinds = new Set(drawn.flatMap(({ moments }) => moments.map(({ kind }) => kind)));
      expect(kinds.size).to.equal(10);
      for (const { moments, startMs, quietMs } of drawn) {
        const order = moments.map(({ kind }) => kind);
        for (const [begin, end] of [
          ['link broken', 'link mended'],
          ['clock stepped', 'clock set right'],
        ] as const) {
          expect(order.indexOf(begin)).to.be.within(0, order.indexOf(end) - 1);
        }
        for (const { atMs } of moments) expect(atMs).to.be.within(startMs, quietMs);
      }
    }
  });

  it('are never too short for what happens on them, whatever the length of the soak', () => {
    for (let hours = 4; hours < 60; hours += 0.3) {
      for (const { startMs, quietMs, moments } of days(7, hours / 24)) {
        expect(quietMs - startMs).to.be.at.least(HOUR_MS);
        for (const { atMs } of moments) expect(atMs).to.be.within(startMs, quietMs);
      }
    }
  });

  it('leave both programs alive for four days on end, and are none too quiet in a short soak', () => {
    const isKill = (kind: string) => kind.endsWith('killed');
    const kills = days(3, 8).map(({ moments }) => moments.filter(({ kind }) => isKill(kind)).length > 0);
    expect(kills).to.deep.equal([true, true, false, false, false, false, true, true]);
    const kinds = days(3, 1 / 6)[0]?.moments.map(({ kind }) => kind);
    expect(kinds).to.include.members([
      'link broken',
      'edge killed',
      'centre killed',
      'clock stepped',
      'disk filled',
      'import',
    ]);
  });
});
