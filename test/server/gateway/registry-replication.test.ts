/** A village's registry through the gateway, as stock PouchDB and CouchDB's own replicator see it. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Database } from 'pouchdb-core';
import PouchDB from 'pouchdb-node';
import { CouchClient } from '../../../server/store/couch-client.js';
import { couchdbFetch, couchdbUrl } from '../../support/couchdb.js';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { Centre, json, type VillageLogin } from '../support/centre.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

type Json = Record<string, unknown>;

for (const kind of STORES) {
  describe(`the registry's replication, on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    let folder: string;
    let villages = 0;
    const opened: Database[] = [];

    before(async () => {
      centre = await Centre.start(kind);
      folder = await createTempFolder();
    });
    after(async () => {
      for (const database of opened) await database.close();
      await centre.stop();
      await removeFolder(folder);
    });

    const newVillage = () => centre.addVillage(`village${++villages}`);
    const local = (name: string): Database => {
      const database = new PouchDB(`${folder}/${name}`, { revs_limit: 20 });
      opened.push(database);
      return database;
    };
    const remote = ({ id, password }: VillageLogin, headers: Record<string, string> = {}): Database =>
      new PouchDB(`${centre.url}/registry-${id}`, {
        auth: { username: id, password },
        fetch: (url: string, init: RequestInit = {}) => {
          const all = new Headers(init.headers);
          for (const [name, value] of Object.entries(headers)) all.set(name, value);
          return fetch(url, { ...init, headers: all });
        },
      });
    const push = async (village: VillageLogin, docs: unknown[]): Promise<Json[]> => {
      const init = json({ docs, new_edits: false }, { Prefer: 'return=representation' });
      const response = await centre.as(village, `/registry-${village.id}/_bulk_docs`, init);
      expect(response.status).to.equal(201);
      return (await response.json()) as Json[];
    };
    const changesOf = async (village: VillageLogin, query = ''): Promise<Json> => {
      const response = await centre.as(village, `/registry-${village.id}/_changes${query}`);
      expect(response.status, query).to.equal(200);
      return (await response.json()) as Json;
    };

    it('goes both ways with stock PouchDB: every leaf, deletions, and nothing twice', async () => {
      const village = await newVillage();
      const [one, other] = [local('one'), local('other')];
      await one.bulkDocs(foreignBranches('unknown:x1'), { new_edits: false });
      await one.bulkDocs(Array.from({ length: 230 }, (_, n) => ({ _id: `unknown:y${n}`, n })));
      const up = await PouchDB.replicate(one, remote(village));
      expect(up).to.include({ ok: true, docs_written: 234, doc_write_failures: 0 });
      expect(await PouchDB.replicate(one, remote(village))).to.include({ ok: true, docs_written: 0 });
      const down = await PouchDB.replicate(remote(village), other);
      expect(down).to.include({ ok: true, doc_write_failures: 0 });
      expect(await PouchDB.replicate(remote(village), one)).to.include({ ok: true, doc_write_failures: 0 });
      const kept = await changesIn(one);
      const joined = await changesIn(other);
      expect(joined).to.deep.equal(kept);
      for (const id of ['unknown:x1', 'unknown:x3', 'unknown:x4', 'unknown:y229'])
        expect(kept.has(id), id).to.equal(true);
      expect(kept.get('unknown:x1')).to.have.length.above(1);
      const gone = await other.get('unknown:y7');
      await other.remove(gone);
      expect(await PouchDB.replicate(other, remote(village))).to.include({ ok: true });
      expect(await PouchDB.replicate(remote(village), one)).to.include({ ok: true });
      expect(await one.get('unknown:y7').catch((error) => error.status)).to.equal(404);
      expect(await changesIn(one)).to.deep.equal(await changesIn(other));
    });

    it('keeps up live, both ways', async () => {
      const village = await newVillage();
      const [one, other] = [local('live-one'), local('live-other')];
      const running = [
        PouchDB.replicate(one, remote(village), { live: true }),
        PouchDB.replicate(remote(village), other, { live: true }),
      ];
      try {
        await one.bulkDocs([{ _id: 'device:m1', n: 1 }]);
        const has = (id: string) =>
          waitFor(async () => (await other.get(id).catch(() => undefined)) !== undefined, {
            what: `${id} to arrive`,
            timeoutMs: 10_000,
          });
        await has('device:m1');
        await one.bulkDocs([{ _id: 'device:m2', n: 1 }]);
        await has('device:m2');
      } finally {
        for (const one of running) one.cancel();
        await Promise.allSettled(running);
      }
    });

    it('joins what a village sends in branches, so that the next one to ask gets it joined', async () => {
      const village = await newVillage();
      const [one, other] = [branch('serial-1'), branch('serial-2')];
      expect((await push(village, [one, other])).every(({ ok }) => ok === true)).to.equal(true);
      const { results } = (await changesOf(village)) as { results: { id: string; changes: unknown[] }[] };
      const [device] = results.filter(({ id }) => id === 'device:m1');
      // Both are leaves no more: one has a child that says both, the other an end.
      expect(JSON.stringify(device?.changes)).to.not.include(one._rev).and.not.include(other._rev);
      const found = await centre.as(village, `/registry-${village.id}/device:m1?open_revs=all&revs=true`);
      const leaves = (await found.json()) as { ok: Json }[];
      expect(leaves.filter(({ ok }) => ok._deleted !== true)).to.have.length(1);
    });

    it('takes the good ones and refuses the others one by one, with a reason', async () => {
      const village = await newVillage();
      const good = { _id: 'device:m1', _rev: '1-aa', n: 1 };
      const bad: [object | null, RegExp][] = [
        [null, /not an object/],
        [{ ...good, _id: '_design/x' }, /none of a registry/],
        [{ ...good, _id: 'nocolon' }, /none of a registry/],
        [{ ...good, _id: 'device:a/b' }, /none of a registry/],
        // The trace of an edit of it would have a name that nobody takes.
        [{ ...good, _id: `device:${'x'.repeat(65)}` }, /none of a registry/],
        [{ ...good, _id: 'device:a:b' }, /none of a registry/],
        [{ ...good, _id: `trace:${'x'.repeat(41)}:device:m1` }, /none of a registry/],
        [{ ...good, _id: 'trace:x' }, /none of a registry/],
        [{ ...good, _id: 'device:x', _attachments: {} }, /_attachments/],
        [{ ...good, _id: 'device:x', _rev: 'x' }, /revision/],
        [{ ...good, _id: 'device:x', _revisions: { start: 1, ids: ['bb'] } }, /revision/],
        [{ ...good, _id: 'device:x', text: 'x'.repeat(192 * 1024) }, /at most 196608/],
        [{ ...good, _id: 'device:x', text: '\ud800' }, /well-formed/],
        [{ ...good, _id: 'device:x', deep: JSON.parse('['.repeat(60) + ']'.repeat(60)) }, /too deep/],
        [{ ...good, _id: 'trace:e1:device:x', _deleted: true }, /never deleted/],
      ];
      const entries = await push(village, [good, ...bad.map(([one]) => one), { ...good, _id: 'future:m1' }]);
      expect(entries[0]).to.deep.equal({ id: 'device:m1', rev: '1-aa', ok: true });
      for (const [n, [, reason]] of bad.entries()) {
        expect(entries[n + 1]).to.include({ error: 'forbidden' });
        expect(entries[n + 1]?.reason).to.match(reason);
      }
      expect(entries.at(-1)).to.include({ id: 'future:m1', ok: true });
      const { results } = (await changesOf(village)) as { results: { id: string }[] };
      expect(results.map(({ id }) => id).sort()).to.deep.equal(['device:m1', 'future:m1']);
    });

    it('takes the longest names there are, and the traces of what it makes of them', async () => {
      const village = await newVillage();
      const longest = `${'y'.repeat(32)}:${'x'.repeat(64)}`;
      const [one, other] = ['aa', 'bb'].map((rev) => ({ _id: longest, _rev: `1-${rev}`, serial: rev }));
      expect((await push(village, [one, other])).map(({ ok }) => ok)).to.deep.equal([true, true]);
      const { results } = (await changesOf(village)) as { results: { id: string; changes: { rev: string }[] }[] };
      const docs = results.flatMap(({ id, changes }) => changes.map(({ rev }) => ({ id, rev })));
      expect(docs.filter(({ id }) => id.startsWith('trace:'))).to.have.length.above(0);
      const path = `/registry-${village.id}/_bulk_get?revs=true&latest=true`;
      const found = (await (await centre.as(village, path, json({ docs }))).json()) as { results: { docs: Json[] }[] };
      for (const { docs: answers } of found.results) expect(answers[0]).to.have.property('ok');
    });

    it('takes no more than 30 leaves of a document, nor 400 with the deleted ones, and always what goes on', async () => {
      const village = await newVillage();
      const revs = (count: number, from: number) => Array.from({ length: count }, (_, n) => (from + n).toString(16));
      const refused = (entries: Json[]) => entries.filter(({ error }) => error === 'forbidden');
      // Deletions that end nothing: a child of a leaf that is not there.
      const ended = (rev: string) => {
        const path = { _rev: `2-${rev}`, _revisions: { start: 2, ids: [rev, `f${rev}`] } };
        return { _id: 'unknown:q', ...path, _deleted: true, ended: true };
      };
      const live = (rev: string) => ({ _id: 'unknown:q', _rev: `1-${rev}`, n: rev });
      // All at once, so that nothing was joined between.
      const entries = await push(village, [...revs(40, 4096).map(live), ...revs(390, 8192).map(ended)]);
      expect(entries.slice(0, 40).filter(({ ok }) => ok === true)).to.have.length(30);
      expect(refused(entries)).to.have.length(10 + 20);
      expect(entries[39]?.reason).to.match(/side by side/);
      const { results } = (await changesOf(village)) as { results: { id: string; changes: { rev: string }[] }[] };
      const held = results.find(({ id }) => id === 'unknown:q')?.changes ?? [];
      expect(held).to.have.length(400);
      // Known already, and going on from a leaf that is there.
      expect(refused(await push(village, [ended('2000')]))).to.deep.equal([]);
      const on = { ...ended('abc'), _rev: '3-abc', _revisions: { start: 3, ids: ['abc', '2000', 'f2000'] } };
      expect(refused(await push(village, [on]))).to.deep.equal([]);
      expect(refused(await push(village, [ended('9999'), { ...live('1'), _id: 'unknown:r' }]))).to.have.length(1);
    }).timeout(120_000);

    it('never changes a trace: the same again is fine, another content is refused', async () => {
      const village = await newVillage();
      const trace = { _id: 'trace:e1:device:m1', _rev: '1-aa', of: 'device:m1', changes: { model: { to: 'a' } } };
      expect((await push(village, [trace]))[0]).to.include({ ok: true });
      expect((await push(village, [trace]))[0]).to.include({ ok: true });
      const others = [
        { ...trace, _rev: '1-bb', of: 'device:m2' },
        { ...trace, _rev: '2-bb', _revisions: { start: 2, ids: ['bb', 'aa'] }, changes: {} },
        { ...trace, _rev: '2-cc', _revisions: { start: 2, ids: ['cc', 'aa'] }, _deleted: true },
      ];
      for (const entry of await push(village, others)) expect(entry).to.include({ error: 'forbidden' });
      const twice = { ...trace, _id: 'trace:e2:device:m1' };
      const [first, second] = await push(village, [twice, { ...twice, _rev: '1-bb', of: 'device:m9' }]);
      expect([first?.ok, second?.error]).to.deep.equal([true, 'forbidden']);
      const { results } = (await changesOf(village)) as { results: { changes: unknown[] }[] };
      expect(results.map(({ changes }) => changes)).to.deep.equal([[{ rev: '1-aa' }], [{ rev: '1-aa' }]]);
    });

    it('answers for another village as for one that is not there, and shows nothing of it', async () => {
      const [mine, theirs] = [await newVillage(), await newVillage()];
      await push(theirs, [{ _id: 'device:secret', _rev: '1-aa', n: 1 }]);
      const rows = async (name: string) => {
        const paths = ['', '/', '/_changes', '/_changes?feed=longpoll', '/device:secret?open_revs=all', '/_local/x'];
        return Promise.all(
          paths.map(async (path) => {
            const response = await centre.as(mine, `/registry-${name}${path}`);
            return [response.status, await response.text()];
          }),
        );
      };
      const ofTheirs = await rows(theirs.id);
      expect(ofTheirs).to.deep.equal(await rows('nowhere'));
      for (const [status] of ofTheirs) expect(status).to.equal(404);
      expect((await centre.as(mine, `/registry-${mine.id.toUpperCase()}`)).status).to.equal(404);
      expect((await changesOf(mine)).results).to.deep.equal([]);
    });

    it('refuses filters and other feeds in a sentence, and positions that it never gave', async () => {
      const village = await newVillage();
      const wrong = [
        'filter=_doc_ids',
        'view=a/b',
        'feed=continuous',
        'descending=true',
        'limit=x',
        'since=x',
        'since=1&since=2',
      ];
      for (const query of wrong) {
        const response = await centre.as(village, `/registry-${village.id}/_changes?${query}`);
        expect(response.status, query).to.equal(400);
        expect(await response.json()).to.include({ error: 'bad_request' });
      }
      for (const path of ['_all_docs', '_find', '_purge', '_security', '_design/x', 'x', '_compact']) {
        for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
          const response = await centre.as(village, `/registry-${village.id}/${path}`, { method });
          expect(response.status, `${method} ${path}`).to.equal(404);
        }
      }
    });

    it('tells long lists of changes whole, page by page', async () => {
      const village = await newVillage();
      const docs = Array.from({ length: 2_300 }, (_, n) => ({ _id: `unknown:m${n}`, _rev: '1-aa', n }));
      for (let start = 0; start < docs.length; start += 500) await push(village, docs.slice(start, start + 500));
      const whole = (await changesOf(village)) as { results: { id: string }[]; last_seq: unknown };
      expect(new Set(whole.results.map(({ id }) => id)).size).to.equal(2_300);
      const rest = await changesOf(village, `?since=${encodeURIComponent(JSON.stringify(whole.last_seq))}`);
      expect(rest.results).to.deep.equal([]);
      const some = await changesOf(village, '?limit=1700&include_docs=true');
      expect(some.results).to.have.length(1_700);
      expect(some.results).to.have.nested.property('[1699].doc.n');
    });

    it('answers questions for unknown revisions as missing, whatever they are', async () => {
      const village = await newVillage();
      await push(village, [{ _id: 'device:m1', _rev: '1-aa' }]);
      const asked = { docs: [{ id: 'device:m1', rev: '9-ff' }, { id: 'device:m2' }, { id: 'device:m1', rev: '1-aa' }] };
      const path = `/registry-${village.id}/_bulk_get?revs=true&latest=true`;
      const response = await centre.as(village, path, json(asked));
      const { results } = (await response.json()) as { results: { docs: Json[] }[] };
      expect(results.map(({ docs }) => Object.keys(docs[0] ?? {}))).to.deep.equal([['error'], ['error'], ['ok']]);
      const impossible = ['_local/x', `device:${'x'.repeat(300)}`, 'nocolon'];
      const mixed = [...impossible.map((id) => ({ id, rev: '1-aa' })), { id: 'device:m1', rev: '1-aa' }];
      const answer = await centre.as(village, path, json({ docs: mixed }));
      const answered = ((await answer.json()) as { results: { id: string; docs: Json[] }[] }).results;
      expect(answered.map(({ id }) => id)).to.deep.equal([...impossible, 'device:m1']);
      expect(answered.map(({ docs }) => Object.keys(docs[0] ?? {})[0])).to.deep.equal([
        'error',
        'error',
        'error',
        'ok',
      ]);
      const diff = json(Object.fromEntries(mixed.map(({ id, rev }) => [id, [rev]])));
      const lacking = await centre.as(village, `/registry-${village.id}/_revs_diff`, diff);
      expect(await lacking.json()).to.have.all.keys(impossible);
      const missing = await centre.as(village, `/registry-${village.id}/device:m9?open_revs=all`);
      expect(missing.status).to.equal(404);
      const revs = encodeURIComponent(JSON.stringify(['1-aa', '2-bb']));
      const open = await centre.as(village, `/registry-${village.id}/device:m1?open_revs=${revs}&latest=true`);
      expect(await open.json()).to.deep.equal([{ ok: { _id: 'device:m1', _rev: '1-aa' } }, { missing: '2-bb' }]);
    });

    if (kind === 'couchdb') {
      it("works with CouchDB's own replicator, both ways", async () => {
        const village = await newVillage();
        const couchdb = couchdbUrl();
        const { couch } = centre.place;
        if (!couchdb || !couch) throw new Error('there is no CouchDB');
        const client = new CouchClient(couch);
        const replicate = async (source: unknown, target: unknown) => {
          const init = { method: 'POST', body: JSON.stringify({ source, target }) };
          const answer = (await (await couchdbFetch(couchdb, '/_replicate', init)).json()) as Json;
          expect(answer, JSON.stringify(answer)).to.include({ ok: true });
        };
        const plain = (db: string) => ({
          url: `${couch.url}/${couch.prefix}${db}`,
          auth: { basic: { username: couchdb.user, password: couchdb.password } },
        });
        const gateway = {
          url: `${centre.url}/registry-${village.id}`,
          auth: { basic: { username: village.id, password: village.password } },
        };
        for (const db of ['plain-one', 'plain-other']) await client.request({ db, method: 'PUT' });
        const docs = [...foreignBranches('unknown:x1'), { _id: 'unknown:x2', _rev: '1-aa' }];
        await client.request({ db: 'plain-one', path: '_bulk_docs', method: 'POST', body: { docs, new_edits: false } });
        await replicate(plain('plain-one'), gateway);
        await replicate(gateway, plain('plain-other'));
        const ids = async (db: string) => {
          const { body } = await client.request<{ results: { id: string; changes: object[] }[] }>({
            db,
            path: '_changes',
            qs: { style: 'all_docs' },
          });
          return body.results.map(({ id, changes }) => [id, changes.length]).sort();
        };
        const arrived = await ids('plain-other');
        // Joining the branches has left a trace.
        const documents = arrived.map(([id]) => String(id)).filter((id) => !id.startsWith('trace:'));
        expect(documents).to.deep.equal(['unknown:x1', 'unknown:x2', 'unknown:x3', 'unknown:x4']);
      });
    }
  });
}

/** A document in branches, one that is deleted, and one with a history. */
function foreignBranches(id: string): object[] {
  const [name = ''] = id.split(/\d/);
  return [
    { _id: id, _rev: '1-aa', model: 'a' },
    { _id: id, _rev: '1-bb', model: 'b' },
    { _id: `${name}3`, _rev: '2-cc', _revisions: { start: 2, ids: ['cc', 'aa'] }, _deleted: true, why: 'sold' },
    { _id: `${name}4`, _rev: '3-cc', _revisions: { start: 3, ids: ['cc', 'bb', 'aa'] }, model: 'c' },
  ];
}

function branch(serial: string): { _id: string; _rev: string; serial: string } {
  return { _id: 'device:m1', _rev: `1-${Buffer.from(serial).toString('hex')}`, serial };
}

async function changesIn(database: Database): Promise<Map<string, string[]>> {
  const { results } = await database.changes({ since: 0, style: 'all_docs' });
  return new Map(
    results
      .map(({ id, changes = [] }): [string, string[]] => [id, changes.map(({ rev }) => rev).sort()])
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}
