import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useTempFolder } from '../../support/temp-folder.js';
import { upTo } from '../ledger/store-under-test.js';
import { type Answer, listAll, post, postText, rawRequest } from './node-client.js';
import { SEGMENT_SIZES, useNodes } from './node-under-test.js';

const reading = (n: number, fields: object = { powerW: n }) => ({
  device: 'm1',
  at: new Date(Date.UTC(2026, 2, 1, 0, 0, n)).toISOString(),
  ...fields,
});

const NDJSON = { 'Content-Type': 'application/x-ndjson' };
const LIMIT_BYTES = 8 * 1024 * 1024;

/** Fails unless the answer is an error of the contract's shape. */
function expectError(answer: Answer, status: number, code: string, message?: string | RegExp): void {
  expect([answer.status, answer.body.error?.code], answer.text).to.deep.equal([status, code]);
  expect(answer.text).to.not.match(/\n\s+at |node_modules|\.js:\d/);
  if (message instanceof RegExp) expect(answer.body.error?.message).to.match(message);
  else if (message !== undefined) expect(answer.body.error?.message).to.equal(message);
}

for (const SEGMENT_MAX_DOCS of SEGMENT_SIZES) {
  describe(`POST of telemetry (rolls at ${SEGMENT_MAX_DOCS})`, () => {
    const nodes = useNodes();
    const folder = useTempFolder();
    const start = async (settings: Record<string, string> = {}) =>
      (await nodes.start(folder.path, { SEGMENT_MAX_DOCS, ...settings })).url;

    it('takes an object, an array or lines, plain or gzip, and keeps what it was given beside what the node adds', async () => {
      const url = await start();
      const lines = `${JSON.stringify(reading(3))}\n\n  ${JSON.stringify(reading(4))}\r\n`;
      const answers = [
        await post(url, 'readings', reading(1)),
        await post(url, 'readings', [reading(2)]),
        await postText(url, 'readings', lines, { headers: NDJSON }),
        await postText(url, 'readings', gzipSync(JSON.stringify([reading(5)])), {
          headers: { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json; charset=utf-8' },
        }),
        await postText(url, 'readings', gzipSync(JSON.stringify(reading(6))), {
          headers: { ...NDJSON, 'Content-Encoding': 'gzip' },
        }),
        await postText(url, 'readings', `\ufeff${JSON.stringify(reading(7))}`),
      ];
      expect(answers.map(({ status, body }) => [status, body.accepted, body.lastSeq])).to.deep.equal([
        [201, 1, 2],
        [201, 1, 3],
        [201, 2, 5],
        [201, 1, 6],
        [201, 1, 7],
        [201, 1, 8],
      ]);
      const listed = await listAll(url, 'readings');
      expect(listed.map(({ seq }) => seq)).to.deep.equal([2, 3, 4, 5, 6, 7, 8]);
      const { _rev, node, ...first } = listed[0] ?? {};
      expect(first).to.deep.equal({
        ...reading(1),
        ...{ _id: `kano:r:m1:${reading(1).at}`, type: 'reading', village: 'kano', seq: 2, boot: 1 },
      });
      expect(_rev).to.match(/^1-[0-9a-f]{12}$/);
      expect(node).to.match(/^[a-z0-9]{4,12}$/);
    });

    it('keeps a village in lower case, and times as UTC with milliseconds', async () => {
      const url = await start({ VILLAGE_ID: 'Bamenda' });
      await post(url, 'readings', { device: 'M1', at: '2026-03-01T13:00:00.1239+01:00', powerW: 1 });
      await post(url, 'predictions', {
        model: 'pv',
        at: '2026-03-01t06:00:00z',
        for: '2026-03-02 06:00:00+00:00',
        kw: 2,
      });
      await post(url, 'predictions', { model: 'pv', device: 'roof.1', at: '2026-03-01T06:00:00Z', kw: 3 });
      const ids = [...(await listAll(url, 'readings')), ...(await listAll(url, 'predictions'))].map(({ _id }) => _id);
      expect(ids).to.deep.equal([
        'bamenda:r:M1:2026-03-01T12:00:00.123Z',
        'bamenda:p:pv:roof.1:2026-03-01T06:00:00.000Z:2026-03-01T06:00:00.000Z',
        'bamenda:p:pv:-:2026-03-02T06:00:00.000Z:2026-03-01T06:00:00.000Z',
      ]);
    });

    it('tells new, repeated and contradicting documents apart, and leaves nothing of a refused request', async () => {
      const url = await start();
      expect((await post(url, 'readings', [reading(1), reading(2)])).body).to.include({ accepted: 2, duplicates: 0 });
      const again = await post(url, 'readings', [
        reading(2),
        reading(3),
        { powerW: 3, at: reading(3).at, device: 'm1' },
      ]);
      expect([again.status, again.body]).to.deep.equal([201, { accepted: 1, duplicates: 2, lastSeq: 4 }]);
      const conflict = await post(url, 'readings', [reading(4), reading(2, { powerW: -2 }), reading(5)]);
      expectError(conflict, 409, 'conflict', `kano:r:m1:${reading(2).at} is already stored with other content`);
      expect(conflict.body.error?.details?.map(({ index }) => index)).to.deep.equal([1]);
      const twice = await post(url, 'readings', [reading(6), reading(6, { powerW: 0 })]);
      expectError(twice, 409, 'conflict');
      expect(twice.body.error?.details?.map(({ index }) => index)).to.deep.equal([1]);
      expect((await listAll(url, 'readings')).map(({ powerW }) => powerW)).to.deep.equal([1, 2, 3]);
      expect((await post(url, 'readings', reading(7))).body.lastSeq).to.equal(5);
    });

    it('takes what is good and names what is not, by its place in the request, when asked for a part', async () => {
      const url = await start();
      await post(url, 'readings', [reading(1), reading(2)]);
      const lines = [
        reading(1),
        reading(3),
        '{"device":',
        reading(2, { powerW: -2 }),
        reading(4, { Powerw: 1 }),
        { at: reading(5).at, powerW: 1 },
        reading(6),
        reading(3, { powerW: -3 }),
        reading(3),
        reading(7, Object.fromEntries(upTo(64).map((n) => [`t${n}`, '\u20ac'.repeat(256)]))),
        '7',
        reading(8),
      ].map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
      const { status, body } = await postText(url, 'readings', lines.join('\n'), {
        query: '?partial=true',
        headers: NDJSON,
      });
      expect([status, body.accepted, body.duplicates, body.lastSeq]).to.deep.equal([200, 3, 2, 6]);
      expect(body.refused?.map(({ index, code }) => [index, code])).to.deep.equal([
        [2, 'invalid_request'],
        [3, 'conflict'],
        [4, 'invalid_request'],
        [5, 'invalid_request'],
        [7, 'conflict'],
        [9, 'too_large'],
        [10, 'invalid_request'],
      ]);
      expect(body.refused?.[2]?.message).to.match(/^Powerw is not a measurement name/);
      expect(body.refused?.[3]?.message).to.equal('device is missing');
      expect(body.refused?.[6]?.message).to.equal('is not a JSON object');
      expect((await listAll(url, 'readings')).map(({ powerW }) => powerW)).to.deep.equal([1, 2, 3, 6, 8]);
    });

    it('answers a part of nothing good with what was refused', async () => {
      const url = await start();
      const { status, body } = await post(url, 'readings', [{}, 5], '?partial=true');
      expect([status, body.accepted, body.duplicates, body.lastSeq]).to.deep.equal([200, 0, 0, 1]);
      expect(body.refused?.map(({ index }) => index)).to.deep.equal([0, 1]);
      expectError(
        await post(url, 'readings', reading(1), '?partial=yes'),
        400,
        'invalid_request',
        /^the parameter partial must/,
      );
      expectError(
        await post(url, 'readings', reading(1), '?part=true'),
        400,
        'invalid_request',
        /^the parameter part is not/,
      );
      expect((await post(url, 'readings', reading(1), '?partial=false')).status).to.equal(201);
    });

    it('gives rapid posts of one device without a time a time each', async () => {
      const url = await start();
      const answers = await Promise.all(upTo(500).map(() => post(url, 'readings', { device: 'm1', powerW: 1 })));
      expect(new Set(answers.map(({ status, body }) => `${status} ${body.accepted}`))).to.deep.equal(
        new Set(['201 1']),
      );
      const listed = await listAll(url, 'readings');
      expect(listed).to.have.length(500);
      expect(listed.map(({ seq }) => seq).sort((a, b) => a - b)).to.deep.equal(upTo(501).slice(1));
      for (const { at } of listed) expect(Math.abs(Date.parse(at) - Date.now())).to.be.lessThan(60_000);
    });

    it('refuses a body that is not what it says, with the reason, and stores nothing', async () => {
      const url = await start();
      const gzip = { 'Content-Encoding': 'gzip' };
      const good = JSON.stringify(reading(1));
      const whole = gzipSync(good);
      const cases: [string, string | Buffer, Record<string, string>, number, string][] = [
        ['an empty body', '', {}, 400, 'invalid_request'],
        ['an empty body of lines', '', NDJSON, 400, 'invalid_request'],
        ['blank lines', '\n \r\n', NDJSON, 400, 'invalid_request'],
        ['an empty array', '[]', {}, 400, 'invalid_request'],
        ['broken JSON', '{"device":', {}, 400, 'invalid_request'],
        ['a broken line', `${good}\n{`, NDJSON, 400, 'invalid_request'],
        ['two documents without an array', `${good}${good}`, {}, 400, 'invalid_request'],
        ['a number', '5', {}, 400, 'invalid_request'],
        ['null', 'null', {}, 400, 'invalid_request'],
        ['an array in an array', `[[${good}]]`, {}, 400, 'invalid_request'],
        ['an array as a line', `[${good}]`, NDJSON, 400, 'invalid_request'],
        ['NaN', good.replace('"powerW":1', '"powerW":NaN'), {}, 400, 'invalid_request'],
        ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), {}, 400, 'invalid_request'],
        ['bytes that are not gzip', Buffer.from(good), gzip, 400, 'invalid_request'],
        ['gzip that breaks off', whole.subarray(0, whole.length - 12), gzip, 400, 'invalid_request'],
        ['gzip of nothing', gzipSync(''), gzip, 400, 'invalid_request'],
        ['deep nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, {}, 400, 'invalid_request'],
        [
          'nested objects',
          `{"device":"m1","a":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
          {},
          400,
          'invalid_request',
        ],
        ['an unknown encoding', good, { 'Content-Encoding': 'compress' }, 415, 'unsupported_media_type'],
        [
          'gzip in gzip',
          gzipSync(new Uint8Array(whole)),
          { 'Content-Encoding': 'gzip, gzip' },
          415,
          'unsupported_media_type',
        ],
        ['a form', 'device=m1', { 'Content-Type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
        ['text', good, { 'Content-Type': 'text/plain' }, 415, 'unsupported_media_type'],
        ['a malformed type', good, { 'Content-Type': 'json' }, 415, 'unsupported_media_type'],
        ['more than 8 MiB', 'x'.repeat(LIMIT_BYTES + 1), {}, 413, 'too_large'],
        ['gzip of more than 8 MiB', gzipSync(new Uint8Array(64 * 1024 * 1024)), gzip, 413, 'too_large'],
        ['20,001 documents', `[${'{},'.repeat(20_000)}{}]`, {}, 413, 'too_large'],
        ['20,001 lines', '{}\n'.repeat(20_001), NDJSON, 413, 'too_large'],
      ];
      for (const [name, body, headers, status, code] of cases) {
        const answer = await postText(url, 'readings', body, { headers });
        expect([name, answer.status, answer.body.error?.code]).to.deep.equal([name, status, code]);
        expectError(answer, status, code);
        expect(answer.body.error?.message, name).to.have.length.within(10, 400);
      }
      const partial = await postText(url, 'readings', '{"device":', { query: '?partial=true' });
      expectError(partial, 400, 'invalid_request');
      expect(await listAll(url, 'readings')).to.deep.equal([]);
      expect((await post(url, 'readings', reading(1))).body.lastSeq).to.equal(2);
    });

    it('says what is missing when there is no body or no content type at all', async () => {
      const url = await start();
      const headOf = (lines: string[]) =>
        ['POST /v1/readings HTTP/1.1', 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n');
      const noBody = await rawRequest(url, headOf(['Content-Type: application/json']));
      expect(noBody)
        .to.match(/^HTTP\/1.1 400 /)
        .and.to.contain('"code":"invalid_request"');
      const noType = await rawRequest(url, `${headOf(['Content-Length: 2'])}{}`);
      expect(noType)
        .to.match(/^HTTP\/1.1 415 /)
        .and.to.contain('the content type must be application/json');
    });

    // Rolling every seventh of so many documents would test patience only.
    const itOnce = SEGMENT_MAX_DOCS === '7' ? () => undefined : it;
    itOnce('takes as much as the contract says: 8 MiB, 20,000 documents', async function () {
      this.timeout(60_000);
      const url = await start();
      const many = upTo(20_000).map((n) => reading(n));
      expect((await post(url, 'readings', many)).body).to.include({ accepted: 20_000, lastSeq: 20_001 });
      const padded = `${JSON.stringify(reading(30_000)).padEnd(LIMIT_BYTES, ' ')}`;
      expect((await postText(url, 'readings', padded)).status).to.equal(201);
      expect((await postText(url, 'readings', `${padded} `)).status).to.equal(413);
    });
  });
}
