import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { alignedJson, isAlignable } from '../../../edge/link/aligned-json.js';

const decimal = fc
  .tuple(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), fc.integer({ min: 0, max: 7 }))
  .map(([digits, decimals]) => Number(`${digits}e-${decimals}`));
const value = fc.oneof(
  ...[decimal, decimal, fc.double(), fc.integer(), fc.constantFrom(-0, 1e21, 5e-324, 0.1 + 0.2, 1e-7, 4.35, 1.005)],
  ...[fc.string(), fc.boolean(), fc.constant(null), fc.constant(undefined), fc.array(fc.integer(), { maxLength: 3 })],
);
const name = fc.constantFrom('_id', 'powerW', 'energyKwh', 'state', 'a"b', '__proto__x', 'ü');
const documents = fc.array(fc.dictionary(name, value), { minLength: 5, maxLength: 30 });

describe('aligned JSON', () => {
  it('says exactly what ordinary JSON says', () => {
    fc.assert(
      fc.property(documents, fc.boolean(), (docs, flag) => {
        const body = { docs, new_edits: flag };
        expect(JSON.stringify(JSON.parse(alignedJson(body)))).to.equal(JSON.stringify(body));
      }),
      { numRuns: 500 },
    );
  });

  it('gives the numbers of a field the same width and exponent', () => {
    const docs = [39.1, 231, 1000.25, -0.5, 0].map((powerW, seq) => ({ seq, powerW }));
    const text = alignedJson({ docs });
    const written = [...text.matchAll(/"powerW":([^,}]*)/g)].map((match) => match[1]);
    expect(written).to.deep.equal(['   3910e-2', '  23100e-2', ' 100025e-2', '    -50e-2', '      0e-2']);
  });

  it('leaves a field as it is whose numbers are too large or too fine', () => {
    const docs = [0.1 + 0.2, 1, 2, 3, 4].map((fine) => ({ fine, large: 1e12 * fine }));
    expect(alignedJson({ docs })).to.equal(JSON.stringify({ docs }));
  });

  it('is for lists of several objects only', () => {
    const docs = [{}, {}, {}, {}, {}];
    expect(isAlignable({ docs, new_edits: false })).to.equal(true);
    for (const other of [
      { docs: docs.slice(1) },
      { docs: [...docs, 1] },
      { docs: [...docs, null] },
      { docs: 1 },
      docs,
    ]) {
      expect(isAlignable(other)).to.equal(false);
    }
    expect(isAlignable({ docs: [...docs, new Date()] })).to.equal(false);
    expect([null, undefined, 'docs', 1].map(isAlignable)).to.deep.equal([false, false, false, false]);
  });
});
