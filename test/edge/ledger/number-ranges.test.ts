import { expect } from 'chai';
import fc from 'fast-check';
import { describe } from 'mocha';
import {
  countNumbers,
  type NumberRange,
  withNumber,
  withoutNumber,
  withRange,
} from '../../../edge/ledger/number-ranges.js';
import { itWithSeed } from '../../support/seeds.js';

type Step =
  | { kind: 'add'; value: number }
  | { kind: 'remove'; value: number }
  | { kind: 'range'; from: number; length: number };

const value = fc.integer({ min: 1, max: 30 });
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('add' as const), value }),
    fc.record({ kind: fc.constant('remove' as const), value }),
    fc.record({ kind: fc.constant('range' as const), from: value, length: fc.integer({ min: 0, max: 10 }) }),
  ),
  { maxLength: 40 },
);

function take(ranges: readonly NumberRange[], numbers: Set<number>, step: Step): readonly NumberRange[] {
  if (step.kind === 'add') {
    numbers.add(step.value);
    return withNumber(ranges, step.value);
  }
  if (step.kind === 'remove') {
    numbers.delete(step.value);
    return withoutNumber(ranges, step.value);
  }
  const to = step.from + step.length;
  for (let n = step.from; n <= to; n++) numbers.add(n);
  return withRange(ranges, [step.from, to]);
}

describe('number ranges', () => {
  itWithSeed(
    'hold exactly the numbers put in and not taken out, sorted, disjoint and as few as possible',
    (_, seed) => {
      fc.assert(
        fc.property(steps, (given: Step[]) => {
          const numbers = new Set<number>();
          let ranges: readonly NumberRange[] = [];
          for (const step of given) {
            const before = structuredClone(ranges);
            const next = take(ranges, numbers, step);
            expect(ranges, 'the ranges given stay as they are').to.deep.equal(before);
            ranges = next;
            const held = ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => from + n));
            expect(held).to.deep.equal([...numbers].sort((a, b) => a - b));
            expect(countNumbers(ranges)).to.equal(numbers.size);
            for (const [index, [from]] of ranges.entries()) {
              const previous = ranges[index - 1];
              if (previous) expect(from).to.be.greaterThan(previous[1] + 1);
            }
          }
        }),
        { seed, numRuns: 500 },
      );
    },
  );
});
