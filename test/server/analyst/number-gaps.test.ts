import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ToldFold, type ToldSpan, toldBy } from '../../../server/analyst/accounted-numbers.js';
import { findGaps } from '../../../server/analyst/number-gaps.js';
import type { NumberSpan } from '../../../server/store/contract.js';
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
    // What is told of the numbers, and before and behind them, besides.
    expect(most).to.be.at.most(20_003);
    const [told] = [...fold.told().values()].filter(({ events }) => events.length > 0);
    expect(fold.told().get('a')?.spans).to.deep.equal([{ from: 50, to: 60, kind: 'lost' }]);
    expect(Object.keys(told?.events[0] ?? {})).to.have.members(['seq', 'at']);
    const seqs = told?.events.map(({ seq }) => seq) ?? [];
    expect(seqs).to.deep.equal([...seqs].sort((a, b) => a - b));
    // What is kept lies all along the numbers.
    expect(seqs[0]).to.be.below(1_000);
    expect(seqs.at(-1)).to.be.above(999_000);
  });

  itWithSeed('is the same in whatever order events come', (random) => {
    for (let round = 0; round < 200; round++) {
      const events = Array.from({ length: random.integer(1, 12) }, (_, n) => {
        const from = random.integer(1, 60);
        const range = { from, to: from + random.integer(0, 30) };
        const spans = () =>
          Array.from({ length: random.integer(0, 3) }, () => {
            const low = random.integer(1, 90);
            return [low, low + random.integer(0, 9)];
          });
        const fields = { of: 'a', ...range, lost: spans(), void: spans() };
        return numbersEvent(random.integer(1, 2), n + 1, fields);
      });
      const byAge = [...events].sort((a, b) => a.boot - b.boot || a.seq - b.seq);
      // Of one event the first list a number is in counts where spans begin alike: told by the event alone.
      const kinds = new Map<number, string>();
      for (const one of byAge) {
        for (let n = Number(one.from); n <= Number(one.to); n++) kinds.delete(n);
        for (const [n, kind] of kindsOf(toldBy([one]).get('a')?.spans ?? [])) kinds.set(n, kind);
      }
      const expected = [...kinds].sort(([a], [b]) => a - b);
      for (const order of [byAge, [...byAge].reverse(), events]) {
        const spans = toldBy(order).get('a')?.spans ?? [];
        expect([...kindsOf(spans)]).to.deep.equal(expected);
        for (const [n, { from }] of spans.entries()) expect(from).to.be.above(spans[n - 1]?.to ?? 0);
      }
    }
  });

  it('takes no more memory the more a village tells, and is known to leave out the lowest numbers then', () => {
    const fold = new ToldFold();
    const told = (n: number, of: string, from: number) => {
      const lost = Array.from({ length: 500 }, (_, odd) => [from + 2 * odd, from + 2 * odd]);
      fold.add(numbersEvent(1, n, { of, from, to: from + 999, lost }));
      expect(fold.held).to.be.below(20 * 8_000 + 1_000);
    };
    // Upwards, downwards, and the same again and again.
    for (let n = 1; n <= 300; n++) told(n, 'up', 1_000 * n + 1);
    for (let n = 1; n <= 300; n++) told(n, 'down', 1_000 * (301 - n) + 1);
    for (let n = 1; n <= 300; n++) told(n, 'same', 1);
    for (let n = 1; n <= 300; n++) for (const from of [1, 1_001, 2_001]) told(n, `x${n}`, from);
    const nodes = fold.told();
    for (const of of ['up', 'down']) {
      const { spans = [], from = 0 } = nodes.get(of) ?? {};
      expect(spans.length).to.be.within(2_000, 4_000);
      expect(spans.at(-1)).to.deep.equal({ from: 300_999, to: 300_999, kind: 'lost' });
      expect(from).to.be.within(290_000, 298_000);
      expect(spans[0]?.from).to.be.within(from, from + 1);
      expect(spans.every((span, n) => n === 0 || span.from === (spans[n - 1]?.from ?? 0) + 2)).to.equal(true);
    }
    expect([nodes.get('same')?.spans.length, nodes.get('same')?.from]).to.deep.equal([500, 1]);
    expect([nodes.size, fold.others.size]).to.deep.equal([20, 284]);
  });

  it('has spans that touch as one, and knows names of a bounded number of nodes', () => {
    const lost = Array.from({ length: 1_000 }, (_, n) => [n + 1, n + 1]);
    const fold = new ToldFold(['mine']);
    for (let n = 1; n <= 5_000; n++) fold.add(numbersEvent(1, n, { of: `x${n}`, from: 1, to: 9, lost: [[1, 2]] }));
    fold.add(numbersEvent(1, 6_000, { of: 'mine', from: 1, to: 1_000, lost }));
    expect(fold.told().get('mine')?.spans).to.deep.equal([{ from: 1, to: 1_000, kind: 'lost' }]);
    expect([fold.told().size, fold.others.size]).to.deep.equal([20, 1_000]);
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

function kindsOf(spans: readonly ToldSpan[]): Map<number, string> {
  const kinds = new Map<number, string>();
  for (const { from, to, kind } of spans) for (let n = from; n <= to; n++) kinds.set(n, kind);
  return kinds;
}

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
