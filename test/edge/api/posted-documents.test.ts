import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { EdgeNode } from '../../../edge/node.js';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';
import { upTo } from '../ledger/store-under-test.js';
import { listAll, postText, type Resource } from './node-client.js';
import { startNode } from './node-under-test.js';

const AT = '"at":"2026-03-01T12:00:00Z"';

/** JSON texts rather than objects: some of what must be refused cannot be written as an object. */
const reading = (rest: string): string => `{"device":"m1",${AT},${rest}}`;
const at = (text: string): string => `{"device":"m1","at":${JSON.stringify(text)},"powerW":1}`;
const device = (text: string): string => `{"device":${JSON.stringify(text)},${AT},"powerW":1}`;
const prediction = (rest: string): string => `{"model":"pv",${AT},"kw":1${rest}}`;
const fields = (count: number, value: string): string =>
  upTo(count)
    .map((n) => `"m${n}":${value}`)
    .join(',');
const text = (length: number, character = 'x'): string => JSON.stringify(character.repeat(length));

/** Document, and the stored value of a field it must have. */
const GOOD: [string, Resource, string, [string, unknown]][] = [
  ['a number', 'readings', reading('"powerW":-1.5e3'), ['powerW', -1500]],
  ['a boolean', 'readings', reading('"powerOn":false'), ['powerOn', false]],
  ['a text', 'readings', reading('"state":""'), ['state', '']],
  ['a text of 256 characters', 'readings', reading(`"state":${text(256)}`), ['state', 'x'.repeat(256)]],
  ['characters beyond the basic plane', 'readings', reading('"state":"\\ud83d\\ude00"'), ['state', '\u{1F600}']],
  ['a control character', 'readings', reading('"state":"\\u0000"'), ['state', '\u0000']],
  ['64 measurements', 'readings', reading(fields(64, '1')), ['m64', 1]],
  ['a name of 64 characters', 'readings', reading(`"a${'B'.repeat(63)}":1`), [`a${'B'.repeat(63)}`, 1]],
  ['the name constructor', 'readings', reading('"constructor":1'), ['constructor', 1]],
  ['the name toString', 'readings', reading('"toString":1,"valueOf":2,"hasOwnProperty":3'), ['valueOf', 2]],
  ['model in a reading', 'readings', reading('"model":"x"'), ['model', 'x']],
  ['almost 16 KiB', 'readings', reading(fields(60, text(256))), ['m60', 'x'.repeat(256)]],
  ['a device of 64 characters', 'readings', device('A-._9'.padEnd(64, 'z')), ['device', 'A-._9'.padEnd(64, 'z')]],
  ['dots for a device', 'readings', device('..'), ['device', '..']],
  ['a time with an offset', 'readings', at('2026-03-01T23:30:00-23:59'), ['at', '2026-03-02T23:29:00.000Z']],
  ['a time with many digits', 'readings', at('2026-03-01T12:00:00.123456789012Z'), ['at', '2026-03-01T12:00:00.123Z']],
  ['a time with one digit', 'readings', at('2026-03-01T12:00:00.5Z'), ['at', '2026-03-01T12:00:00.500Z']],
  ['29 February of a leap year', 'readings', at('2028-02-29T00:00:00Z'), ['at', '2028-02-29T00:00:00.000Z']],
  ['the first year', 'readings', at('0000-01-01T00:00:00Z'), ['at', '0000-01-01T00:00:00.000Z']],
  ['the last millisecond', 'readings', at('9999-12-31T23:59:59.999Z'), ['at', '9999-12-31T23:59:59.999Z']],
  [
    'a prediction for a time',
    'predictions',
    prediction(',"for":"2026-03-02T12:00:00Z"'),
    ['for', '2026-03-02T12:00:00.000Z'],
  ],
  ['a prediction for a device', 'predictions', prediction(',"device":"m1"'), ['device', 'm1']],
];

/** Document, the field to blame, and part of the reason. */
const BAD: [string, Resource, string, string, RegExp][] = [
  ['no measurement', 'readings', `{"device":"m1",${AT}}`, '', /no measurement/],
  ['no device', 'readings', `{${AT},"powerW":1}`, 'device', /missing/],
  ['null', 'readings', reading('"powerW":null'), 'powerW', /finite number/],
  ['a list', 'readings', reading('"powerW":[1]'), 'powerW', /finite number/],
  ['an object', 'readings', reading('"powerW":{"a":1}'), 'powerW', /finite number/],
  ['infinity', 'readings', reading('"powerW":1e999'), 'powerW', /finite number/],
  ['negative infinity', 'readings', reading('"powerW":-1e999'), 'powerW', /finite number/],
  ['257 characters', 'readings', reading(`"state":${text(257)}`), 'state', /at most 256/],
  ['half a character', 'readings', reading('"state":"\\ud83d"'), 'state', /text/],
  ['65 measurements', 'readings', reading(fields(65, '1')), '', /at most 64/],
  ['an upper-case name', 'readings', reading('"PowerW":1'), 'PowerW', /not a measurement name/],
  ['an underscore', 'readings', reading('"power_w":1'), 'power_w', /not a measurement name/],
  ['a name of CouchDB', 'readings', reading('"_id":"x"'), '_id', /not a measurement name/],
  ['a deletion', 'readings', reading('"_deleted":true,"powerW":1'), '_deleted', /not a measurement name/],
  ['an empty name', 'readings', reading('"":1'), '', /not a measurement name/],
  ['a name of 65 characters', 'readings', reading(`"a${'b'.repeat(64)}":1`), `a${'b'.repeat(64)}`, /not a measurement/],
  ['__proto__', 'readings', reading('"__proto__":1,"powerW":1'), '__proto__', /not a measurement name/],
  [
    'an object as __proto__',
    'readings',
    reading('"__proto__":{"x":1},"powerW":1'),
    '__proto__',
    /not a measurement name|number/,
  ],
  ...['type', 'village', 'node', 'seq', 'boot', 'clock'].map((name): [string, Resource, string, string, RegExp] => [
    `the node's own ${name}`,
    'readings',
    reading(`"${name}":"x"`),
    name,
    /set by the node/,
  ]),
  ['null under the name for', 'readings', reading('"for":null,"powerW":1'), 'for', /finite/],
  ['an empty device', 'readings', device(''), 'device', /1 to 64/],
  ['a device of 65 characters', 'readings', device('d'.repeat(65)), 'device', /1 to 64/],
  ['a colon in a device', 'readings', device('a:b'), 'device', /1 to 64/],
  ['a space in a device', 'readings', device('a b'), 'device', /1 to 64/],
  ['a line end behind a device', 'readings', device('a\n'), 'device', /1 to 64/],
  ['a slash in a device', 'readings', device('a/b'), 'device', /1 to 64/],
  ['letters beyond ASCII in a device', 'readings', device('é'), 'device', /1 to 64/],
  ['a number as a device', 'readings', `{"device":5,${AT},"powerW":1}`, 'device', /must be a text/],
  ['a number as a time', 'readings', '{"device":"m1","at":1772366400,"powerW":1}', 'at', /must be a text/],
  ['null as a time', 'readings', '{"device":"m1","at":null,"powerW":1}', 'at', /must be a text/],
  ...[
    '',
    '2026-03-01',
    '2026-03-01T12:00:00',
    '2026-03-01T12:00Z',
    '2026-02-30T12:00:00Z',
    '2027-02-29T12:00:00Z',
    '2026-13-01T12:00:00Z',
    '2026-00-01T12:00:00Z',
    '2026-03-00T12:00:00Z',
    '2026-03-01T24:00:00Z',
    '2026-03-01T12:60:00Z',
    '2026-12-31T23:59:60Z',
    '2026-03-01T12:00:00+24:00',
    '2026-03-01T12:00:00+01:60',
    '2026-03-01T12:00:00+0100',
    '2026-03-01T12:00:00.Z',
    '2026-03-01T12:00:00,5Z',
    ' 2026-03-01T12:00:00Z',
    '2026-03-01T12:00:00Z\n',
    '0000-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '+10000-01-01T00:00:00Z',
    '-0001-01-01T00:00:00Z',
    '٢٠٢٦-03-01T12:00:00Z',
    'now',
  ].map((time): [string, Resource, string, string, RegExp] => [
    `the time ${JSON.stringify(time)}`,
    'readings',
    at(time),
    'at',
    /RFC 3339/,
  ]),
  ['no model', 'predictions', `{"device":"m1",${AT},"kw":1}`, 'model', /missing/],
  ['a prediction without output', 'predictions', `{"model":"pv",${AT}}`, '', /no measurement/],
  ['a prediction for a bad time', 'predictions', prediction(',"for":"tomorrow"'), 'for', /RFC 3339/],
  ['a prediction for a bad device', 'predictions', prediction(',"device":"-:"'), 'device', /1 to 64/],
];

describe('a posted document', () => {
  let folder: string;
  let node: EdgeNode;

  before(async () => {
    folder = await createTempFolder();
    node = await startNode(folder);
  });

  after(async () => {
    await node.stop();
    await removeFolder(folder);
  });

  it('is kept as given when it is as the contract says', async () => {
    for (const [name, resource, document, [field, value]] of GOOD) {
      // A node of its own for each case: the cases would contradict one another under one id.
      const folderOfCase = await createTempFolder();
      const own = await startNode(folderOfCase);
      try {
        const { status, text: answer } = await postText(own.url, resource, document);
        expect([name, status], answer).to.deep.equal([name, 201]);
        const [stored] = await listAll(own.url, resource);
        expect(Object.hasOwn(stored ?? {}, field), name).to.equal(true);
        expect(stored?.[field], name).to.equal(value);
      } finally {
        await own.stop();
        await removeFolder(folderOfCase);
      }
    }
  });

  it('is refused whole when it is not, with its place, the field and the reason', async () => {
    const before = (await node.status()).store.lastSeq;
    const good = '{"device":"good","at":"2026-03-01T00:00:00Z","powerW":1}';
    const goodPrediction = '{"model":"good","at":"2026-03-01T00:00:00Z","kw":1}';
    for (const [name, resource, document, path, reason] of BAD) {
      const first = resource === 'readings' ? good : goodPrediction;
      const { status, body, text: answer } = await postText(node.url, resource, `[${first},${document}]`);
      expect([name, status, body.error?.code], answer).to.deep.equal([name, 400, 'invalid_request']);
      const details = body.error?.details ?? [];
      expect(new Set(details.map(({ index }) => index)), name).to.deep.equal(new Set([1]));
      const blamed = details.find((detail) => (detail.path ?? '') === path && reason.test(detail.message));
      expect(blamed, `${name}: ${answer}`).to.not.equal(undefined);
      expect(body.error?.message, name)
        .to.match(/^document 1: /)
        .and.to.match(reason);
    }
    expect((await node.status()).store.lastSeq).to.equal(before);
  });

  it('of more than 16 KiB is too large', async () => {
    const large = reading(fields(64, text(256, '\u20ac')));
    const { status, body } = await postText(node.url, 'readings', large);
    expect([status, body.error?.code]).to.deep.equal([413, 'too_large']);
    expect(body.error?.message).to.equal('document 0: is larger than 16384 bytes');
  });

  it('that is bad in many ways is described in a bounded answer', async () => {
    const many = `[${upTo(5000)
      .map(() => '{"Bad":1}')
      .join(',')}]`;
    const { status, body, text: answer } = await postText(node.url, 'readings', many);
    expect(status).to.equal(400);
    expect(body.error?.message).to.contain('(and 4999 more)');
    expect(body.error?.details).to.have.length(100);
    expect(answer.length).to.be.lessThan(50_000);
  });
});
