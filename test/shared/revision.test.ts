import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { contentRevision } from '../../shared/revision.js';
import { itWithSeed } from '../support/seeds.js';

const ID = 'kano:r:m1:2026-03-01T00:00:00.000Z';
const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.string());
const fields = fc.dictionary(fc.stringMatching(/^[a-z][A-Za-z0-9]{0,5}$/), value, { maxKeys: 8 });

describe('a content revision', () => {
  itWithSeed('is the same for the same content, whatever the order of fields and whatever the node adds', (_, seed) => {
    fc.assert(
      fc.property(fields, fc.integer(), (content, n) => {
        const reversed = Object.fromEntries(Object.entries(content).reverse());
        const added = {
          _id: ID,
          _rev: '1-x',
          type: 'reading',
          village: 'kano',
          node: 'abcd',
          seq: n,
          boot: n,
          clock: 'unsure',
        };
        const revision = contentRevision(ID, content);
        expect(revision).to.match(/^1-[0-9a-f]{12}$/);
        const owned = Object.keys(added);
        const plain = Object.fromEntries(Object.entries(content).filter(([name]) => !owned.includes(name)));
        expect(contentRevision(ID, reversed)).to.equal(revision);
        expect(contentRevision(ID, { ...reversed, ...added })).to.equal(contentRevision(ID, plain));
        expect(contentRevision(ID, JSON.parse(JSON.stringify(content)))).to.equal(revision);
      }),
      { seed, numRuns: 500 },
    );
  });

  itWithSeed('is another for other content', (_, seed) => {
    const comparable = (content: object) =>
      JSON.stringify(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)));
    fc.assert(
      fc.property(fields, fields, (a, b) => {
        const owned = ['type', 'village', 'node', 'seq', 'boot', 'clock'];
        if ([...Object.keys(a), ...Object.keys(b)].some((name) => owned.includes(name))) return;
        expect(contentRevision(ID, a) === contentRevision(ID, b)).to.equal(comparable(a) === comparable(b));
      }),
      { seed, numRuns: 500 },
    );
    expect(contentRevision(ID, { a: 1 })).to.not.equal(contentRevision(`${ID}x`, { a: 1 }));
    expect(contentRevision(ID, { a: 1 })).to.not.equal(contentRevision(ID, { a: '1' }));
    expect(contentRevision(ID, { a: true })).to.not.equal(contentRevision(ID, { a: 'true' }));
    expect(contentRevision(ID, { ab: 'c' })).to.not.equal(contentRevision(ID, { a: 'bc' }));
    expect(contentRevision(ID, { a: 'b', c: 'd' })).to.not.equal(contentRevision(ID, { a: 'b,c,d' }));
  });

  it('stays what it has always been, or what the centre holds would seem to be something else', () => {
    const content = { at: '2026-03-01T00:00:00.000Z', device: 'm1', powerW: 1.5, state: 'on', powerOn: true };
    expect(contentRevision(ID, content)).to.equal('1-3ccf15b3f163');
  });
});
