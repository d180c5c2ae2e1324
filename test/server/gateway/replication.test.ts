/** The replication endpoints as nodes and stock PouchDB use them, on every store. */
import { createHash } from 'node:crypto';
import net from 'node:net';
import zlib from 'node:zlib';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import PouchDB from 'pouchdb-node';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';
import { basic, Centre, json, type VillageLogin } from '../support/centre.js';
import { event, prediction, reading, readings } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

type Json = Record<string, unknown>;

for (const kind of STORES) {
  describe(`the gateway before the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    let kano: VillageLogin;
    let kaduna: VillageLogin;
    let next = 0;
    /** Readings of `kano` that no other test sends. */
    const fresh = (count: number) => {
      next += count;
      return readings('kano', count, next - count);
    };

    before(async () => {
      centre = await Centre.start(kind);
      kano = await centre.addVillage('kano');
      kaduna = await centre.addVillage('Kaduna');
    });
    after(() => centre.stop());

    const listed = async (village: string, path = 'readings') => {
      const text = await (await centre.analyst(`/v1/villages/${village}/${path}?format=ndjson`)).text();
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Json);
    };
    const listedIds = async (village: string) => new Set((await listed(village)).map((one) => one._id));

    it('introduces itself as solar-central with the name of its database', async () => {
      const first = (await (await centre.as(kano, '/')).json()) as Json;
      expect(first).to.have.nested.property('vendor.name', 'solar-central');
      expect(first).to.include({ couchdb: 'Welcome' });
      expect(first.features).to.include('accepts-br');
      expect(first.uuid).to.match(/^[0-9a-f]{32}$/);
      expect(first.version).to.match(/^3\.\d/);
      await centre.restart();
      expect(((await (await centre.as(kano, '/')).json()) as Json).uuid).to.equal(first.uuid);
      for (const path of ['/telemetry', '/telemetry/']) {
        const info = (await (await centre.as(kano, path)).json()) as Json;
        expect(info).to.include({ db_name: 'telemetry' });
        expect(info).to.include.keys('doc_count', 'update_seq', 'instance_start_time');
      }
    });

    it('takes a stock PouchDB replication, sends nothing again, and resumes with what is new', async () => {
      const folder = await createTempFolder();
      const source = new PouchDB(`${folder}/source`);
      try {
        const sent = [...fresh(120), prediction('kano', 1), event('kano', 1)];
        await source.bulkDocs(sent, { new_edits: false });
        const writes: number[] = [];
        const replicate = () => {
          const target = new PouchDB(`${centre.url}/telemetry`, {
            auth: { username: kano.id, password: kano.password },
            fetch: (url: string, init?: RequestInit) => {
              if (String(url).includes('_bulk_docs')) writes.push(JSON.parse(String(init?.body)).docs.length);
              return fetch(url, init);
            },
          });
          return PouchDB.replicate(source, target, { batch_size: 50 });
        };
        const first = await replicate();
        expect(first).to.include({ ok: true, docs_written: 122, doc_write_failures: 0 });
        const again = await replicate();
        expect(again).to.include({ ok: true, docs_read: 0, docs_written: 0 });
        await source.bulkDocs(fresh(3), { new_edits: false });
        expect(await replicate()).to.include({ ok: true, docs_read: 3, docs_written: 3 });
        expect(writes.reduce((sum, count) => sum + count, 0)).to.equal(125);
        const ids = await listedIds('kano');
        for (const { _id: id } of sent.slice(0, 120)) expect(ids.has(id)).to.equal(true);
        expect((await listed('kano', 'predictions')).map((one) => one._id)).to.deep.equal([prediction('kano', 1)._id]);
      } finally {
        await source.close();
        await removeFolder(folder);
      }
    });

    it('lets a village write its own documents only, and takes the good ones beside the others', async () => {
      const [own] = fresh(1);
      const foreign = reading('kaduna', 500);
      const disguised = { ...reading('kaduna', 501), village: 'kano' };
      const entries = await centre.push(kano, [foreign, own, disguised, null, { ...own, _id: `_design/${own?._id}` }]);
      expect(entries.map((entry) => [entry.ok ?? entry.error, entry.id])).to.deep.equal([
        ['forbidden', foreign._id],
        [true, own?._id],
        ['forbidden', disguised._id],
        ['forbidden', null],
        ['forbidden', `_design/${own?._id}`],
      ]);
      expect(await listed('kaduna')).to.deep.equal([]);
    });

    it('answers for each document on request, and names failures alone otherwise', async () => {
      const documents = fresh(3);
      const bad = { ...documents[1], seq: 0 };
      const docs = [documents[0], bad, documents[2]];
      const silent = await centre.as(kano, '/telemetry/_bulk_docs', json({ docs, new_edits: false }));
      expect(silent.status).to.equal(201);
      expect(await silent.json()).to.deep.equal([
        { id: bad._id, error: 'forbidden', reason: 'seq must be a whole number of 1 or more' },
      ]);
      const init = json({ docs, new_edits: false }, { Prefer: 'wait=5, return=representation' });
      const full = await centre.as(kano, '/telemetry/_bulk_docs', init);
      expect(full.headers.get('preference-applied')).to.equal('return=representation');
      const entries = (await full.json()) as Json[];
      expect(entries[0]).to.deep.equal({ id: documents[0]?._id, rev: documents[0]?._rev, ok: true });
      expect(entries[1]).to.include({ error: 'forbidden' });
      expect(entries[2]).to.deep.equal({ id: documents[2]?._id, rev: documents[2]?._rev, ok: true });
    });

    it('tells where a document is held under another number, and never rewrites one', async () => {
      const [document] = fresh(1);
      await centre.push(kano, [document]);
      const [held] = await centre.push(kano, [{ ...document, node: 'node9', seq: 4 }]);
      expect(held).to.deep.include({ ok: true, held: { node: document?.node, seq: document?.seq } });
      const [refused] = await centre.push(kano, [{ ...document, _rev: '2-ffffffffffff', powerW: -1 }]);
      expect(refused).to.deep.equal({
        id: document?._id,
        error: 'forbidden',
        reason: 'already held with other content',
      });
      const kept = (await listed('kano')).find((one) => one._id === document?._id);
      expect(kept).to.deep.equal(document);
    });

    it('takes gzip and Brotli, and refuses bombs, other encodings and broken bodies in one sentence each', async () => {
      const post = (body: Buffer | string, headers: Record<string, string> = {}) =>
        centre.as(kano, '/telemetry/_bulk_docs', { method: 'POST', headers, body: body as string });
      const gzip = { 'Content-Encoding': 'gzip' };
      const good = zlib.gzipSync(JSON.stringify({ docs: fresh(10), new_edits: false }));
      expect((await post(good, gzip)).status).to.equal(201);
      const br = { 'Content-Encoding': 'br' };
      const goodBrotli = zlib.brotliCompressSync(JSON.stringify({ docs: fresh(10), new_edits: false }));
      expect((await post(goodBrotli, br)).status).to.equal(201);
      const bomb = zlib.gzipSync(' '.repeat(200 * 1024 * 1024));
      const quickly = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } };
      const brotliBomb = zlib.brotliCompressSync(Buffer.alloc(200 * 1024 * 1024, ' '), quickly);
      const cases: [number, string, Response][] = [
        [413, 'too_large', await post(bomb, gzip)],
        [413, 'too_large', await post(brotliBomb, br)],
        [413, 'too_large', await post(Buffer.alloc(17 * 1024 * 1024, ' '))],
        [415, 'bad_content_type', await post(good, { 'Content-Encoding': 'compress' })],
        [400, 'bad_request', await post(good.subarray(0, 40), gzip)],
        [400, 'bad_request', await post('{"docs":[]}', gzip)],
        [400, 'bad_request', await post(goodBrotli.subarray(0, 40), br)],
        [400, 'bad_request', await post('{"docs":[]}', br)],
        [400, 'bad_request', await post(good, br)],
        [400, 'bad_request', await post('{"docs":[')],
        [400, 'bad_request', await post(Buffer.from([0x22, 0xff, 0x22]))],
        [400, 'bad_request', await post('[]')],
        [400, 'bad_request', await post('null')],
        [400, 'bad_request', await post('{"docs":{},"new_edits":false}')],
        [400, 'bad_request', await post('{"docs":[]}')],
        [400, 'bad_request', await post('{"docs":[],"new_edits":true}')],
      ];
      for (const [status, error, response] of cases) {
        const body = (await response.json()) as Json;
        expect([response.status, body.error], String(body.reason)).to.deep.equal([status, error]);
        expect(body.reason)
          .to.be.a('string')
          .and.not.match(/\bat .*:\d+|node_modules/);
      }
      const deep = `{"docs":[${'['.repeat(500_000)}${']'.repeat(500_000)}],"new_edits":false}`;
      expect((await post(deep)).status).to.equal(201);
      expect((await post('{"docs":[],"new_edits":false}')).status).to.equal(201);
    }).timeout(120_000);

    it('says of a body that is not what its encoding says that this is what is wrong', async () => {
      const gzip = zlib.gzipSync('{"docs":[],"new_edits":false}');
      const brotli = zlib.brotliCompressSync('{"docs":[],"new_edits":false}');
      for (const [body, coding] of [
        [gzip, 'br'],
        [brotli, 'gzip'],
        [gzip.subarray(0, 20), 'gzip'],
        [brotli.subarray(0, 20), 'br'],
      ] as const) {
        const headers = { 'Content-Encoding': coding };
        const response = await centre.as(kano, '/telemetry/_bulk_docs', { method: 'POST', headers, body });
        const { reason } = (await response.json()) as Json;
        expect([response.status, reason]).to.deep.equal([400, 'the body is not what its encoding says']);
      }
    });

    it('tells missing revisions without a word about other villages', async () => {
      const [held] = fresh(1);
      await centre.push(kano, [held]);
      const theirs = reading('kaduna', 900);
      await centre.push(kaduna, [theirs]);
      const ask = async (who: VillageLogin, body: unknown) => {
        const response = await centre.as(who, '/telemetry/_revs_diff', json(body));
        return [response.status, await response.json()] as const;
      };
      const id = String(held?._id);
      expect(await ask(kano, { [id]: [held?._rev] })).to.deep.equal([200, {}]);
      expect((await ask(kano, { [id]: [held?._rev, '1-abc'] }))[1]).to.deep.include({ [id]: { missing: ['1-abc'] } });
      const [, seen] = await ask(kano, { [theirs._id]: [theirs._rev], 'kaduna:r:x': ['1-a'], _design: ['1-b'] });
      expect(seen).to.deep.equal({
        [theirs._id]: { missing: [theirs._rev] },
        'kaduna:r:x': { missing: ['1-a'] },
        _design: { missing: ['1-b'] },
      });
      expect((await ask(kano, { [id]: ['nonsense'] }))[1]).to.deep.equal({ [id]: { missing: ['nonsense'] } });
      for (const odd of [[], 'x', null, { [id]: 'x' }, { [id]: [1] }]) expect((await ask(kano, odd))[0]).to.equal(400);
    });

    it('keeps checkpoints of each village apart, with revisions as in CouchDB', async () => {
      const path = `/telemetry/_local/${encodeURIComponent('a/b+c==')}`;
      expect((await centre.as(kano, path)).status).to.equal(404);
      const put = async (who: VillageLogin, body: unknown) =>
        (await centre.as(who, path, json(body, {}, 'PUT'))).status;
      expect(await put(kano, { last_seq: 1 })).to.equal(201);
      expect((await centre.as(kaduna, path)).status).to.equal(404);
      expect(await put(kaduna, { last_seq: 2 })).to.equal(201);
      expect(await put(kano, { last_seq: 3 })).to.equal(409);
      expect(await put(kano, { _id: '_local/a/b+c==', _rev: '0-1', last_seq: 3 })).to.equal(201);
      expect(await (await centre.as(kano, path)).json()).to.deep.equal({
        _id: '_local/a/b+c==',
        _rev: '0-2',
        last_seq: 3,
      });
      const unkept = [JSON.parse('{"a":[{"__proto__":1}]}'), { a: '\ud800' }, { a: { '\udfff': 1 } }];
      for (const bad of [{ _deleted: true }, { _rev: 'x' }, { _id: '_local/other' }, [], 7, ...unkept]) {
        expect(await put(kano, bad), JSON.stringify(bad)).to.equal(400);
      }
      expect((await centre.as(kano, path, { method: 'DELETE' })).status).to.equal(409);
      expect((await centre.as(kano, `${path}?rev=0-2`, { method: 'DELETE' })).status).to.equal(200);
      expect((await centre.as(kano, path)).status).to.equal(404);
      expect((await centre.as(kaduna, path)).status).to.equal(200);
    });

    it('does not tell an unknown village from a wrong credential', async () => {
      const answers = await Promise.all(
        [
          basic('kano', 'wrong'),
          basic('nowhere', kano.password),
          basic('kano', ''),
          basic('../x', 'y'),
          basic('admin', kano.password),
          basic('kaduna', kano.password),
          'Basic !!!',
        ].map(async (authorization) => {
          const response = await fetch(`${centre.url}/telemetry`, { headers: { Authorization: authorization } });
          const challenge = response.headers.get('www-authenticate')?.split(' ')[0];
          return [response.status, challenge, JSON.stringify(await response.json())].join(' ');
        }),
      );
      expect([...new Set(answers)]).to.deep.equal([
        '401 Basic {"error":"unauthorized","reason":"Name or password is incorrect."}',
      ]);
      const bearer = await fetch(`${centre.url}/telemetry`, { headers: { Authorization: 'Bearer nonsense' } });
      expect([bearer.status, await bearer.json()]).to.deep.equal([
        401,
        { error: 'unauthorized', reason: 'The token is incorrect.' },
      ]);
      expect((await centre.anonymous('/telemetry')).status).to.equal(401);
      expect((await centre.anonymous('/')).status).to.equal(401);
      expect((await centre.as({ ...kano, id: 'KANO' }, '/telemetry')).status).to.equal(200);
      expect((await centre.admin('/telemetry')).status).to.equal(403);
      expect((await centre.analyst('/telemetry/_bulk_docs', json({ docs: [], new_edits: false }))).status).to.equal(
        403,
      );
    });

    it('lets a disabled village in no more, and one rotated without an overlap with the new credential only', async () => {
      const old = await centre.addVillage('zaria');
      expect((await centre.as(old, '/telemetry')).status).to.equal(200);
      const rotated = await centre.admin('/v1/villages/ZARIA/rotate', json({ overlapHours: 0 }));
      expect(rotated.status).to.equal(201);
      const renewed = (await rotated.json()) as VillageLogin;
      expect((await centre.as(old, '/telemetry')).status).to.equal(401);
      expect((await centre.as(renewed, '/telemetry')).status).to.equal(200);
      expect((await centre.admin('/v1/villages/zaria/disable', { method: 'POST' })).status).to.equal(200);
      const refused = await centre.as(renewed, '/telemetry');
      expect([refused.status, await refused.json()]).to.deep.equal([
        403,
        { error: 'forbidden', reason: 'the village zaria is disabled at the centre' },
      ]);
      expect((await centre.as(old, '/telemetry')).status).to.equal(401);
    });

    it('shows nothing of the database beyond the replication endpoints', async () => {
      const [document] = fresh(1);
      await centre.push(kano, [document]);
      for (const [method, path, status] of [
        ['GET', '/telemetry/_all_docs', 404],
        ['GET', '/telemetry/_changes', 404],
        ['POST', '/telemetry/_find', 404],
        ['POST', '/telemetry/_purge', 404],
        ['GET', `/telemetry/${encodeURIComponent(String(document?._id))}`, 404],
        ['PUT', '/telemetry/_design/x', 404],
        ['GET', '/telemetry/_local/a/b', 404],
        ['DELETE', '/telemetry', 405],
        ['POST', '/telemetry', 405],
        ['GET', '/telemetry/_bulk_docs', 405],
        ['PUT', '/telemetry', 412],
        ['GET', '/villages', 404],
        ['GET', '/_all_dbs', 404],
        ['GET', '/_utils', 404],
      ] as const) {
        const response = await centre.as(kano, path, { method });
        expect(response.status, `${method} ${path}`).to.equal(status);
        expect(response.headers.get('x-powered-by')).to.equal(null);
        await response.arrayBuffer();
      }
    });

    it('cannot be led astray by paths that no ordinary client sends', async () => {
      const authorization = basic(kano.id, kano.password);
      const statusOf = (path: string) => rawRequest(centre.url, path, authorization);
      expect(await statusOf('/telemetry/_local/..%2f..%2fvillages%2fkano')).to.equal(404);
      expect(await statusOf('/telemetry/_local/%00')).to.equal(400);
      expect(await statusOf('/telemetry/_local/%zz')).to.equal(400);
      expect(await statusOf('/telemetry/_local/%ed%a0%80')).to.equal(400);
      expect(await statusOf(`/telemetry/_local/${'x'.repeat(300)}`)).to.equal(400);
      expect(await statusOf('/telemetry/../villages/kano')).to.equal(404);
      expect(await statusOf('/telemetry/_local/../_all_docs')).to.equal(404);
      expect(await statusOf('//telemetry/_all_docs')).to.equal(404);
      expect(await statusOf('/v1/villages/%2e%2e%2f%2e%2e')).to.equal(403);
      expect(await statusOf('/v1/villages/%zz')).to.equal(403);
      const admin = `Bearer ${centre.tokens.admin}`;
      expect(await rawRequest(centre.url, '/v1/villages/%zz', admin)).to.equal(400);
      expect(await rawRequest(centre.url, '/v1/villages/..%2f_all_dbs', admin)).to.equal(404);
      expect(await rawRequest(centre.url, '/v1/villages/kano%00', admin)).to.equal(404);
      expect(await rawRequest(centre.url, '/v1/villages/_design%2fx/readings', admin)).to.equal(404);
      expect((await centre.anonymous('/healthz')).status).to.equal(200);
    });

    it('keeps the same bytes whatever the size of the request', async () => {
      const documents = fresh(4000);
      const entries = await centre.push(kano, documents);
      expect(entries.every((entry) => entry.ok === true && entry.held === undefined)).to.equal(true);
      const digest = (all: Json[]) =>
        createHash('sha256')
          .update(JSON.stringify(sortById(all)))
          .digest('hex');
      const wanted = new Set(documents.map((one) => one._id));
      const kept = (await listed('kano')).filter((one) => wanted.has(String(one._id)));
      expect(digest(kept.map(sortFields))).to.equal(digest(documents.map(sortFields)));
    });
  });
}

function sortById(documents: Json[]): Json[] {
  return [...documents].sort((a, b) => (String(a._id) < String(b._id) ? -1 : 1));
}

function sortFields(document: Json): Json {
  return Object.fromEntries(Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Sends the path as it is, which fetch would tidy up; the answer's status. */
function rawRequest(url: string, path: string, authorization: string): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.once('error', reject);
    socket.once('end', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`);
  });
}
