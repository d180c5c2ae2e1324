/** One document for many villages. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { PushOutcome } from '../../../server/registry/push-to-many.js';
import type { Conflict, RegistryView, TraceView } from '../../../shared/registry/registry-view.js';
import { Centre, json } from '../support/centre.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';
import { VillageRegistry } from '../support/village-registry.js';

const TARIFF = { currency: 'XAF', pricePerKwh: 120, validFrom: '2099-01-01T00:00:00Z' };

for (const kind of STORES) {
  describe(`a document for many villages on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;

    before(async () => {
      centre = await Centre.start(kind);
      for (const [id, region] of [
        ['kano', 'North'],
        ['kaduna', 'North'],
        ['lagos', 'South'],
      ] as const) {
        expect((await centre.admin('/v1/villages', json({ id, region }))).status).to.equal(201);
      }
    });
    after(() => centre.stop());

    const push = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      centre.admin(`/v1/registry/${path}`, json(body, headers));
    const outcomes = async (answer: Response) => {
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('content-type')).to.match(/^application\/json/);
      return ((await answer.json()) as { items: PushOutcome[] }).items;
    };
    const found = async (village: string, path: string) => {
      const answer = await centre.analyst(`/v1/villages/${village}/registry/${path}`);
      return answer.status === 200 ? ((await answer.json()) as RegistryView) : undefined;
    };
    const traces = async (village: string, path: string) => {
      const answer = await centre.analyst(`/v1/villages/${village}/registry/${path}/history`);
      return ((await answer.json()) as { items: TraceView[] }).items;
    };

    it('goes to the villages of a region, by the author given, and to no other', async () => {
      const body = { villages: { region: 'North' }, doc: TARIFF };
      const items = await outcomes(await push('tariff/t1', body, { 'X-Author': 'Amina' }));
      expect(items.map(({ village, ok }) => [village, ok])).to.deep.equal([
        ['kaduna', true],
        ['kano', true],
      ]);
      for (const item of items) {
        const view = await found(item.village, 'tariff/t1');
        expect(view).to.include({ ...TARIFF, author: 'Amina' });
        expect(item).to.have.property('rev', view?._rev);
      }
      expect(await found('lagos', 'tariff/t1')).to.equal(undefined);
      const view = (await (await centre.analyst('/v1/villages/kano')).json()) as { region: string };
      expect(view.region).to.equal('North');
    });

    it('goes to all of them, and again changes nothing', async () => {
      const body = { villages: 'all', doc: { ...TARIFF, pricePerKwh: 90 } };
      const first = await outcomes(await push('tariff/t2', body));
      expect(first.map(({ village, ok }) => [village, ok])).to.deep.equal([
        ['kaduna', true],
        ['kano', true],
        ['lagos', true],
      ]);
      expect(await outcomes(await push('tariff/t2', body))).to.deep.equal(first);
      expect(await traces('kano', 'tariff/t2')).to.have.length(1);
    });

    it('tells of each village by itself what became of it', async () => {
      const made = await centre.admin(
        '/v1/villages/kano/registry/tariff/old',
        json({ ...TARIFF, validFrom: '2020-01-01T00:00:00Z' }, {}, 'PUT'),
      );
      expect(made.status).to.equal(201);
      const villages = ['lagos', 'KANO', 'nowhere', 'kano', '../x'];
      const items = await outcomes(await push('tariff/old', { villages, doc: TARIFF }));
      expect(items.map((item) => [item.village, item.ok || item.error.code])).to.deep.equal([
        ['lagos', true],
        ['kano', 'conflict'],
        ['nowhere', 'not_found'],
        ['../x', 'not_found'],
      ]);
      expect((await found('kano', 'tariff/old'))?.validFrom).to.equal('2020-01-01T00:00:00Z');
    });

    it('that is wrong, or for nobody, is refused before anything is written', async () => {
      const wrong = await push('tariff/bad', { villages: 'all', doc: { ...TARIFF, currency: 'x' } });
      expect(wrong.status).to.equal(400);
      expect(await wrong.json()).to.have.nested.property('error.details[0].path', 'currency');
      const refused: [string, unknown, number][] = [
        ['nonsense/bad', { villages: 'all', doc: TARIFF }, 404],
        ['tariff/b%20d', { villages: 'all', doc: TARIFF }, 400],
        ['tariff/bad', { villages: { region: 'West' }, doc: TARIFF }, 404],
        ['tariff/bad', { villages: [], doc: TARIFF }, 400],
        ['tariff/bad', { villages: 'some', doc: TARIFF }, 400],
        ['tariff/bad', { villages: [1], doc: TARIFF }, 400],
        ['tariff/bad', { villages: { tag: 'x' }, doc: TARIFF }, 400],
        ['tariff/bad', { villages: 'all' }, 400],
        ['tariff/bad', { villages: 'all', doc: [] }, 400],
        ['tariff/bad', { villages: 'all', doc: TARIFF, more: 1 }, 400],
        ['tariff/bad', { villages: 'all', doc: { ...TARIFF, note: 'x'.repeat(20_000) } }, 413],
        ['tariff/bad', undefined, 400],
      ];
      for (const [path, body, status] of refused) {
        expect((await push(path, body)).status, JSON.stringify([path, body]).slice(0, 100)).to.equal(status);
      }
      const author = await push('tariff/bad', { villages: 'all', doc: TARIFF }, { 'X-Author': 'village:kano' });
      expect(author.status).to.equal(400);
      for (const village of ['kano', 'kaduna', 'lagos']) expect(await found(village, 'tariff/bad')).to.equal(undefined);
    });

    it('is an edit like any other where a village has edited unseen: what both changed is a conflict', async () => {
      const login = await centre.addVillage('jos');
      const other = await centre.addVillage('yola');
      const jos = await VillageRegistry.open({ centre, login });
      const yola = await VillageRegistry.open({ centre, login: other });
      try {
        const profile = { name: 'Site', place: 'here', contact: 'Ali' };
        const villages = ['jos', 'yola'];
        await outcomes(await push('profile/site', { villages, doc: profile }));
        for (const one of [jos, yola]) await one.pull();
        await jos.put('profile', 'site', { ...profile, name: 'Jos' });
        await yola.put('profile', 'site', { ...profile, contact: 'Bala' });
        const items = await outcomes(await push('profile/site', { villages, doc: { ...profile, name: 'Standard' } }));
        expect(items.every(({ ok }) => ok)).to.equal(true);
        for (const one of [jos, yola]) await one.push();
        const conflicts = async (village: string) => {
          const answer = await centre.analyst(`/v1/conflicts?village=${village}`);
          return ((await answer.json()) as { items: Conflict[] }).items;
        };
        const [conflict] = await conflicts('jos');
        expect(conflict?.fields.name?.map(({ value }) => value)).to.have.members(['Jos', 'Standard']);
        expect(await conflicts('yola')).to.deep.equal([]);
        expect(await found('yola', 'profile/site')).to.include({ name: 'Standard', contact: 'Bala', place: 'here' });
      } finally {
        for (const one of [jos, yola]) await one.close();
      }
    });

    it('reaches a hundred villages in one request', async () => {
      const names = Array.from({ length: 100 }, (_, n) => `many-${n}`);
      for (const id of names) await centre.addVillage(id);
      const items = await outcomes(await push('tariff/t3', { villages: names, doc: TARIFF }));
      expect(items.map(({ village, ok }) => [village, ok])).to.deep.equal(names.map((name) => [name, true]));
      expect(await found('many-99', 'tariff/t3')).to.include(TARIFF);
    }).timeout(120_000);
  });
}
