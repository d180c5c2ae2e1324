/** The list of villages, page by page, with what a page about the fleet shows of each. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { byNeed } from '../../../server/analyst/need.js';
import { pageOf, type VillagePage } from '../../../server/analyst/village-page.js';
import { type VillageView, viewOf, withMissing } from '../../../server/analyst/village-view.js';
import type { VillageRecord } from '../../../server/store/contract.js';
import { AppError } from '../../../shared/app-error.js';
import { itWithSeed } from '../../support/seeds.js';
import { Centre, json } from '../support/centre.js';
import { readings } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

const AT = '2026-03-01T00:00:00.000Z';
const HOUR_MS = 3_600_000;

describe('a page of the list of villages', () => {
  const view = (changes: Partial<VillageRecord> & { id: string }): VillageView =>
    viewOf({ credentialHash: 'x', createdAt: AT, ...changes }, Date.parse(AT) + HOUR_MS, 26);
  const all = (views: readonly VillageView[], order: 'id' | 'need', limit: number) => {
    const found: VillageView[] = [];
    for (let cursor: string | undefined; ; ) {
      const { items, next } = pageOf(views, { order, limit, cursor });
      expect(items.length).to.be.at.most(limit);
      found.push(...items);
      if (next === undefined) return found;
      expect(items).to.have.length(limit);
      cursor = next;
    }
  };

  itWithSeed('holds each village once, in either order, whatever the size of the pages', async (random) => {
    const report = (pending: number) => ({ node: 'k3f9a2', at: AT, receivedAt: AT, pending });
    const views = Array.from({ length: 120 }, (_, n) =>
      view({
        id: `v${random.integer(0, 1e6)}-${n}`,
        ...(random.chance(0.3) ? { createdAt: '2026-02-01T00:00:00.000Z' } : {}),
        ...(random.chance(0.1) ? { disabledAt: AT } : {}),
        ...(random.chance(0.5) ? { report: report(random.integer(0, 4) * 80) } : {}),
      }),
    );
    for (const limit of [1, 7, 119, 120, 121]) {
      expect(all(views, 'need', limit)).to.deep.equal([...views].sort(byNeed));
      const ids = views.map(({ id }) => id).sort();
      expect(all(views, 'id', limit).map(({ id }) => id)).to.deep.equal(ids);
    }
  });

  it('has those that lost data, that miss what nobody explains or looks at, or await a decision, before those that are well', () => {
    const none = { lost: 0, quarantined: 0, released: 0, void: 0, notYetSent: 0, unexplained: 0 };
    const missing = (id: string, counts: Partial<typeof none>) =>
      withMissing(view({ id, lastContactAt: AT }), { lookedAt: () => ({ missing: { ...none, ...counts }, at: AT }) });
    const views = [
      missing('a', { notYetSent: 9, quarantined: 2 }),
      view({ id: 'f' }),
      missing('b', { unexplained: 1 }),
      view({ id: 'c', openConflicts: 1 }),
      missing('d', { lost: 1 }),
      withMissing(view({ id: 'e' }), { lookedAt: () => ({ missing: none, at: AT, partly: 'left out' }) }),
    ];
    const { items } = pageOf(views, { order: 'need', cursor: undefined });
    const found = items.map(({ id, need }) => `${id} ${need}`);
    expect(found).to.deep.equal(['d losing', 'b alerts', 'c alerts', 'e alerts', 'f awaited', 'a none']);
  });

  it('begins behind the last village of the page before although that is no more', () => {
    const views = ['a', 'b', 'c', 'd'].map((id) => view({ id }));
    const { next } = pageOf(views, { order: 'id', limit: 2, cursor: undefined });
    const left = views.filter(({ id }) => id !== 'b');
    expect(pageOf(left, { order: 'id', cursor: next }).items.map(({ id }) => id)).to.deep.equal(['c', 'd']);
  });

  it('is refused where the cursor is of another order, or nonsense', () => {
    const { next } = pageOf([view({ id: 'a' }), view({ id: 'b' })], { order: 'id', limit: 1, cursor: undefined });
    for (const cursor of [next, 'nonsense', '', 'W10']) {
      expect(() => pageOf([], { order: 'need', cursor })).to.throw(AppError, /cursor/);
    }
  });
});

for (const kind of STORES) {
  describe(`the list of villages on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    before(async () => {
      centre = await Centre.start(kind);
    });
    after(() => centre.stop());

    const list = async (query = '') => {
      const response = await centre.analyst(`/v1/villages${query}`);
      expect(response.status, await response.clone().text()).to.equal(200);
      return (await response.json()) as VillagePage<VillageView>;
    };

    it('tells of the profile, of what is missing and of what is needed without opening a registry', async () => {
      const login = await centre.addVillage('kano');
      const profile = { name: 'Kano', place: 'North', lat: 12, lon: 8.5, pvKwp: 40, batteryKwh: 120 };
      const put = await centre.admin('/v1/villages/kano/registry/profile/main', json(profile, {}, 'PUT'));
      expect(put.status).to.be.below(300);
      await centre.push(
        login,
        readings('kano', 10).filter(({ seq }) => seq !== 4),
      );
      await centre.lookAtAlerts();
      const { items } = await list();
      expect(items[0]).to.deep.include({ id: 'kano', profile, need: 'alerts' });
      const alone = (await (await centre.analyst('/v1/villages/kano')).json()) as VillageView;
      expect(alone.need).to.equal('alerts');
      expect(items[0]?.missing).to.include({ unexplained: 1, lost: 0 });
      expect(Date.parse(items[0]?.missingAsOf ?? '')).to.be.closeTo(Date.now(), 60_000);
    });

    it('comes in pages where that is asked for', async () => {
      for (const id of ['jos', 'minna']) await centre.addVillage(id);
      await centre.admin('/v1/villages/jos/disable', { method: 'POST' });
      const first = await list('?order=need&limit=2&numbers=true');
      expect(first.items.map(({ id }) => id)).to.deep.equal(['kano', 'minna']);
      expect(first.items[0]).to.have.property('numbers');
      const second = await list(`?order=need&limit=2&cursor=${first.next}`);
      expect(second.items.map(({ id, need }) => [id, need])).to.deep.equal([['jos', 'disabled']]);
      expect(second).to.not.have.property('next');
      expect((await list()).items.map(({ id }) => id)).to.deep.equal(['jos', 'kano', 'minna']);
      for (const query of ['?limit=0', '?order=size', '?cursor=x', '?numbers=yes']) {
        expect((await centre.analyst(`/v1/villages${query}`)).status, query).to.equal(400);
      }
    });
  });
}
