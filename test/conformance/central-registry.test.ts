/** What every store of the centre promises of a village's registry, run on each of them. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { CentralStore } from '../../server/store/contract.js';
import { CouchClient } from '../../server/store/couch-client.js';
import type { FoundRevision, RegistryDatabase } from '../../server/store/registry-contract.js';
import { AppError } from '../../shared/app-error.js';
import { Registry } from '../../shared/registry/registry.js';
import { createPlace, openIn, type Place, SKIPPED_COUCHDB, STORES, type StoreKind } from '../server/support/stores.js';

const CURRENT = { latest: false, history: true };

for (const kind of STORES) {
  describe(`the registries of the centre's store, ${kind}${SKIPPED_COUCHDB}`, () => {
    registrySuite(kind);
  });
}

function registrySuite(kind: StoreKind): void {
  let place: Place;
  let store: CentralStore;
  let villages = 0;
  /** Of a village no other test writes to. */
  const fresh = () => store.registry(`village${++villages}`);

  before(async () => {
    place = await createPlace(kind);
    store = await openIn(place);
  });
  after(async () => {
    await store.close();
    await place.remove();
  });

  it('is there and empty as soon as it is used, by many at once', async () => {
    const registry = fresh();
    const infos = await Promise.all(Array.from({ length: 8 }, () => registry.info()));
    expect(infos.map(({ doc_count }) => doc_count)).to.deep.equal(Array(8).fill(0));
    expect(new Set(infos.map(({ instance_start_time }) => instance_start_time)).size).to.equal(1);
    expect(await registry.winners()).to.deep.equal([]);
    expect(await registry.leaves('device:m1')).to.deep.equal([]);
    expect((await registry.changes({ since: undefined, limit: 10 })).results).to.deep.equal([]);
    expect((await registry.branched()).ids).to.deep.equal([]);
    expect(await registry.revisions([{ id: 'device:m1', rev: 'all' }], CURRENT)).to.deep.equal([[]]);
    expect(await registry.revisions([{ id: 'device:m1', rev: '1-aa' }], CURRENT)).to.deep.equal([
      [{ missing: '1-aa' }],
    ]);
  });

  it('names the leaves of each document, and which of them are deletions', async () => {
    const registry = fresh();
    const gone = { _id: 'device:gone', _rev: '2-dd', _revisions: { start: 2, ids: ['dd', 'cc'] }, _deleted: true };
    const many = Array.from({ length: 120 }, (_, n) => ({ _id: `device:x${n}`, _rev: '1-aa', n }));
    await registry.write([...branches('device:m1'), gone, ...many]);
    const ids = ['device:none', 'device:gone', ...many.map(({ _id }) => _id), 'device:m1'];
    const [none, ofGone, ...others] = await registry.leafNames(ids);
    expect([none, ofGone]).to.deep.equal([[], [{ rev: '2-dd', deleted: true }]]);
    expect(others.pop()).to.have.deep.members([
      { rev: '1-bb', deleted: false },
      { rev: '2-cc', deleted: true },
    ]);
    for (const names of others) expect(names).to.deep.equal([{ rev: '1-aa', deleted: false }]);
  });

  it('keeps every leaf with its history, deletions with their bodies, over reopening', async () => {
    const registry = fresh();
    const written = branches('device:m1');
    expect(await registry.write(written)).to.deep.equal([]);
    // The same again changes nothing.
    expect(await registry.write(written)).to.deep.equal([]);
    await store.close();
    store = await openIn(place);
    const again = store.registry(`village${villages}`);
    const leaves = (await again.leaves('device:m1')).toSorted((one, other) => (one.rev < other.rev ? -1 : 1));
    expect(leaves).to.deep.equal([
      { rev: '1-bb', path: ['bb'], deleted: false, body: { model: 'b' } },
      { rev: '2-cc', path: ['cc', 'aa'], deleted: true, body: { why: 'sold' } },
    ]);
    const [change] = (await again.changes({ since: undefined, limit: 10, includeDocs: true })).results;
    expect(change?.changes.map(({ rev }) => rev).sort()).to.deep.equal(['1-bb', '2-cc']);
    expect(change?.doc).to.deep.equal({ _id: 'device:m1', _rev: '1-bb', model: 'b' });
    expect((await again.branched()).ids).to.deep.equal(['device:m1']);
  });

  it('tells missing revisions from those it has', async () => {
    const registry = fresh();
    await registry.write(branches('device:m1'));
    const answer = await registry.revsDiff({ 'device:m1': ['1-bb', '2-cc', '2-dd'], 'device:m2': ['1-ee'] });
    expect(answer['device:m1']?.missing).to.deep.equal(['2-dd']);
    expect(answer['device:m2']?.missing).to.deep.equal(['1-ee']);
    expect(await registry.revsDiff({ 'device:m1': ['1-bb'] })).to.deep.equal({});
  });

  it('gives the revisions asked for, in order, and with latest the leaves they led to', async () => {
    const registry = fresh();
    await registry.write(branches('device:m1'));
    await registry.write([{ _id: 'tariff:t1', _rev: '1-aa', pricePerKwh: 3 }]);
    const asked = [
      { id: 'tariff:t1', rev: '1-aa' },
      { id: 'device:m1', rev: '1-aa' },
      { id: 'device:m1', rev: '7-aa' },
      { id: 'device:m1', rev: 'all' },
    ];
    const found = await registry.revisions(asked, { latest: true, history: true });
    expect(found[0]).to.deep.equal([
      { ok: { _id: 'tariff:t1', _rev: '1-aa', _revisions: { start: 1, ids: ['aa'] }, pricePerKwh: 3 } },
    ]);
    expect(revsOf(found[1])).to.deep.equal(['2-cc']);
    expect(found[2]).to.deep.equal([{ missing: '7-aa' }]);
    expect(revsOf(found[3])).to.deep.equal(['1-bb', '2-cc']);
    const [deletion] = (found[1] ?? []).flatMap((one) => ('ok' in one ? [one.ok] : []));
    expect(deletion).to.deep.include({ _deleted: true, why: 'sold', _revisions: { start: 2, ids: ['cc', 'aa'] } });
  });

  it('pages through changes, each document once at its newest, without missing one', async () => {
    const registry = fresh();
    for (let n = 0; n < 25; n++) await registry.write([{ _id: `device:m${n}`, _rev: '1-aa', n }]);
    const ids: string[] = [];
    let since: string | number | undefined;
    for (;;) {
      const page = await registry.changes({ since, limit: 10 });
      ids.push(...page.results.map(({ id }) => id));
      since = page.last_seq;
      if (page.results.length < 10) break;
    }
    expect(ids).to.deep.equal(Array.from({ length: 25 }, (_, n) => `device:m${n}`));
    await registry.write([{ _id: 'device:m3', _rev: '2-bb', _revisions: { start: 2, ids: ['bb', 'aa'] } }]);
    const more = await registry.changes({ since, limit: 10 });
    expect(more.results.map(({ id, changes }) => [id, changes])).to.deep.equal([['device:m3', [{ rev: '2-bb' }]]]);
    expect(await codeOf(registry.changes({ since: 'nonsense', limit: 1 }))).to.equal('invalid_request');
  });

  it('puts below a leaf that is one, and refuses the others', async () => {
    const registry = fresh();
    const first = await registry.put('device:m1', undefined, { deleted: false, body: { n: 1 } });
    expect(await codeOf(registry.put('device:m1', undefined, { deleted: false, body: { n: 9 } }))).to.equal('conflict');
    const [leaf] = await registry.leaves('device:m1');
    expect(leaf).to.deep.include({ rev: first, deleted: false, body: { n: 1 } });
    const second = await registry.put('device:m1', leaf, { deleted: true, body: { n: 2 } });
    expect(await codeOf(registry.put('device:m1', leaf, { deleted: false, body: { n: 3 } }))).to.equal('conflict');
    expect(await registry.leaves('device:m1')).to.have.nested.property('[0].rev', second);
    expect(await registry.winners()).to.deep.equal([]);
    const third = await registry.put('device:m1', undefined, { deleted: false, body: { n: 4 } });
    expect(await registry.winners()).to.deep.equal([
      { id: 'device:m1', rev: third, body: { n: 4 }, isContested: false },
    ]);
  });

  it('lists winners by prefix, before an id, from both ends, and says which are contested', async () => {
    const registry = fresh();
    const ids = ['device:a', 'device:b', 'device:c', 'report:n1', 'trace:1', 'trace:2'];
    await registry.graft(ids.map((id) => ({ id, generation: 1, path: ['aa'], deleted: false, body: { is: id } })));
    await registry.graft([{ id: 'device:b', generation: 1, path: ['bb'], deleted: false, body: {} }]);
    const list = async (range: Parameters<RegistryDatabase['winners']>[0]) =>
      (await registry.winners(range)).map(({ id }) => id);
    expect(await list(undefined)).to.deep.equal(ids);
    expect(await list({ prefix: 'device:' })).to.deep.equal(ids.slice(0, 3));
    expect(await list({ prefix: 'device:', descending: true, limit: 2 })).to.deep.equal(['device:c', 'device:b']);
    expect(await list({ prefix: 'device:', before: 'device:c' })).to.deep.equal(['device:a', 'device:b']);
    expect(await list({ prefix: 'trace:', before: 'trace:2', descending: true, limit: 1 })).to.deep.equal(['trace:1']);
    const contested = (await registry.winners()).filter(({ isContested }) => isContested);
    expect(contested.map(({ id }) => id)).to.deep.equal(['device:b']);
  });

  it('keeps registries apart, and their checkpoints', async () => {
    const [mine, theirs] = [fresh(), fresh()];
    await mine.write([{ _id: 'device:m1', _rev: '1-aa' }]);
    const rev = await mine.local.put('kano', 'check', { seq: 1 }, undefined);
    expect(await mine.local.get('kano', 'check')).to.deep.equal({ rev, body: { seq: 1 } });
    expect(await codeOf(mine.local.put('kano', 'check', { seq: 2 }, undefined))).to.equal('conflict');
    expect(await theirs.local.get('kano', 'check')).to.equal(undefined);
    expect((await theirs.info()).doc_count).to.equal(0);
    expect((await mine.info()).doc_count).to.equal(1);
  });

  it('wakes who waits, for a change after the position it knows and for no other', async () => {
    const registry = fresh();
    await registry.write([{ _id: 'device:m1', _rev: '1-aa' }]);
    const { last_seq: since } = await registry.changes({ since: undefined, limit: 10 });
    const never = AbortSignal.timeout(20_000);
    expect(await registry.waitForChange(undefined, never)).to.equal(true);
    const early = registry.waitForChange(since, AbortSignal.timeout(300));
    expect(await early).to.equal(false);
    const waiting = registry.waitForChange(since, never);
    await registry.put('device:m2', undefined, { deleted: false, body: {} });
    expect(await waiting).to.equal(true);
  });

  it('forgets old generations and their bodies, and keeps what is current', async () => {
    const registry = new Registry({ leaves: fresh(), now: () => Date.parse('2026-03-01T00:00:00Z') });
    const village = store.registry(`village${villages}`);
    const by = (ifMatch: string | undefined) => ({ author: 'admin', ifMatch });
    let rev: string | undefined;
    for (let n = 0; n < 30; n++) {
      const { view } = await registry.put(
        'device',
        'm1',
        { model: `m${n}`, serial: 's1', role: 'customer' },
        by(rev && `"${rev}"`),
      );
      rev = view._rev;
    }
    const [leaf] = await village.leaves('device:m1');
    expect(leaf?.rev).to.equal(rev);
    expect(leaf?.path.length).to.be.at.most(20);
  });

  if (kind === 'couchdb') {
    it('makes a registry again that was deleted meanwhile, for whatever is asked first', async () => {
      const registry = fresh();
      const db = `registry-village${villages}`;
      const client = place.couch && new CouchClient(place.couch);
      await registry.write([{ _id: 'device:m1', _rev: '1-aa' }]);
      const asks = [
        () => registry.info(),
        () => registry.leaves('device:m1'),
        () => registry.write([{ _id: 'device:m2', _rev: '1-aa' }]),
        () => registry.local.put('kano', 'check', {}, undefined),
      ];
      for (const ask of asks) {
        await client?.request({ db, method: 'DELETE' });
        await ask();
        expect((await client?.request({ db, path: '_revs_limit' }))?.body).to.equal(20);
      }
      const { url, prefix } = place.couch ?? { url: '', prefix: '' };
      expect((await fetch(`${url}/${prefix}${db}`)).status).to.equal(401);
    });

    it('is one and the same for several gateways that use it first together', async () => {
      const other = await openIn(place);
      try {
        const village = `shared${++villages}`;
        const [one, two] = [store.registry(village), other.registry(village)];
        await Promise.all([
          one.write([{ _id: 'device:m1', _rev: '1-aa' }]),
          two.write([{ _id: 'device:m2', _rev: '1-aa' }]),
        ]);
        expect((await one.winners()).map(({ id }) => id)).to.deep.equal(['device:m1', 'device:m2']);
      } finally {
        await other.close();
      }
    });
  }
}

/** A leaf, and another that ends in a deletion. */
function branches(id: string): object[] {
  return [
    { _id: id, _rev: '1-aa', _revisions: { start: 1, ids: ['aa'] }, model: 'a' },
    { _id: id, _rev: '1-bb', _revisions: { start: 1, ids: ['bb'] }, model: 'b' },
    { _id: id, _rev: '2-cc', _revisions: { start: 2, ids: ['cc', 'aa'] }, _deleted: true, why: 'sold' },
  ];
}

function revsOf(found: readonly FoundRevision[] | undefined): unknown[] {
  return (found ?? []).map((one) => ('ok' in one ? one.ok._rev : 'missing')).sort();
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return undefined;
}
