import { expect } from 'chai';
import { describe, it } from 'mocha';
import { HeldNumbers } from '../../../server/store/held-numbers.js';
import { itWithSeed } from '../../support/seeds.js';

describe('the numbers held of a node', () => {
  it('is nothing at first', () => {
    const numbers = new HeldNumbers();
    expect([numbers.count, numbers.highest, numbers.countIn([1, 100]), numbers.sequenceAt(1)]).to.deep.equal([
      0,
      0,
      0,
      undefined,
    ]);
  });

  itWithSeed('counts as a set does, whatever comes in which order and is taken away', (random) => {
    for (let round = 0; round < 50; round++) {
      const numbers = new HeldNumbers();
      const model = new Map<number, number>();
      const removed = new Set<number>();
      const top = random.integer(1, 60);
      for (let n = 0; n < 150; n++) {
        const number = random.integer(1, top);
        if (random.chance(0.2)) {
          numbers.remove(number);
          model.delete(number);
          removed.add(number).add(number + 1);
        } else if (!removed.has(number)) {
          if (!model.has(number)) model.set(number, n + 1);
          numbers.add(number, n + 1);
        }
        const [a, b] = [random.integer(1, top), random.integer(1, top)];
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const expected = [...model.keys()].filter((one) => one >= from && one <= to).length;
        expect(numbers.countIn([from, to])).to.equal(expected);
        expect(numbers.count).to.equal(model.size);
        expect(numbers.highest).to.equal(Math.max(0, ...model.keys()));
        for (const held of model.keys()) {
          if (model.has(held - 1) || removed.has(held)) continue;
          expect(numbers.sequenceAt(held)).to.equal(model.get(held));
        }
      }
    }
  });
});
