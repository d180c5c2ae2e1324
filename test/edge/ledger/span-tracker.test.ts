import { expect } from 'chai';
import { describe } from 'mocha';
import { isWithin, SpanTracker } from '../../../edge/ledger/span-tracker.js';
import { formatInstant } from '../../../shared/time.js';
import { itWithSeed } from '../../support/seeds.js';

const DAY_MS = 86_400_000;

describe('the spans of a segment', () => {
  itWithSeed('hold every time put in, are few, in order and apart, and leave out the decades in between', (random) => {
    for (let round = 0; round < 200; round++) {
      const tracker = new SpanTracker();
      const times: number[] = [];
      for (let n = random.integer(1, 60); n > 0; n--) {
        const base = [0, Date.parse('2026-03-01'), Date.parse('2038-01-19')][random.integer(0, 2)] ?? 0;
        times.push(base + random.integer(0, 5) * DAY_MS + random.integer(0, DAY_MS));
      }
      tracker.add(times.map((time, n) => `kano:r:m${n}:${formatInstant(time)}`));
      tracker.add(['kano:e:abc123:1-1']);
      const spans = tracker.of('reading') ?? [];
      for (const time of times) expect(isWithin(spans, formatInstant(time))).to.equal(true);
      expect(spans.length).to.be.within(1, 4);
      const ends = spans.flatMap(({ oldest, newest }) => [oldest, newest]);
      expect(ends).to.deep.equal([...ends].sort());
      expect(isWithin(spans, '1999-12-31T00:00:00.000Z')).to.equal(false);
      expect(tracker.of('prediction')).to.equal(undefined);
      expect(new SpanTracker(tracker.spans).of('reading')).to.deep.equal(spans);
    }
  });
});
