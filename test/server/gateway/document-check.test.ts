import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { checkDocument } from '../../../server/gateway/document-check.js';
import { event, prediction, reading, readings } from '../support/documents.js';

const VILLAGE = 'kano';
const at = '2026-03-01T00:00:00.000Z';

function reasonFor(document: unknown): string | undefined {
  const verdict = checkDocument(document, VILLAGE);
  return 'reason' in verdict ? verdict.reason : undefined;
}

/** A good reading with some of its fields changed; `undefined` takes one away. */
function changed(changes: Record<string, unknown>, base: Record<string, unknown> = reading(VILLAGE, 0)): unknown {
  return JSON.parse(JSON.stringify({ ...base, ...changes }));
}

describe('the check of a document', () => {
  it('lets pass what a node sends', () => {
    const { _rev, ...withoutRev } = reading(VILLAGE, 0);
    const good = [
      reading(VILLAGE, 0),
      reading(VILLAGE, 1, { clock: 'unsure', state: 'on', ok: false, text: 'ü☀️', neg: -1.5 }),
      prediction(VILLAGE, 3),
      event(VILLAGE, 4, { ranges: '1-5,9'.repeat(200) }),
      event(VILLAGE, 5, {
        of: 'abcd',
        from: 1,
        to: 900,
        void: [
          [1, 5],
          [9, 9],
        ],
        lost: [],
        quarantined: [[700, 800]],
      }),
      { ...withoutRev, _revisions: { start: 1, ids: ['abc123'] } },
      { ...reading(VILLAGE, 0), _rev: '2-b', _revisions: { start: 2, ids: ['b', 'a'] } },
      changed({ laterField_2: 1 }),
      changed({ _id: `${VILLAGE}:p:pv:m1:${at}:${at}`, type: 'prediction', model: 'pv', device: 'm1', at }),
    ];
    for (const document of good)
      expect(reasonFor(document), JSON.stringify(document).slice(0, 200)).to.equal(undefined);
  });

  for (const lost of [
    [[5, 1]],
    [[0, 1]],
    [[1]],
    [[1, 2, 3]],
    [1, 2],
    [['1', '2']],
    [[1.5, 2]],
    [[1, 2 ** 60]],
    [{}],
    [[[1, 2]]],
  ]) {
    it(`refuses an event with the ranges ${JSON.stringify(lost)}`, () => {
      expect(reasonFor(event(VILLAGE, 6, { lost }))).to.match(/lost must be a list of ranges of numbers/);
    });
  }

  it('refuses ranges in a reading, and more of them than a document may hold', () => {
    expect(reasonFor(changed({ lost: [[1, 2]] }))).to.match(/lost must be a number, a boolean or a text/);
    const lost = Array.from({ length: 2000 }, (_, n) => [n * 100_000 + 1, n * 100_000 + 2]);
    expect(reasonFor(event(VILLAGE, 7, { lost }))).to.match(/has \d+ bytes; at most/);
  });

  it('takes the revision from wherever it stands', () => {
    const { _rev, ...rest } = reading(VILLAGE, 0);
    const verdict = checkDocument({ ...rest, _revisions: { start: 3, ids: ['c', 'b'] } }, VILLAGE);
    expect(verdict).to.have.nested.property('document.rev', '3-c');
  });

  const refused: [why: string, changes: Record<string, unknown>, reason: RegExp][] = [
    ['of another village', { village: 'kaduna' }, /not a document of the village kano/],
    ["under another village's id", { _id: `kaduna:r:m0:${at}` }, /not a document of the village/],
    ['under an id that only begins like it', { _id: `kano2:r:m0:${at}` }, /not a document of the village/],
    ['of an unknown type', { type: 'tariff' }, /type must be/],
    ['without a node', { node: undefined }, /node must be/],
    ['of a node with a bad name', { node: 'NODE' }, /node must be/],
    ['with seq 0', { seq: 0 }, /seq must be/],
    ['with seq as text', { seq: '1' }, /seq must be/],
    ['with a broken seq', { seq: 1.5 }, /seq must be/],
    ['with a negative boot', { boot: -1 }, /boot must be/],
    ['with another clock', { clock: 'sure' }, /clock must be/],
    ['at no canonical time', { at: '2026-03-01T00:00:00Z' }, /at must be/],
    ['on a day that does not exist', { at: '2026-02-30T00:00:00.000Z' }, /at must be/],
    ['with a device of another name', { device: 'm1' }, /does not match/],
    ['with a device that is no name', { device: 'a b' }, /device must be/],
    ['without a device', { device: undefined }, /device is missing/],
    ['at another time than its id', { at: '2026-03-01T00:00:01.000Z' }, /does not match/],
    ['without a revision', { _rev: undefined }, /revision/],
    ['with a revision of generation 0', { _rev: '0-abc' }, /revision/],
    ['with a revision in capitals', { _rev: '1-ABC' }, /revision/],
    ['with a huge generation', { _rev: '1234567890-abc' }, /revision/],
    ['with two revisions', { _rev: '1-a', _revisions: { start: 1, ids: ['b'] } }, /revision/],
    [
      'with a history longer than its generation',
      { _rev: '1-a', _revisions: { start: 1, ids: ['a', 'b'] } },
      /revision/,
    ],
    ['with a history of objects', { _rev: '1-a', _revisions: { start: 1, ids: [{}] } }, /revision/],
    ['deleted', { _deleted: true }, /^is a deletion; telemetry is never deleted by a village$/],
    ['deleted, said falsely', { _deleted: false }, /"_deleted" is not allowed/],
    ['with attachments', { _attachments: {} }, /"_attachments" is not allowed/],
    ['with a local field of CouchDB', { _conflicts: [] }, /"_conflicts" is not allowed/],
    ['with an object inside', { powerW: { a: 1 } }, /powerW must be/],
    ['with a list inside', { powerW: [1] }, /powerW must be/],
    ['with null inside', { powerW: null }, /powerW must be/],
    ['with a long text', { note: 'x'.repeat(257) }, /note is longer/],
    ['with a field name that is none', { 'a b': 1 }, /not a field name/],
    ['with too many fields', Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`f${n}`, n])), /fields; at most/],
  ];
  for (const [why, changes, reason] of refused) {
    it(`refuses a reading ${why}`, () => expect(reasonFor(changed(changes))).to.match(reason));
  }

  it('refuses a deletion as such, whatever else is missing in it', () => {
    for (const deletion of [
      { _id: `${VILLAGE}:r:m0:${at}`, _deleted: true },
      { _id: `kaduna:r:m0:${at}`, _rev: '2-a', _deleted: true },
    ]) {
      expect(reasonFor(deletion)).to.equal('is a deletion; telemetry is never deleted by a village');
    }
    expect(reasonFor({ _id: `${VILLAGE}:r:m0:${at}`, _attachments: {} })).to.equal('"_attachments" is not allowed');
  });

  it('refuses what JSON can say but no store should hold', () => {
    expect(reasonFor({ ...reading(VILLAGE, 0), note: '\ud800' })).to.match(/Unicode/);
    expect(reasonFor(JSON.parse(JSON.stringify(reading(VILLAGE, 0)).replace('100', '1e999')))).to.match(/finite/);
    expect(reasonFor(JSON.parse(`{"__proto__":{"a":1},${JSON.stringify(reading(VILLAGE, 0)).slice(1)}`))).to.match(
      /"__proto__" is not allowed/,
    );
    const big = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`f${n}`, '€'.repeat(256)]));
    expect(reasonFor({ ...reading(VILLAGE, 0), ...big })).to.match(/bytes; at most/);
    expect(reasonFor(changed({ _id: `${VILLAGE}:e:node1:1-x` }, event(VILLAGE, 0)))).to.match(/does not match/);
    expect(reasonFor(changed({ model: undefined }, prediction(VILLAGE, 0)))).to.match(/model must be/);
    expect(reasonFor(changed({ for: 'soon' }, prediction(VILLAGE, 0)))).to.match(/for must be/);
  });

  it('answers for anything at all, without throwing', () => {
    let deep: unknown = 1;
    for (let n = 0; n < 100_000; n++) deep = [deep];
    for (const odd of [null, undefined, 1, 'x', [], {}, { _id: 1 }, { _id: deep }, changed({}), deep]) {
      expect(() => checkDocument(odd, VILLAGE)).not.to.throw();
    }
    expect(reasonFor({ ...reading(VILLAGE, 0), powerW: deep })).to.match(/powerW must be/);
    expect(reasonFor({ ...reading(VILLAGE, 0), _revisions: deep })).to.match(/revision/);
    const field = fc.constantFrom(...Object.keys(reading(VILLAGE, 0)), '_revisions', 'for', 'model');
    fc.assert(
      fc.property(fc.dictionary(field, fc.anything()), (changes) => {
        const verdict = checkDocument({ ...reading(VILLAGE, 0), ...changes }, VILLAGE);
        return 'document' in verdict || typeof verdict.reason === 'string';
      }),
      { numRuns: 2000 },
    );
  });

  it('checks more than 20,000 documents a second', () => {
    const documents = readings(VILLAGE, 20_000);
    for (const document of documents.slice(0, 2000)) checkDocument(document, VILLAGE);
    // Of the processor's time, whoever else uses it.
    const before = process.cpuUsage();
    for (const document of documents) checkDocument(document, VILLAGE);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).to.be.below(1000);
  });
});
