/** Reading a stored document without parsing it: the same answer as parsing, for whatever there is. */
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { storedBody } from '../../../server/store/stored-body.js';
import { itWithSeed } from '../../support/seeds.js';
import { reading } from '../support/documents.js';

/** What parsing says. */
function slowly(text: string) {
  try {
    const { _id: id, _rev: rev, _deleted: deleted, node, seq } = JSON.parse(text);
    const isTelemetry =
      [id, rev, node].every((one) => typeof one === 'string') && Number.isSafeInteger(seq) && seq >= 1;
    return isTelemetry && deleted !== true ? { id, rev, node, seq } : undefined;
  } catch {
    return undefined;
  }
}

const name = fc.oneof(
  fc.constantFrom('node', 'seq', '_id', '_rev', '_deleted', 'powerW', 'note'),
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,5}$/),
);
const value = fc.oneof(
  fc.constantFrom(
    'node1',
    'kano:r:m1:x',
    '1-ab',
    '"node":"x"',
    ',"seq":7,',
    '_deleted',
    5,
    2 ** 53,
    -1,
    true,
    null,
    [],
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary' }),
);

describe('the short reading of a stored document', () => {
  it('finds what telemetry says of itself', () => {
    const { _id, _rev, ...fields } = reading('kano', 6, { note: 'Zürich – ☀️' });
    const text = JSON.stringify({ ...fields, _id, _rev });
    expect(storedBody(text)).to.deep.equal({ id: _id, rev: _rev, node: 'node1', seq: 7 });
  });

  itWithSeed('says of any object what parsing it says', (_, seed) => {
    const owned = fc.record({ node: value, seq: value }, { requiredKeys: [] });
    const last = fc.record({ _id: value, _rev: value, _deleted: fc.boolean() }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.dictionary(name, value), owned, fc.dictionary(name, value), last, (...parts) => {
        const text = JSON.stringify(Object.assign({}, ...parts));
        expect(storedBody(text), text).to.deep.equal(slowly(text));
      }),
      { seed, numRuns: 3000 },
    );
  });

  itWithSeed('says of a damaged text what parsing it says', (random) => {
    const { _id, _rev, ...fields } = reading('kano', 6, { note: 'a, b' });
    const text = JSON.stringify({ ...fields, _id, _rev });
    for (let tries = 0; tries < 5000; tries++) {
      const at = random.integer(0, text.length - 1);
      const kept = random.integer(0, 1);
      const damaged = text.slice(0, at) + String.fromCharCode(random.integer(0, 127)) + text.slice(at + kept);
      expect(storedBody(damaged), damaged).to.deep.equal(slowly(damaged));
    }
  });
});
