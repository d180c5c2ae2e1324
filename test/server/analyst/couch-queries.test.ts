/** CouchDB's own queries as analysts ask them, on every store; what CouchDB alone can answer, on CouchDB. */
import http from 'node:http';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { CouchClient } from '../../../server/store/couch-client.js';
import { waitFor } from '../../support/wait-for.js';
import { Centre, json, type VillageLogin } from '../support/centre.js';
import { event, prediction, readings, type Sent } from '../support/documents.js';
import { FakeCouch } from '../support/fake-couch.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

interface Row {
  id: string;
  key: unknown;
  value: { rev: string };
  doc?: Sent;
}

const KANO = '/telemetry/_partition/kano';

/** Parameters as CouchDB wants them: JSON, URL-encoded. */
function query(parameters: Record<string, unknown>): string {
  const texts = Object.entries(parameters).map(([name, value]): [string, string] => [name, JSON.stringify(value)]);
  return `?${new URLSearchParams(texts)}`;
}

/** The status of an analyst's GET with the path as it is, which fetch would tidy up. */
function rawStatus(centre: Centre, path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(centre.url);
  const headers = { Authorization: `Bearer ${centre.tokens.analyst}` };
  return new Promise((resolve, reject) => {
    const asked = http.get({ hostname, port, path, headers, agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    });
    asked.once('error', reject);
  });
}

for (const kind of STORES) {
  describe(`CouchDB's queries for analysts on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    const sent = [...readings('kano', 1203), prediction('kano', 2000), event('kano', 2001)];
    const inOrder = [...sent].sort((a, b) => (a._id < b._id ? -1 : 1));
    const ids = inOrder.map(({ _id }) => _id);
    let centre: Centre;
    let kano: VillageLogin;

    before(async () => {
      centre = await Centre.start(kind);
      kano = await centre.addVillage('kano');
      const other = await centre.addVillage('kano-2');
      await centre.push(kano, sent);
      await centre.push(other, readings('kano-2', 20));
    });
    after(() => centre.stop());

    const rows = async (parameters: Record<string, unknown>, path = `${KANO}/_all_docs`): Promise<Row[]> => {
      const response = await centre.analyst(path + query(parameters));
      expect(response.status, await response.clone().text()).to.equal(200);
      expect(response.headers.get('content-type')).to.match(/^application\/json/);
      expect(response.headers.get('x-content-type-options')).to.equal('nosniff');
      return ((await response.json()) as { rows: Row[] }).rows;
    };
    const listedIds = async (parameters: Record<string, unknown>) => (await rows(parameters)).map(({ id }) => id);

    it('lists the documents of one village, all of them and no other', async () => {
      const all = await rows({});
      expect(all).to.deep.equal(inOrder.map(({ _id, _rev }) => ({ id: _id, key: _id, value: { rev: _rev } })));
      const whole = await rows({ include_docs: true });
      expect(whole.map(({ doc }) => doc)).to.deep.equal(inOrder);
      expect(await rows({}, '/telemetry/_partition/Kano/_all_docs')).to.have.length(1205);
      expect(await rows({}, '/telemetry/_partition/nowhere/_all_docs')).to.deep.equal([]);
    });

    it('answers ranges of ids exactly, in both directions', async () => {
      const [from, to] = [String(ids[100]), String(ids[900])];
      expect(await listedIds({ startkey: from, endkey: to })).to.deep.equal(ids.slice(100, 901));
      expect(await listedIds({ start_key: from, end_key: to, inclusive_end: false })).to.deep.equal(
        ids.slice(100, 900),
      );
      expect(await listedIds({ startkey: to, endkey: from, descending: true, inclusive_end: false })).to.deep.equal(
        ids.slice(101, 901).reverse(),
      );
      expect(await listedIds({ descending: true, skip: 600, limit: 550 })).to.deep.equal(
        [...ids].reverse().slice(600, 1150),
      );
      expect(await listedIds({ startkey: from, skip: 2, limit: 3 })).to.deep.equal(ids.slice(102, 105));
      expect(await listedIds({ skip: 1205 })).to.deep.equal([]);
      expect(await listedIds({ limit: 0 })).to.deep.equal([]);
      expect(await listedIds({ key: from })).to.deep.equal([from]);
      expect(await listedIds({ key: `${from}x` })).to.deep.equal([]);
      expect(await listedIds({ startkey: to, endkey: from })).to.deep.equal([]);
      const series = { startkey: 'kano:r:m3:2026-03-01T00:05', endkey: 'kano:r:m3:2026-03-01T00:10' };
      expect(await listedIds(series)).to.deep.equal(ids.filter((id) => id >= series.startkey && id <= series.endkey));
    });

    it('shows nothing beyond the village whatever range is asked for', async () => {
      for (const beyond of [
        { startkey: 'kano-2:', endkey: 'kano-2:\ufff0' },
        { key: 'kano-2:r:m0:2026-03-01T00:00:00.000Z' },
        { startkey: '_design/', endkey: '_design0' },
        { startkey: 'z' },
        { endkey: 'a' },
      ]) {
        expect(await listedIds(beyond), JSON.stringify(beyond)).to.deep.equal([]);
      }
      expect(await listedIds({ startkey: '', endkey: 'zzz' })).to.deep.equal(ids);
    });

    it('names the parameter that is wrong, in CouchDB’s form', async () => {
      for (const [name, value] of [
        ['startkey', 'nonsense'],
        ['limit', '-1'],
        ['limit', '1e9'],
        ['descending', 'yes'],
        ['callback', 'alert'],
        ['attachments', 'true'],
        ['feed', 'continuous'],
        ['__proto__', '1'],
        ['key', '['.repeat(40) + ']'.repeat(40)],
      ] as const) {
        const response = await centre.analyst(`${KANO}/_all_docs?${name}=${encodeURIComponent(value)}`);
        const body = (await response.json()) as { error: string; reason: string };
        expect([response.status, body.error], name).to.deep.equal([400, 'bad_request']);
        expect(body.reason).to.include(name);
      }
      expect((await centre.analyst(`${KANO}/_all_docs?limit=1&limit=2`)).status).to.equal(400);
      expect(await rawStatus(centre, '/telemetry/_partition/%2e%2e/_all_docs')).to.equal(400);
      expect((await centre.analyst('/telemetry/_partition/_design/_all_docs')).status).to.equal(400);
    });

    it('is for analysts alone and never writes', async () => {
      for (const path of ['_all_docs', '_find', '_design/a/_view/b']) {
        expect((await centre.as(kano, `${KANO}/${path}`)).status, path).to.equal(403);
        expect((await centre.as(kano, `${KANO}/${path}`, json({ selector: {} }))).status, path).to.equal(403);
        expect((await centre.anonymous(`${KANO}/${path}`)).status, path).to.equal(401);
        for (const method of ['PUT', 'DELETE', 'PATCH']) {
          expect((await centre.admin(`${KANO}/${path}`, { method })).status, `${method} ${path}`).to.equal(405);
        }
      }
      for (const path of ['_bulk_docs', '_purge', '_all_docs', '_find', '_index', '_design/a', '_changes', 'kano:x']) {
        const response = await centre.analyst(`/telemetry/${path}`, json({ docs: [], selector: {} }));
        expect([403, 404], path).to.include(response.status);
      }
    });

    it('goes on with the connection, or ends it, after a body far too large', async () => {
      const large = json({ selector: { a: 'x'.repeat(400_000) } });
      for (let count = 0; count < 3; count++) {
        // One that is cut while it is being sent is a refusal as well.
        const status = await centre.analyst(`${KANO}/_find`, large).then(
          (one) => one.status,
          () => 413,
        );
        expect(status).to.equal(413);
        expect(await rows({ limit: 1 })).to.have.length(1);
      }
    });

    it('answers HEAD without a body', async () => {
      const response = await centre.analyst(`${KANO}/_all_docs`, { method: 'HEAD' });
      expect([response.status, await response.text()]).to.deep.equal([200, '']);
    });

    if (kind === 'embedded') {
      it('says of what only a CouchDB can answer that it needs one', async () => {
        for (const response of [
          await centre.analyst(`${KANO}/_find`, json({ selector: {} })),
          await centre.analyst(`${KANO}/_design/receipts-1/_view/numbers`),
          await centre.analyst('/telemetry/_design/a/_view/b'),
          await centre.analyst(`${KANO}/_all_docs?keys=[]`),
          await centre.analyst(`${KANO}/_all_docs?update_seq=true`),
        ]) {
          const body = (await response.json()) as { error: string; reason: string };
          expect([response.status, body.error]).to.deep.equal([501, 'not_implemented']);
          expect(body.reason).to.match(/COUCHDB_URL/);
        }
      });
      return;
    }

    it('passes `_find` on, within the village', async () => {
      const find = async (body: object) => {
        const response = await centre.analyst(`${KANO}/_find`, json(body));
        return [response.status, (await response.json()) as Record<string, unknown> & { docs?: Sent[] }] as const;
      };
      const selector = { type: 'reading', powerW: { $gte: 200, $lt: 204 } };
      const [status, found] = await find({ selector, fields: ['powerW'], limit: 10, update: false, stable: false });
      expect([status, found.docs?.map(({ powerW }) => powerW).sort()]).to.deep.equal([200, [200, 201, 202, 203]]);
      expect((await find({ selector: { village: 'kano-2' } }))[1].docs).to.deep.equal([]);
      const [bad, refused] = await find({ selector: { powerW: { $nonsense: 1 } } });
      expect([bad, refused.error]).to.deep.equal([400, 'invalid_operator']);
      expect((await find({ selector: { powerW: { $regex: '(((' } } }))[0]).to.equal(400);
      const deep = JSON.parse(`${'{"$not":'.repeat(40)}{}${'}'.repeat(40)}`);
      for (const odd of [
        ...[{}, [], { selector: deep }, { selector: {}, docs: [] }, { selector: { a: { $regex: 'a'.repeat(257) } } }],
        { selector: { a: { $in: Array.from({ length: 3000 }, () => 1) } } },
      ]) {
        expect((await find(odd))[0], JSON.stringify(odd).slice(0, 60)).to.equal(400);
      }
      const form = { method: 'POST', body: '{"selector":{}}', headers: { 'Content-Type': 'text/plain' } };
      expect((await centre.analyst(`${KANO}/_find`, form)).status).to.equal(415);
      const large = json({ selector: { a: 'x'.repeat(70_000) } });
      expect((await centre.analyst(`${KANO}/_find`, large)).status).to.equal(413);
    });

    it('passes views on, of one village and over all', async () => {
      const counted = await rows({ group_level: 1 }, `${KANO}/_design/receipts-1/_view/numbers`);
      expect(counted.map(({ key, value }) => [key, (value as unknown as number[])[0]])).to.deep.equal([
        [['node1'], 1205],
      ]);
      const { couch } = centre.place;
      if (!couch) throw new Error('this store has no CouchDB');
      const map = "function (doc) { if (doc.type === 'reading') emit(doc.village, 1); }";
      await new CouchClient(couch).request({
        db: 'telemetry',
        path: '_design/analysts',
        method: 'PUT',
        body: { options: { partitioned: false }, views: { villages: { map, reduce: '_sum' } } },
      });
      const all = await rows({ group: true, stable: true, update: true }, '/telemetry/_design/analysts/_view/villages');
      expect(all).to.deep.equal([
        { key: 'kano', value: 1203 },
        { key: 'kano-2', value: 20 },
      ]);
      for (const [path, status] of [
        ['/telemetry/_design/analysts/_view/none', 404],
        ['/telemetry/_design/none/_view/none', 404],
        [`${KANO}/_design/analysts/_view/villages`, 400],
        ['/telemetry/_design/receipts-1/_view/numbers', 400],
      ] as const) {
        const response = await centre.analyst(path);
        expect(response.status, path).to.equal(status);
        expect(await response.json()).to.have.all.keys('error', 'reason');
      }
    });

    it('lets no name lead out of the view that was asked for', async () => {
      for (const name of ['%2e%2e', '..', '..%2f..', 'a%2f..', '%00', '.', '%ed%a0%80']) {
        for (const path of [`/telemetry/_design/${name}/_view/x`, `/telemetry/_design/x/_view/${name}`]) {
          expect([400, 403, 404], path).to.include(await rawStatus(centre, path));
        }
      }
    });
  });
}

describe('queries before a CouchDB that fails', () => {
  it('are a 503 with a time to try again while CouchDB is not there, and go on when it is', async () => {
    const couch = await FakeCouch.start();
    const centre = await Centre.start('embedded', {
      config: { couch: { url: couch.url, user: 'u', password: 'p', prefix: '' } },
    });
    try {
      const ask = async () => {
        const response = await centre.analyst(`${KANO}/_design/a/_view/b`);
        return [response.status, response.headers.get('retry-after') !== null, await response.json()] as const;
      };
      await waitFor(async () => (await ask())[0] === 200, { what: 'the centre to have its store' });
      couch.databases.delete('telemetry');
      const [status, tellsWhen, body] = await ask();
      expect([status, tellsWhen]).to.deep.equal([503, true]);
      expect(JSON.stringify(body)).to.include('is being made again').and.not.include('"p"');
      await waitFor(async () => (await ask())[0] === 200, { what: 'the database to be made again' });
      await couch.stop();
      expect((await ask()).slice(0, 2)).to.deep.equal([503, true]);
    } finally {
      await centre.stop();
      await couch.stop().catch(() => undefined);
    }
  });
});
