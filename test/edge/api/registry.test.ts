import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useTempFolder } from '../../support/temp-folder.js';
import { ask } from './node-client.js';
import { useNodes } from './node-under-test.js';
import { askRegistry, putDocument, type RegistryAnswer } from './registry-client.js';

const METER = { model: 'SDM-120', serial: '4711', role: 'customer' };
const TARIFF = { currency: 'XAF', pricePerKwh: 150, validFrom: '2099-01-01' };

function expectError({ status, body, text }: RegistryAnswer, wanted: number, code: string): void {
  expect([status, body.error?.code], text).to.deep.equal([wanted, code]);
  expect(text).to.not.match(/\n\s+at |node_modules|\.js:\d/);
}

describe('the registry over REST', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  it('stores a new document with 201, shows it with its entity tag, and keeps it over a restart', async () => {
    const first = await nodes.start(folder.path);
    const put = await askRegistry(first.url, 'PUT', 'registry/device/m1', { body: { ...METER, colour: 'blue' } });
    expect(put.status, put.text).to.equal(201);
    expect(put.body).to.include({ ...METER, colour: 'blue', _id: 'device:m1', type: 'device', id: 'm1' });
    expect(put.body.author).to.equal('village:kano');
    expect(put.etag).to.equal(`"${put.body._rev}"`);
    await first.stop();
    const { url } = await nodes.start(folder.path);
    const got = await askRegistry(url, 'GET', 'registry/device/m1');
    expect([got.status, got.etag, got.body]).to.deep.equal([200, put.etag, put.body]);
  });

  it('lists everything, or a type, and nothing where there is nothing', async () => {
    const { url } = await nodes.start(folder.path);
    expect((await askRegistry(url, 'GET', 'registry')).body).to.deep.equal({ items: [] });
    await putDocument(url, 'device/m2', METER);
    await putDocument(url, 'device/m1', METER);
    await putDocument(url, 'tariff/t1', TARIFF);
    const ids = async (path: string) => (await askRegistry(url, 'GET', path)).body.items?.map(({ _id }) => _id);
    expect(await ids('registry')).to.deep.equal(['device:m1', 'device:m2', 'tariff:t1']);
    expect(await ids('registry/device')).to.deep.equal(['device:m1', 'device:m2']);
    expect(await ids('registry/profile')).to.deep.equal([]);
  });

  it('answers 304 to a read that names the tag, and the document to one that names another', async () => {
    const { url } = await nodes.start(folder.path);
    const etag = await putDocument(url, 'device/m1', METER);
    for (const [header, status] of [
      [etag, 304],
      [`W/${etag}`, 304],
      [`"1-0", ${etag}`, 304],
      ['*', 304],
      ['"1-0"', 200],
      [etag.replaceAll('"', ''), 200],
    ] as const) {
      const answer = await askRegistry(url, 'GET', 'registry/device/m1', { headers: { 'If-None-Match': header } });
      expect([header, answer.status, answer.etag, answer.text === ''], header).to.deep.equal([
        ...[header, status, etag],
        status === 304,
      ]);
    }
  });

  it('edits and deletes what the caller has seen, and nothing that he has not', async () => {
    const { url } = await nodes.start(folder.path);
    const first = await putDocument(url, 'device/m1', METER);
    const second = await putDocument(url, 'device/m1', { ...METER, phase: 2 }, first);
    expect(second).to.not.equal(first);
    const body = { ...METER, phase: 3 };
    const unseen = { headers: { 'If-Match': first } };
    expectError(await askRegistry(url, 'PUT', 'registry/device/m1', { body }), 428, 'precondition_required');
    expectError(await askRegistry(url, 'PUT', 'registry/device/m1', { body, ...unseen }), 412, 'precondition_failed');
    expectError(await askRegistry(url, 'DELETE', 'registry/device/m1'), 428, 'precondition_required');
    expectError(await askRegistry(url, 'DELETE', 'registry/device/m1', unseen), 412, 'precondition_failed');
    const got = await askRegistry(url, 'GET', 'registry/device/m1');
    expect([got.etag, got.body.phase]).to.deep.equal([second, 2]);
    const deleted = await askRegistry(url, 'DELETE', 'registry/device/m1', { headers: { 'If-Match': second } });
    expect([deleted.status, deleted.text]).to.deep.equal([204, '']);
    expectError(await askRegistry(url, 'GET', 'registry/device/m1'), 404, 'not_found');
    expectError(await askRegistry(url, 'DELETE', 'registry/device/m1', unseen), 404, 'not_found');
    expect((await askRegistry(url, 'GET', 'registry')).body.items).to.deep.equal([]);
  });

  it('takes one of several edits of the same revision at the same time, and tells the others', async () => {
    const { url } = await nodes.start(folder.path);
    const etag = await putDocument(url, 'device/m1', METER);
    const edits = Array.from({ length: 8 }, (_, phase) =>
      askRegistry(url, 'PUT', 'registry/device/m1', {
        body: { ...METER, note: `edit ${phase}` },
        headers: { 'If-Match': etag },
      }),
    );
    const statuses = (await Promise.all(edits)).map(({ status }) => status);
    expect(statuses.toSorted()).to.deep.equal([200, ...Array(7).fill(412)]);
    expect((await askRegistry(url, 'GET', 'conflicts')).body).to.deep.equal({ items: [] });
  });

  it('refuses what it cannot take, names the field, and stores nothing', async () => {
    const { url } = await nodes.start(folder.path);
    const json = { 'Content-Type': 'application/json' };
    for (const [path, body, status, code, named] of [
      ['device/m1', { model: 'x', role: 'customer' }, 400, 'invalid_request', 'serial'],
      ['device/m1', { ...METER, role: 'boss' }, 400, 'invalid_request', 'role'],
      ['device/m1', [METER], 400, 'invalid_request', undefined],
      ['device/m1', undefined, 400, 'invalid_request', undefined],
      ['device/a%20b', METER, 400, 'invalid_request', undefined],
      [`device/${'x'.repeat(65)}`, METER, 400, 'invalid_request', undefined],
      ['threshold/t', { field: 'powerW', low: 2, high: 1 }, 400, 'invalid_request', 'low'],
      ['threshold/t', { field: 'powerW' }, 400, 'invalid_request', 'high'],
      ['gadget/m1', METER, 404, 'not_found', undefined],
      ['device/m1', { ...METER, note: 'x'.repeat(20_000) }, 413, 'too_large', undefined],
      ['device/m1', { ...METER, note: 'x'.repeat(70_000) }, 413, 'too_large', undefined],
    ] as const) {
      const answer = await askRegistry(url, 'PUT', `registry/${path}`, { body });
      expectError(answer, status, code);
      if (named) expect(answer.body.error?.details?.map((detail) => detail.path)).to.include(named);
    }
    const broken = await ask(`${url}/v1/registry/device/m1`, { method: 'PUT', headers: json, body: '{"model"' });
    expect([broken.status, broken.body.error?.code]).to.deep.equal([400, 'invalid_request']);
    const typed = await ask(`${url}/v1/registry/device/m1`, { method: 'PUT', body: 'model=x' });
    expect([typed.status, typed.body.error?.code]).to.deep.equal([415, 'unsupported_media_type']);
    expectError(await askRegistry(url, 'GET', 'registry?tpye=device'), 400, 'invalid_request');
    expectError(await askRegistry(url, 'GET', 'registry/gadget'), 404, 'not_found');
    expect((await askRegistry(url, 'GET', 'registry')).body.items).to.deep.equal([]);
    expect((await askRegistry(url, 'GET', 'history')).body).to.deep.equal({ items: [] });
  });

  it('does not let a price that is valid be edited or go, one of the future yes', async () => {
    const { url } = await nodes.start(folder.path);
    const past = await putDocument(url, 'tariff/old', { ...TARIFF, validFrom: '2020-01-01' });
    const future = await putDocument(url, 'tariff/new', TARIFF);
    const body = { ...TARIFF, validFrom: '2020-01-01', pricePerKwh: 1 };
    const headers = { 'If-Match': past };
    expectError(await askRegistry(url, 'PUT', 'registry/tariff/old', { body, headers }), 409, 'conflict');
    expectError(await askRegistry(url, 'DELETE', 'registry/tariff/old', { headers }), 409, 'conflict');
    await putDocument(url, 'tariff/new', { ...TARIFF, pricePerKwh: 1 }, future);
  });

  it('tells what was done, newest first, of a document or of all, page by page', async () => {
    const { url } = await nodes.start(folder.path);
    let etag = await putDocument(url, 'device/m1', METER);
    await putDocument(url, 'device/m2', METER);
    for (const phase of [1, 2, 3]) etag = await putDocument(url, 'device/m1', { ...METER, phase }, etag);
    await askRegistry(url, 'DELETE', 'registry/device/m1', { headers: { 'If-Match': etag } });
    const all = (await askRegistry(url, 'GET', 'history')).body;
    expect(all).to.not.have.property('next');
    expect(all.items?.map(({ of, kind }) => `${kind} ${of}`)).to.deep.equal([
      'deletion device:m1',
      ...Array(3).fill('edit device:m1'),
      'edit device:m2',
      'edit device:m1',
    ]);
    expect(all.items?.[1]?.changes).to.deep.equal({ phase: { from: 2, to: 3 } });
    expect(all.items?.[1]?.authors).to.deep.equal(['village:kano']);
    for (const path of ['history', 'registry/device/m1/history']) {
      const whole = (await askRegistry(url, 'GET', path)).body.items;
      const found: unknown[] = [];
      let next: string | undefined;
      do {
        const before = next === undefined ? '' : `&before=${encodeURIComponent(next)}`;
        const { body } = await askRegistry(url, 'GET', `${path}?limit=2${before}`);
        expect(body.items?.length).to.be.within(1, 2);
        found.push(...(body.items ?? []));
        next = body.next;
      } while (next !== undefined);
      expect(found).to.deep.equal(whole);
    }
    expect((await askRegistry(url, 'GET', 'registry/device/none/history')).body).to.deep.equal({ items: [] });
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'before=', 'after=1', 'limit=1&limit=2']) {
      expectError(await askRegistry(url, 'GET', `history?${query}`), 400, 'invalid_request');
    }
  });

  it('needs the token where one is set, and says what methods there are', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: 'a-token-nobody-guesses' });
    const paths = ['registry', 'registry/device', 'registry/device/m1', 'registry/device/m1/history', 'history'];
    for (const path of [...paths, 'conflicts', 'conflicts/device/m1']) {
      for (const method of ['GET', 'PUT', 'DELETE', 'POST']) {
        expectError(await askRegistry(url, method, path), 401, 'unauthorized');
      }
    }
    const headers = { Authorization: 'Bearer a-token-nobody-guesses' };
    for (const [method, path, allow] of [
      ['POST', 'registry', 'GET'],
      ['PUT', 'registry/device', 'GET'],
      ['POST', 'registry/device/m1', 'GET, PUT, DELETE'],
      ['DELETE', 'registry/device/m1/history', 'GET'],
      ['POST', 'history', 'GET'],
      ['POST', 'conflicts', 'GET'],
      ['GET', 'conflicts/device/m1', 'POST'],
    ] as const) {
      const answer = await askRegistry(url, method, path, { headers });
      expectError(answer, 405, 'method_not_allowed');
      expect([path, answer.headers.get('allow')]).to.deep.equal([path, allow]);
    }
  });
});
