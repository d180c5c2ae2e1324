/** Conflicts between a village and the centre, as analysts see them and admins settle them. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { ConflictPage, VillageConflict } from '../../../server/registry/conflict-list.js';
import { CouchClient } from '../../../server/store/couch-client.js';
import type { RegistryView, TraceView } from '../../../shared/registry/registry-view.js';
import { waitFor } from '../../support/wait-for.js';
import { Centre, json, type VillageLogin } from '../support/centre.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';
import { VillageRegistry } from '../support/village-registry.js';

const THRESHOLD = { field: 'voltageV', low: 200, high: 250 };

for (const kind of STORES) {
  describe(`conflicts at the centre on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    const opened: VillageRegistry[] = [];

    before(async () => {
      centre = await Centre.start(kind);
    });
    after(async () => {
      for (const one of opened) await one.close();
      await centre.stop();
    });

    const open = async (login: VillageLogin) => {
      const village = await VillageRegistry.open({ centre, login });
      opened.push(village);
      return village;
    };
    const list = async (query = '') => (await (await centre.analyst(`/v1/conflicts${query}`)).json()) as ConflictPage;
    const of = (items: readonly VillageConflict[], id: string) => items.filter(({ village }) => village === id);
    const openConflicts = async (id: string) =>
      ((await (await centre.analyst(`/v1/villages/${id}`)).json()) as { openConflicts?: number }).openConflicts;
    const settle = (what: string, body: unknown, headers: Record<string, string> = {}) =>
      centre.admin(`/v1/villages/${what}`, json(body, headers));

    /** Both sides give each of these thresholds another upper limit, and neither knows. */
    const conflicting = async (id: string, names: readonly string[]) => {
      const village = await open(await centre.addVillage(id));
      for (const name of names) await village.put('threshold', name, THRESHOLD);
      await village.push();
      for (const name of names) {
        const target = `/v1/villages/${id}/registry/threshold/${name}`;
        const etag = (await centre.analyst(target)).headers.get('etag') ?? '';
        const edit = json({ ...THRESHOLD, high: 260 }, { 'If-Match': etag, 'X-Author': 'Amina' }, 'PUT');
        expect((await centre.admin(target, edit)).status).to.equal(200);
        await village.put('threshold', name, { ...THRESHOLD, high: 240 });
      }
      await village.push();
      return village;
    };

    it('are listed with village, author, time and both values once the village has sent its edit', async () => {
      await conflicting('kano', ['v1']);
      const [conflict, ...others] = of((await list()).items, 'kano');
      expect(others).to.deep.equal([]);
      expect(conflict).to.include({ village: 'kano', _id: 'threshold:v1', type: 'threshold', id: 'v1' });
      const values = conflict?.fields.high ?? [];
      expect(values.map(({ value, author }) => [author, value])).to.have.deep.members([
        ['Amina', 260],
        ['village:kano', 240],
      ]);
      for (const { at } of values) expect(Date.parse(at)).to.be.closeTo(Date.now(), 600_000);
      expect(await openConflicts('kano')).to.equal(1);
      expect((await list('?village=kano')).items).to.deep.equal([conflict]);
    });

    it('are settled by an admin for both sides, with a trace that says who', async () => {
      const village = await conflicting('kaduna', ['v1', 'v2']);
      const [first, second] = of((await list()).items, 'kaduna');
      const amina = first?.versions.find(({ author }) => author === 'Amina');
      const kept = await settle('kaduna/conflicts/threshold/v1', { keep: amina?.rev }, { 'X-Author': 'Bello' });
      const view = (await kept.json()) as RegistryView;
      expect([kept.status, view.high, view.author]).to.deep.equal([200, 260, 'Bello']);
      expect(view).to.not.have.property('conflicts');
      expect(kept.headers.get('etag')).to.equal(`"${view._rev}"`);
      expect(await openConflicts('kaduna')).to.equal(1);
      expect(of((await list()).items, 'kaduna')).to.deep.equal([second]);
      const merged = await settle('kaduna/conflicts/threshold/v2', { doc: { ...THRESHOLD, high: 255 } });
      expect([merged.status, ((await merged.json()) as RegistryView).high]).to.deep.equal([200, 255]);
      expect(await openConflicts('kaduna')).to.equal(0);
      expect(of((await list()).items, 'kaduna')).to.deep.equal([]);
      await village.pull();
      expect(await village.registry.conflicts()).to.deep.equal([]);
      expect((await village.registry.get('threshold', 'v1'))?.high).to.equal(260);
      expect((await village.registry.get('threshold', 'v2'))?.high).to.equal(255);
      const traces = await centre.analyst('/v1/villages/kaduna/registry/threshold/v1/history');
      const [newest] = ((await traces.json()) as { items: TraceView[] }).items;
      expect(newest).to.include({ kind: 'settlement' });
      expect(newest?.authors).to.deep.equal(['Bello']);
    });

    it('that the village settled are gone here as well', async () => {
      const village = await conflicting('zaria', ['v1']);
      await village.pull();
      const [conflict] = await village.registry.conflicts();
      await village.registry.settle('threshold', 'v1', { keep: conflict?.winner }, { author: village.author });
      await village.push();
      expect(await openConflicts('zaria')).to.equal(0);
      expect(of((await list()).items, 'zaria')).to.deep.equal([]);
    });

    it('are not settled by what is none of their versions, nor where there is none', async () => {
      await conflicting('jos', ['v1']);
      expect((await settle('jos/conflicts/threshold/v1', { keep: '1-abc' })).status).to.equal(400);
      expect((await settle('jos/conflicts/threshold/v1', {})).status).to.equal(400);
      expect((await settle('jos/conflicts/threshold/v1', { doc: { field: 'x' } })).status).to.equal(400);
      expect((await settle('jos/conflicts/threshold/v9', { keep: '1-abc' })).status).to.equal(404);
      expect((await settle('jos/conflicts/nonsense/v1', { keep: '1-abc' })).status).to.equal(404);
      expect((await settle('nowhere/conflicts/threshold/v1', { keep: '1-abc' })).status).to.equal(404);
      const none = await centre.admin('/v1/villages/jos/conflicts/threshold/v1', { method: 'POST' });
      expect(none.status).to.equal(400);
      expect(await openConflicts('jos')).to.equal(1);
    });

    it('come page by page, each once, in the order of villages and documents', async () => {
      await conflicting('page-b', ['v3', 'v1', 'v2']);
      await conflicting('page-a', ['v1']);
      const whole = (await list('?limit=1000')).items;
      const names = whole.map(({ village, _id }) => `${village}/${_id}`);
      expect(names).to.deep.equal([...names].sort());
      expect(of(whole, 'page-b')).to.have.length(3);
      for (const limit of [1, 2, 3]) {
        const collected: VillageConflict[] = [];
        for (let cursor: string | undefined = '', pages = 0; cursor !== undefined; pages++) {
          expect(pages).to.be.below(20);
          const page = await list(`?limit=${limit}${cursor && `&cursor=${cursor}`}`);
          expect(page.items.length).to.be.at.most(limit);
          collected.push(...page.items);
          cursor = page.next;
        }
        expect(collected).to.deep.equal(whole);
      }
      for (const query of ['?limit=0', '?limit=1001', '?cursor=abc', '?cursor=', '?all=1', '?limit=1&limit=2']) {
        expect((await centre.analyst(`/v1/conflicts${query}`)).status, query).to.equal(400);
      }
      expect((await centre.analyst('/v1/conflicts?village=nowhere')).status).to.equal(404);
    });

    it('are asked for where there are some, and no other registry is even made', async () => {
      await centre.addVillage('quiet');
      await list();
      const { couch, folder } = centre.place;
      const isMade = async (village: string) => {
        if (!couch) return existsSync(path.join(folder, 'registry', village));
        const db = `registry-${village}`;
        return (await new CouchClient(couch).request({ db, expected: [404] })).status !== 404;
      };
      expect([await isMade('kano'), await isMade('quiet')]).to.deep.equal([true, false]);
    });

    it('are known after a restart', async () => {
      const before = (await list('?limit=1000')).items;
      expect(before).to.not.deep.equal([]);
      await centre.restart();
      await waitFor(async () => (await centre.analyst('/readyz')).status === 200, { what: 'the centre to be ready' });
      expect((await list('?limit=1000')).items).to.deep.equal(before);
    });
  });
}
