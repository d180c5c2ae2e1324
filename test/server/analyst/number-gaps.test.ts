import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ToldFold, type ToldSpan, toldBy } from '../../../server/analyst/accounted-numbers.js';
import { findGaps } from '../../../server/analyst/number-gaps.js';
import type { NumberSpan } from '../../../server/store/contract.js';
import { AppError } from '../../../shared/app-error.js';
import type { TelemetryDocument } from '../../../shared/documents.js';
import type { SeededRandom } from '../../../sim/random.js';
import { itWithSeed } from '../../support/seeds.js';

const counterOf = (held: ReadonlySet<number>) => {
  const asked: number[] = [];
  const count = async (spans: readonly NumberSpan[]) => {
    asked.push(spans.length);
    return spans.map(([from, to]) => {
      let found = 0;
      for (let n = from; n <= to; n++) if (held.has(n)) found++;
      return found;
    });
  };
  return { count, asked };
};

describe('gaps in the numbers of a node', () => {
  it('asks once where nothing is missing', async () => {
    const { count, asked } = counterOf(new Set(Array.from({ length: 1000 }, (_, n) => n + 1)));
    expect(await findGaps(1000, [], count)).to.deep.equal({ gaps: [], heldOfTold: [] });
    expect(asked).to.deep.equal([1]);
  });

  itWithSeed('are exactly the numbers that are neither held nor told of', async (random) => {
    for (let round = 0; round < 100; round++) {
      const highest = random.integer(1, 5_000);
      const missing = randomNumbers(random, highest);
      const told = randomTold(random, highest);
      const held = new Set(Array.from({ length: highest }, (_, n) => n + 1).filter((n) => !missing.has(n)));
      const { gaps, heldOfTold } = await findGaps(highest, told, counterOf(held).count);
      const isTold = (n: number) => told.some(({ from, to }) => from <= n && n <= to);
      expect(numbersIn(gaps)).to.deep.equal([...missing].filter((n) => !isTold(n)).sort((a, b) => a - b));
      for (const [n, { from, to }] of told.entries()) {
        expect(heldOfTold[n]).to.equal([...held].filter((one) => from <= one && one <= to).length);
      }
      for (const [n, gap] of gaps.entries()) expect(gap.from).to.be.above((gaps[n - 1]?.to ?? -1) + (n ? 1 : 0));
    }
  });

  it('ends after a bounded number of questions, and counts what it has not located', async () => {
    const odd = new Set(Array.from({ length: 50_000 }, (_, n) => 2 * n + 1));
    const { count, asked } = counterOf(odd);
    const { gaps } = await findGaps(100_000, [], count);
    expect(gaps.reduce((sum, { missing }) => sum + missing, 0)).to.equal(50_000);
    expect(asked.reduce((sum, one) => sum + one, 0)).to.be.below(5_000);
  });
});

describe('what nodes tell of their numbers', () => {
  it('is what the newest event says of each number', () => {
    const events = [
      numbersEvent(1, 1, { of: 'a', from: 1, to: 100, void: [[5, 9]], lost: [[50, 60]], quarantined: [[70, 70]] }),
      numbersEvent(1, 10, { of: 'a', from: 1, to: 54, void: [[5, 9]], lost: [[54, 54]], quarantined: [] }),
      numbersEvent(1, 2, { of: 'a', from: 70, to: 70, released: [[70, 70]] }),
      numbersEvent(2, 1, { of: 'b', from: 1, to: 3, void: [], lost: [[3, 3]], quarantined: [] }),
    ];
    const told = toldBy([...events].reverse());
    expect(told.get('a')?.spans).to.deep.equal([
      { from: 5, to: 9, kind: 'void' },
      { from: 54, to: 54, kind: 'lost' },
      { from: 55, to: 60, kind: 'lost' },
      { from: 70, to: 70, kind: 'released' },
    ]);
    expect(told.get('b')?.spans).to.deep.equal([{ from: 3, to: 3, kind: 'lost' }]);
  });

  it('is nothing where an event is not what it should be', () => {
    const broken = [
      { of: 'a', from: 1, to: 9, void: 'all', lost: [[3]], quarantined: [[4, 2], [0, 3], ['x', 'y'], null] },
      { of: 7, from: 1, to: 9, lost: [[1, 9]] },
      { of: 'a', from: 9, to: 1, lost: [[1, 9]] },
      { of: 'a', from: 1.5, to: 9, lost: [[1, 9]] },
    ].map((fields, n) => numbersEvent(1, n + 1, fields));
    expect(toldBy(broken).get('a')?.spans ?? []).to.deep.equal([]);
    const outside = numbersEvent(1, 1, { of: 'a', from: 10, to: 20, lost: [[1, 1000]], void: [[15, 16]] });
    expect(toldBy([outside]).get('a')?.spans).to.deep.equal([{ from: 10, to: 20, kind: 'lost' }]);
  });

  it('is kept with a bounded number of times, however many threshold events a village stores', () => {
    const fold = new ToldFold();
    fold.add(numbersEvent(1, 1, { of: 'a', from: 1, to: 100, lost: [[50, 60]] }));
    let most = 0;
    for (let n = 2; n <= 100_000; n++) {
      fold.add({ ...numbersEvent(1, n, { event: 'threshold', text: 'high' }), seq: 10 * n });
      most = Math.max(most, fold.held);
    }
    expect(most).to.be.at.most(20_000);
    const [told] = [...fold.told().values()].filter(({ events }) => events.length > 0);
    expect(fold.told().get('a')?.spans).to.deep.equal([{ from: 50, to: 60, kind: 'lost' }]);
    expect(Object.keys(told?.events[0] ?? {})).to.have.members(['seq', 'at']);
    const seqs = told?.events.map(({ seq }) => seq) ?? [];
    expect(seqs).to.deep.equal([...seqs].sort((a, b) => a - b));
    // What is kept lies all along the numbers.
    expect(seqs[0]).to.be.below(1_000);
    expect(seqs.at(-1)).to.be.above(999_000);
  });

  it('is refused with a sentence, and not held, where a village tells of ever more spans, or under ever more names', () => {
    const spans = Array.from({ length: 1_000 }, (_, n) => [3 * n + 1, 3 * n + 2]);
    const fold = new ToldFold();
    const tell = (n: number) => fold.add(numbersEvent(1, n, { of: `a${n}`, from: 1, to: 3_000, lost: spans }));
    for (let n = 1; n <= 90; n++) tell(n);
    expect(() => {
      for (let n = 91; n <= 110; n++) tell(n);
    }).to.throw(AppError, /told of its numbers in more than 100000 spans/);
    const names = new ToldFold();
    for (let n = 1; n <= 2_000; n++) names.add({ ...numbersEvent(1, n, { event: 'boot' }), node: `n${n}` });
    expect(names.held).to.be.at.most(200);
  });

  it('keeps the time of every event where there are as many as a node stores in years', () => {
    const events = Array.from({ length: 15_000 }, (_, n) => ({
      ...numbersEvent(1, n + 1, { event: 'boot' }),
      seq: n + 1,
    }));
    const times = [...toldBy(events.reverse()).values()].flatMap((told) => told.events);
    expect(times.map(({ seq }) => seq)).to.deep.equal(events.map(({ seq }) => seq).reverse());
  });
});

function numbersEvent(boot: number, n: number, fields: Record<string, unknown>): TelemetryDocument {
  const owned = {
    _rev: '1-a',
    type: 'event',
    village: 'kano',
    node: 'a',
    seq: n,
    boot,
    at: '2026-03-01T00:00:00.000Z',
  };
  return { _id: `kano:e:a:${boot}-${n}`, ...owned, event: 'numbers', ...fields } as TelemetryDocument;
}

function randomNumbers(random: SeededRandom, highest: number): Set<number> {
  const numbers = new Set<number>();
  for (let n = random.integer(0, 20); n > 0; n--) {
    const from = random.integer(1, highest);
    for (let one = from; one <= Math.min(highest, from + random.integer(0, 30)); one++) numbers.add(one);
  }
  return numbers;
}

function randomTold(random: SeededRandom, highest: number): ToldSpan[] {
  const told: ToldSpan[] = [];
  for (let from = random.integer(1, 400); from <= highest + 50; from += random.integer(1, 800)) {
    const to = from + random.integer(0, 40);
    told.push({ from, to, kind: 'void' });
    from = to + 1;
  }
  return told;
}

function numbersIn(gaps: readonly { from: number; to: number }[]): number[] {
  return gaps.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, n) => from + n));
}
