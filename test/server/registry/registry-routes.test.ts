/** A village's registry as analysts read it and admins edit it. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { RegistryView, TraceView } from '../../../shared/registry/registry-view.js';
import { Centre, json } from '../support/centre.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

const DEVICE = { model: 'DDS-1', serial: 'A1', role: 'customer' };

interface Problem {
  error: { code: string; message: string; details?: { path?: string }[] };
}

for (const kind of STORES) {
  describe(`the registry of a village on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;

    before(async () => {
      centre = await Centre.start(kind);
      await centre.addVillage('kano');
      await centre.addVillage('kaduna');
    });
    after(() => centre.stop());

    const put = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      centre.admin(`/v1/villages/${path}`, json(body, headers, 'PUT'));
    const get = (path: string, headers: Record<string, string> = {}) =>
      centre.analyst(`/v1/villages/${path}`, { headers });
    const items = async <T = RegistryView>(path: string) => ((await (await get(path)).json()) as { items: T[] }).items;
    const problem = async (answer: Response) => ((await answer.json()) as Problem).error;

    it('takes a document, shows it to analysts with its revision as ETag, and to no other village', async () => {
      const made = await put('Kano/registry/device/m1', DEVICE, { 'X-Author': 'Amina' });
      expect(made.status).to.equal(201);
      const view = (await made.json()) as RegistryView;
      expect(view).to.include({ ...DEVICE, _id: 'device:m1', type: 'device', id: 'm1', author: 'Amina' });
      expect(made.headers.get('etag')).to.equal(`"${view._rev}"`);
      const found = await get('kano/registry/device/m1');
      expect([found.headers.get('etag'), await found.json()]).to.deep.equal([`"${view._rev}"`, view]);
      expect((await get('kano/registry/device/m1', { 'If-None-Match': `"${view._rev}"` })).status).to.equal(304);
      for (const path of ['kano/registry', 'kano/registry/device'])
        expect(await items(path), path).to.deep.equal([view]);
      expect(await items('kano/registry/tariff')).to.deep.equal([]);
      expect(await items('kaduna/registry')).to.deep.equal([]);
      expect((await get('kaduna/registry/device/m1')).status).to.equal(404);
    });

    it('lets nobody overwrite or delete what they have not seen', async () => {
      const made = await put('kano/registry/device/m2', DEVICE);
      const first = made.headers.get('etag') ?? '';
      const unseen = await put('kano/registry/device/m2', { ...DEVICE, model: 'B' });
      expect([unseen.status, (await problem(unseen)).code]).to.deep.equal([428, 'precondition_required']);
      const seen = await put('kano/registry/device/m2', { ...DEVICE, model: 'B' }, { 'If-Match': first });
      expect([seen.status, ((await seen.json()) as RegistryView).author]).to.deep.equal([200, 'admin']);
      const stale = await put('kano/registry/device/m2', { ...DEVICE, model: 'C' }, { 'If-Match': first });
      expect([stale.status, (await problem(stale)).code]).to.deep.equal([412, 'precondition_failed']);
      const remove = (headers: Record<string, string>) =>
        centre.admin('/v1/villages/kano/registry/device/m2', { method: 'DELETE', headers });
      expect((await remove({})).status).to.equal(428);
      expect((await remove({ 'If-Match': first })).status).to.equal(412);
      expect((await get('kano/registry/device/m2')).status).to.equal(200);
      expect((await remove({ 'If-Match': seen.headers.get('etag') ?? '' })).status).to.equal(204);
      expect((await get('kano/registry/device/m2')).status).to.equal(404);
      expect((await remove({ 'If-Match': '*' })).status).to.equal(404);
    });

    it('tells who did what, the newest first, page by page', async () => {
      let etag = '';
      for (const [n, author] of ['Amina', 'Bello', 'Chi'].entries()) {
        const headers = { 'X-Author': author, ...(etag === '' ? {} : { 'If-Match': etag }) };
        etag = (await put('kaduna/registry/profile/site', { name: `Name ${n}` }, headers)).headers.get('etag') ?? '';
      }
      await put('kaduna/registry/device/m1', DEVICE);
      const traces = await items<TraceView>('kaduna/registry/profile/site/history');
      expect(traces.map(({ authors }) => authors)).to.deep.equal([['Chi'], ['Bello'], ['Amina']]);
      expect(traces[0]?.changes).to.deep.equal({ name: { from: 'Name 1', to: 'Name 2' } });
      expect((await items<TraceView>('kaduna/history'))[0]).to.include({ of: 'device:m1', kind: 'edit' });
      const collected: string[] = [];
      for (let next: string | undefined = '', pages = 0; next !== undefined; pages++) {
        expect(pages).to.be.below(5);
        const answer = await get(`kaduna/history?limit=1${next && `&before=${encodeURIComponent(next)}`}`);
        const page = (await answer.json()) as { items: TraceView[]; next?: string };
        collected.push(...page.items.map(({ authors }) => authors.join()));
        next = page.next;
      }
      expect(collected).to.deep.equal(['admin', 'Chi', 'Bello', 'Amina']);
    });

    it('refuses what is no document, naming the field, and stores nothing of it', async () => {
      const wrong = await put('kano/registry/device/bad', { ...DEVICE, role: 'toy' });
      expect([wrong.status, (await problem(wrong)).details?.[0]?.path]).to.deep.equal([400, 'role']);
      expect((await put('kano/registry/device/bad', [])).status).to.equal(400);
      expect((await put('kano/registry/device/a%20b', DEVICE)).status).to.equal(400);
      expect((await put('kano/registry/nonsense/bad', DEVICE)).status).to.equal(404);
      expect((await put('kano/registry/device/bad', { ...DEVICE, note: 'x'.repeat(70_000) })).status).to.equal(413);
      const none = await centre.admin('/v1/villages/kano/registry/device/bad', { method: 'PUT' });
      expect(none.status).to.equal(400);
      const text = { method: 'PUT', body: '{}', headers: { 'Content-Type': 'text/plain' } };
      expect((await centre.admin('/v1/villages/kano/registry/device/bad', text)).status).to.equal(415);
      expect((await get('kano/registry/device/bad')).status).to.equal(404);
      expect((await get('kano/registry?all=true')).status).to.equal(400);
      expect((await get('kano/history?limit=0')).status).to.equal(400);
      expect((await centre.admin('/v1/villages/kano/registry/device/m1', { method: 'POST' })).status).to.equal(405);
    });

    it('signs an edit with a name people can read, and never with a village', async () => {
      const author = async (name: string, id: string) => {
        // As curl sends it: the bytes of UTF-8.
        const header = Buffer.from(name, 'utf8').toString('latin1');
        const answer = await put(`kano/registry/device/${id}`, DEVICE, { 'X-Author': header });
        return answer.status === 201 ? ((await answer.json()) as RegistryView).author : answer.status;
      };
      expect(await author('Désirée Ngo', 'by1')).to.equal('Désirée Ngo');
      expect(await author('x'.repeat(64), 'by2')).to.equal('x'.repeat(64));
      for (const name of ['x'.repeat(65), ' ', 'a\tb', '\u202eb', 'village:kano', 'Village:kano']) {
        expect(await author(name, 'by3'), name).to.equal(400);
      }
      const latin1 = await put('kano/registry/device/by3', DEVICE, { 'X-Author': 'D\u00e9sir\u00e9e' });
      expect(latin1.status).to.equal(400);
      expect((await get('kano/registry/device/by3')).status).to.equal(404);
    });

    it('is there for villages that exist alone, disabled ones too', async () => {
      expect((await put('nowhere/registry/device/m1', DEVICE)).status).to.equal(404);
      for (const path of ['registry', 'registry/device', 'registry/device/m1', 'history', 'registry/device/m1/history'])
        expect((await get(`nowhere/${path}`)).status, path).to.equal(404);
      await centre.addVillage('zaria');
      await centre.admin('/v1/villages/zaria/disable', { method: 'POST' });
      expect((await put('zaria/registry/device/m1', DEVICE)).status).to.equal(201);
      expect(await items('zaria/registry')).to.have.length(1);
    });

    it('is the same after a restart', async () => {
      const before = await items('kano/registry');
      expect(before).to.not.deep.equal([]);
      await centre.restart();
      expect(await items('kano/registry')).to.deep.equal(before);
    });
  });
}
