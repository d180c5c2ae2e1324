/** What the registry promises of edits made on two sides, and of each request. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { AppError } from '../../../shared/app-error.js';
import { sumOf } from '../../../shared/registry/document-body.js';
import type { Conflict, RegistryView } from '../../../shared/registry/registry-view.js';
import { type Site, type TwoSites, twoSites } from './two-sites.js';

const METER = { model: 'PM-1', serial: '17', role: 'customer' };

async function withMeter(): Promise<TwoSites> {
  const sites = twoSites();
  await sites.village.edit('device', 'm1', METER);
  await sites.meet();
  return sites;
}

async function theConflict({ registry }: Site): Promise<Conflict> {
  const [conflict] = await registry.conflicts();
  if (!conflict) throw new Error('there is no conflict');
  return conflict;
}

async function expectSame({ village, centre }: TwoSites): Promise<RegistryView[]> {
  const documents = await village.registry.list();
  expect(await centre.registry.list()).to.deep.equal(documents);
  expect(await centre.registry.conflicts()).to.deep.equal(await village.registry.conflicts());
  const all = { limit: 1000 };
  expect(await centre.registry.history(undefined, all)).to.deep.equal(await village.registry.history(undefined, all));
  for (const { leaves } of [village, centre]) {
    for (const { isContested } of await leaves.winners()) expect(isContested).to.equal(false);
  }
  return documents;
}

async function failureOf(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error(`no AppError: ${error}`);
  return error;
}

describe('edits on both sides of a cut link', () => {
  it('of different fields merge by themselves, a removal too, and leave one trace of the merge on both sides', async () => {
    const sites = await withMeter();
    await sites.village.edit('device', 'm1', { phase: 'L1' });
    await sites.village.edit('device', 'm1', { note: 'by the well' });
    await sites.centre.edit('device', 'm1', { model: 'PM-2' });
    await sites.meet();
    const [meter] = await expectSame(sites);
    expect(meter).to.include({ model: 'PM-2', phase: 'L1', note: 'by the well', serial: '17' });
    expect(await sites.village.registry.conflicts()).to.deep.equal([]);
    const traces = await sites.centre.registry.history({ type: 'device', id: 'm1' }, { limit: 100 });
    expect(traces.map(({ kind }) => kind)).to.have.members(['edit', 'edit', 'edit', 'edit', 'merge']);
    expect(traces.find(({ kind }) => kind === 'merge')).to.deep.include({ authors: ['admin', 'village:a'] });
  });

  it('of one field to the same value are no conflict', async () => {
    const sites = await withMeter();
    await sites.village.edit('device', 'm1', { serial: '18' });
    await sites.centre.edit('device', 'm1', { serial: '18' });
    await sites.meet();
    expect((await expectSame(sites))[0])
      .to.include({ serial: '18' })
      .and.not.have.property('conflicts');
  });

  it('of one field stand against each other with author, time and both values, the other fields merged', async () => {
    const sites = await withMeter();
    await sites.village.edit('device', 'm1', { serial: '18', phase: 'L1' });
    await sites.centre.edit('device', 'm1', { serial: '19', model: 'PM-2' });
    await sites.meet();
    const [meter] = await expectSame(sites);
    expect(meter).to.deep.include({ serial: '19', phase: 'L1', model: 'PM-2', conflicts: ['serial'] });
    const conflict = await theConflict(sites.village);
    expect(conflict.winner).to.equal(meter?._rev);
    expect(conflict.fields.serial?.map(({ value, author }) => [value, author])).to.deep.equal([
      ['19', 'admin'],
      ['18', 'village:a'],
    ]);
    for (const { at, rev, doc } of conflict.versions) {
      expect(at).to.match(/^2026-11-01T/);
      expect(rev).to.match(/^1-[0-9a-f]{32}$/);
      expect(doc).to.include({ phase: 'L1', model: 'PM-2' });
    }
  });

  it('stay a conflict through later edits of other fields, and of the value that shows', async () => {
    const sites = await withMeter();
    await sites.village.edit('device', 'm1', { serial: '18' });
    await sites.centre.edit('device', 'm1', { serial: '19' });
    await sites.meet();
    await sites.village.edit('device', 'm1', { phase: 'L1' });
    await sites.centre.edit('device', 'm1', { serial: '20' });
    await sites.meet();
    const [meter] = await expectSame(sites);
    expect(meter).to.include({ phase: 'L1', serial: '20' });
    const { fields } = await theConflict(sites.centre);
    expect(fields.serial?.map(({ value }) => value)).to.deep.equal(['20', '18']);
  });

  it('do not ask again about what an edit has already replaced', async () => {
    const sites = await withMeter();
    for (const serial of ['18', '19', '20']) await sites.village.edit('device', 'm1', { serial });
    await sites.meet();
    await sites.centre.edit('device', 'm1', { serial: '21' });
    await sites.meet();
    expect((await expectSame(sites))[0])
      .to.include({ serial: '21' })
      .and.not.have.property('conflicts');
  });

  it('make a conflict of a deletion against an edit, whoever deleted, and lose neither', async () => {
    for (const deletes of ['village', 'centre'] as const) {
      const sites = await withMeter();
      await sites[deletes].remove('device', 'm1');
      await sites[deletes === 'village' ? 'centre' : 'village'].edit('device', 'm1', { phase: 'L2' });
      await sites.meet();
      const [meter] = await expectSame(sites);
      expect(meter).to.deep.include({ phase: 'L2', conflicts: ['_deleted'] });
      const { versions } = await theConflict(sites.centre);
      expect(versions.map(({ deleted }) => deleted)).to.have.members([true, false]);
      const keep = versions.find(({ deleted }) => deleted)?.rev;
      expect(await sites.village.registry.settle('device', 'm1', { keep }, { author: 'village:a' })).to.equal(
        undefined,
      );
      await sites.meet();
      expect(await expectSame(sites)).to.deep.equal([]);
    }
  });

  it('of a document that both sides made merge as any others', async () => {
    const sites = twoSites();
    await sites.village.edit('profile', 'village', { name: 'Bamenda', pvKwp: 12 });
    await sites.centre.edit('profile', 'village', { name: 'Bamenda', batteryKwh: 40 });
    await sites.meet();
    expect((await expectSame(sites))[0]).to.include({ pvKwp: 12, batteryKwh: 40 });
  });

  it('after a deletion that both saw make a document that has nothing of the old one', async () => {
    const sites = await withMeter();
    await sites.village.remove('device', 'm1');
    await sites.meet();
    await sites.centre.edit('device', 'm1', { model: 'PM-3', serial: '99', role: 'other' });
    await sites.meet();
    const [meter] = await expectSame(sites);
    expect(meter).to.include({ model: 'PM-3', role: 'other' }).and.not.have.any.keys('phase', 'conflicts');
  });
});

describe('a settlement', () => {
  const inConflict = async () => {
    const sites = await withMeter();
    await sites.village.edit('device', 'm1', { serial: '18' });
    await sites.centre.edit('device', 'm1', { serial: '19' });
    await sites.meet();
    return sites;
  };

  it('by keeping a version reaches the other side, with a trace of who, when and which fields', async () => {
    const sites = await inConflict();
    const { versions } = await theConflict(sites.village);
    const keep = versions.find(({ author }) => author === 'village:a')?.rev;
    await sites.village.registry.settle('device', 'm1', { keep }, { author: 'village:a' });
    await sites.meet();
    expect((await expectSame(sites))[0])
      .to.include({ serial: '18' })
      .and.not.have.property('conflicts');
    const [trace] = await sites.centre.registry.history({ type: 'device', id: 'm1' }, { limit: 1 });
    expect(trace).to.deep.include({
      ...{ kind: 'settlement', of: 'device:m1', authors: ['village:a'] },
      changes: { serial: { from: '19', to: '18' } },
    });
  });

  it('by the revision that shows, or by a merged document, settles as well', async () => {
    for (const choice of ['winner', 'doc']) {
      const sites = await inConflict();
      const { winner } = await theConflict(sites.centre);
      const doc = { ...METER, serial: '20', phase: 'L3' };
      await sites.centre.registry.settle('device', 'm1', choice === 'doc' ? { doc } : { keep: winner }, {
        author: 'admin',
      });
      await sites.meet();
      const [meter] = await expectSame(sites);
      expect(meter)
        .to.include(choice === 'doc' ? doc : { serial: '19' })
        .and.not.have.property('conflicts');
    }
  });

  it('made on both sides, differently, is no new conflict: the newer counts, and both have a trace', async () => {
    const sites = await inConflict();
    const { versions } = await theConflict(sites.village);
    for (const [site, author] of [
      [sites.village, 'village:a'],
      [sites.centre, 'admin'],
    ] as const) {
      const keep = versions.find((version) => version.author === author)?.rev;
      await site.registry.settle('device', 'm1', { keep }, { author });
    }
    await sites.meet();
    expect((await expectSame(sites))[0])
      .to.include({ serial: '19' })
      .and.not.have.property('conflicts');
    const traces = await sites.village.registry.history({ type: 'device', id: 'm1' }, { limit: 100 });
    expect(traces.filter(({ kind }) => kind === 'settlement').flatMap(({ authors }) => authors)).to.have.members([
      'admin',
      'village:a',
    ]);
  });

  it('against an edit that did not know of it stays a conflict', async () => {
    const sites = await inConflict();
    const { winner } = await theConflict(sites.village);
    await sites.village.registry.settle('device', 'm1', { keep: winner }, { author: 'village:a' });
    await sites.centre.edit('device', 'm1', { serial: '33' });
    await sites.meet();
    await expectSame(sites);
    const { fields } = await theConflict(sites.village);
    expect(fields.serial?.map(({ value }) => value)).to.have.members(['19', '33']);
  });

  it('changes what was edited since the conflict arose only where it names the revision it was merged from', async () => {
    const { village } = await inConflict();
    const doc = { ...METER, serial: '20', phase: 'L3' };
    await village.edit('device', 'm1', { model: 'PM-9' });
    const { winner } = await theConflict(village);
    const settle = (ifMatch?: string) => village.registry.settle('device', 'm1', { doc }, { author: 'me', ifMatch });
    expect(await failureOf(settle())).to.include({ code: 'precondition_required' });
    expect(await failureOf(settle('"1-a"'))).to.include({ code: 'precondition_failed' });
    expect(await settle(`"${winner}"`)).to.include({ phase: 'L3', serial: '20', model: 'PM-1' });
  });

  it('by a version listed before a third value came is refused: nobody settles what they have not seen', async () => {
    const sites = await inConflict();
    const { versions } = await theConflict(sites.centre);
    await sites.village.edit('device', 'm1', { serial: '77' });
    await sites.meet();
    for (const { rev: keep } of versions) {
      const settling = sites.centre.registry.settle('device', 'm1', { keep }, { author: 'admin' });
      expect(await failureOf(settling)).to.include({ code: 'invalid_request' });
    }
    expect(await sites.centre.registry.conflicts()).to.have.length(1);
  });

  it('does not change a price that was valid', async () => {
    const sites = twoSites();
    const tariff = { currency: 'XAF', pricePerKwh: 150, validFrom: '2026-01-01' };
    await sites.village.edit('tariff', 't', tariff);
    await sites.meet();
    await sites.village.edit('tariff', 't', { note: 'a' });
    await sites.centre.edit('tariff', 't', { note: 'b' });
    await sites.meet();
    const { winner } = await theConflict(sites.village);
    const settle = (doc: object) =>
      sites.village.registry.settle('tariff', 't', { doc }, { author: 'me', ifMatch: winner });
    expect(await failureOf(settle({ ...tariff, pricePerKwh: 999, note: 'c' }))).to.include({ code: 'conflict' });
    expect(await settle({ ...tariff, note: 'c' })).to.include({ note: 'c', pricePerKwh: 150 });
  });

  it('is refused where there is no conflict, no such version, or no choice', async () => {
    const { village } = await withMeter();
    const settle = (choice: unknown) =>
      failureOf(village.registry.settle('device', 'm1', choice, { author: 'village:a' }));
    expect(await settle({ keep: '1-a' })).to.include({ code: 'not_found' });
    expect(await settle({})).to.include({ code: 'invalid_request' });
    const sites = await inConflict();
    const wrong = (choice: unknown) =>
      failureOf(sites.village.registry.settle('device', 'm1', choice, { author: 'village:a' }));
    expect(await wrong({ keep: '1-a' })).to.include({ code: 'invalid_request' });
    expect(await wrong({ doc: { model: 'only' } })).to.include({ code: 'invalid_request' });
    expect(await wrong({ keep: 'x', doc: METER })).to.include({ code: 'invalid_request' });
    expect(await sites.village.registry.conflicts()).to.have.length(1);
  });
});

describe('a registry document', () => {
  const by = (ifMatch?: string) => ({ author: 'admin', ifMatch });

  it('is made without If-Match, and edited and deleted with its newest revision alone', async () => {
    const { registry } = twoSites().centre;
    const { view, created } = await registry.put('device', 'm1', METER, by());
    expect(created).to.equal(true);
    expect(await failureOf(registry.put('device', 'm1', METER, by()))).to.include({ code: 'precondition_required' });
    expect(await failureOf(registry.put('device', 'm2', METER, by('"1-a"')))).to.include({
      code: 'precondition_failed',
    });
    const edited = await registry.put('device', 'm1', { ...METER, phase: 2 }, by(`"${view._rev}"`));
    expect(edited.created).to.equal(false);
    const stale = by(`"${view._rev}"`);
    expect(await failureOf(registry.put('device', 'm1', METER, stale))).to.include({ code: 'precondition_failed' });
    expect(await failureOf(registry.remove('device', 'm1', stale))).to.include({ code: 'precondition_failed' });
    expect(await failureOf(registry.remove('device', 'm1', by()))).to.include({ code: 'precondition_required' });
    await registry.remove('device', 'm1', by(edited.view._rev));
    expect(await registry.get('device', 'm1')).to.equal(undefined);
    expect(await failureOf(registry.remove('device', 'm1', by('*')))).to.include({ code: 'not_found' });
  });

  it('is taken back as it was answered, changing nothing and leaving no trace', async () => {
    const { registry } = twoSites().centre;
    const { view } = await registry.put('device', 'm1', METER, by());
    expect((await registry.put('device', 'm1', view, by(view._rev))).view).to.deep.equal(view);
    expect(await registry.history(undefined, { limit: 10 })).to.have.length(1);
  });

  it('keeps the fields and the schema version of a newer program', async () => {
    const sites = await withMeter();
    const [leaf] = await sites.centre.leaves.leaves('device:m1');
    if (!leaf) throw new Error('no leaf');
    const newer = { ...leaf.body, schemaVersion: 7, meshAddress: { hop: 3 } };
    await sites.centre.leaves.put('device:m1', leaf, { deleted: false, body: newer });
    await sites.meet();
    await sites.village.edit('device', 'm1', { phase: 'L1' });
    await sites.meet();
    const [meter] = await expectSame(sites);
    expect(meter).to.deep.include({ meshAddress: { hop: 3 }, schemaVersion: 7, phase: 'L1' });
  });

  it('says which field is wrong', async () => {
    const { registry } = twoSites().centre;
    const wrong: [string, string, object, string][] = [
      ['device', 'm1', { ...METER, role: 'king' }, 'role'],
      ['device', 'm1', { model: 'x', role: 'other' }, 'serial'],
      ['device', 'a b', METER, 'id'],
      ['tariff', 't', { currency: 'franc', pricePerKwh: 1, validFrom: '2026-01-01' }, 'currency'],
      ['tariff', 't', { currency: 'XAF', pricePerKwh: -1, validFrom: '2026-01-01' }, 'pricePerKwh'],
      ['tariff', 't', { currency: 'XAF', pricePerKwh: 1, validFrom: 'soon' }, 'validFrom'],
      ['threshold', 't', { field: 'powerW' }, 'high'],
      ['threshold', 't', { field: 'powerW', low: 2, high: 1 }, 'low'],
      ['profile', 'p', { name: 'x', lat: 91 }, 'lat'],
      ['device', 'm1', { ...METER, _secret: 1 }, '_secret'],
      ['device', 'm1', { ...METER, note: '\ud800' }, 'Unicode'],
    ];
    for (const [type, id, body, named] of wrong) {
      const error = await failureOf(registry.put(type, id, body, by()));
      expect(error.code).to.equal('invalid_request');
      expect(error.message).to.contain(named);
    }
    expect(await failureOf(registry.put('device', 'm1', { ...METER, note: 'x'.repeat(20_000) }, by()))).to.include({
      code: 'too_large',
    });
    expect(await failureOf(registry.put('shoe', 'm1', {}, by()))).to.include({ code: 'not_found' });
    expect(await registry.list()).to.deep.equal([]);
  });

  it('that is a tariff keeps its price once it is valid', async () => {
    const { registry } = twoSites(Date.UTC(2026, 10, 1)).centre;
    const tariff = { currency: 'XAF', pricePerKwh: 150, validFrom: '2026-12-01' };
    const later = await registry.put('tariff', 'later', tariff, by());
    await registry.put('tariff', 'later', { ...tariff, pricePerKwh: 160 }, by(later.view._rev));
    const past = { ...tariff, validFrom: '2026-10-01' };
    const { view } = await registry.put('tariff', 'past', past, by());
    for (const change of [{ pricePerKwh: 1 }, { validFrom: '2027-01-01' }, { bands: [] }, { currency: 'EUR' }]) {
      const edit = registry.put('tariff', 'past', { ...past, ...change }, by(view._rev));
      expect(await failureOf(edit)).to.include({ code: 'conflict' });
    }
    expect(await failureOf(registry.remove('tariff', 'past', by('*')))).to.include({ code: 'conflict' });
    await registry.put('tariff', 'past', { ...past, note: 'the old one' }, by(view._rev));
  });

  it('edited by a tool that keeps no history is an edit by somebody unknown, and conflicts like one', async () => {
    const sites = await withMeter();
    const [leaf] = await sites.centre.leaves.leaves('device:m1');
    if (!leaf) throw new Error('no leaf');
    await sites.centre.leaves.put('device:m1', leaf, { deleted: false, body: { ...leaf.body, serial: '50' } });
    await sites.village.edit('device', 'm1', { serial: '51' });
    await sites.meet();
    await expectSame(sites);
    const { fields } = await theConflict(sites.village);
    expect(fields.serial?.map(({ value, author }) => [value, author])).to.deep.equal([
      ['51', 'village:a'],
      ['50', 'unknown'],
    ]);
  });

  it('deleted by such a tool while the other side edits it is a conflict, and its end of a branch is none', async () => {
    const sites = await withMeter();
    const [leaf] = await sites.centre.leaves.leaves('device:m1');
    if (!leaf) throw new Error('no leaf');
    await sites.centre.leaves.put('device:m1', leaf, { deleted: true, body: {} });
    await sites.village.edit('device', 'm1', { serial: '51' });
    await sites.meet();
    await expectSame(sites);
    expect((await theConflict(sites.centre)).fields).to.have.all.keys('_deleted');
    const { winner } = await theConflict(sites.centre);
    await sites.centre.registry.settle('device', 'm1', { keep: winner }, { author: 'admin' });
    await sites.meet();
    expect((await expectSame(sites))[0])
      .to.include({ serial: '51' })
      .and.not.have.property('conflicts');
    // Two first revisions of one document, one of which the tool takes away again.
    const first = { generation: 1, deleted: false, path: ['a'.repeat(32)] };
    const other = { generation: 1, deleted: false, path: ['b'.repeat(32)] };
    const end = { generation: 2, deleted: true, path: ['c'.repeat(32), 'a'.repeat(32)], body: {} };
    const leaves = [{ ...first, body: { ...METER } }, { ...other, body: { ...METER, serial: '2' } }, end];
    await sites.centre.leaves.graft(leaves.map((one) => ({ id: 'device:m2', ...one })));
    await sites.meet();
    expect(await sites.village.registry.get('device', 'm2')).to.include({ serial: '2' });
    expect(await sites.village.registry.conflicts()).to.deep.equal([]);
  });

  it('refuses what would not come back as it was given', async () => {
    const { registry } = twoSites().centre;
    const nested = (depth: number): string => `${'{"x":'.repeat(depth)}1${'}'.repeat(depth)}`;
    for (const text of [nested(5_000), nested(40), '{"__proto__":{"a":1}}', '[1e400]']) {
      const edit = registry.put('device', 'm1', { ...METER, extra: JSON.parse(text) }, by());
      expect(await failureOf(edit), text.slice(0, 40)).to.include({ code: 'invalid_request' });
    }
    const named = JSON.parse(`{"__proto__":{"a":1},${JSON.stringify(METER).slice(1)}`);
    expect(await failureOf(registry.put('device', 'm1', named, by()))).to.include({ code: 'invalid_request' });
    await registry.put('device', 'm1', { ...METER, constructor: 'Siemens', extra: JSON.parse(nested(15)) }, by());
  });

  it('is joined from hundreds of versions in a moment, and stays one document', async () => {
    const { registry, leaves } = twoSites().centre;
    const versions = Array.from({ length: 400 }, (_, n) => ({
      ...{ id: 'device:m1', generation: 1, path: [n.toString(16).padStart(32, '0')], deleted: false },
      body: { ...METER, serial: `${n}` },
    }));
    await leaves.graft(versions);
    expect(await registry.tend()).to.deep.equal(['device:m1']);
    const [conflict] = await registry.conflicts();
    expect(conflict?.fields.serial).to.have.length(400);
  });

  it('with a history that names what is no field is an edit by somebody unknown, and joins with others', async () => {
    const sites = await withMeter();
    for (const [index, name] of ['_foo', 'edits', 'type', '__proto__'].entries()) {
      const [leaf] = await sites.centre.leaves.leaves('device:m1');
      if (!leaf) throw new Error('no leaf');
      const edits = {
        ...(leaf.body.edits as object),
        open: JSON.parse(`{"${name}":[{"edit":"0aaaaaaaaaaaa","value":1}]}`),
      };
      await sites.centre.leaves.put('device:m1', leaf, { deleted: false, body: { ...leaf.body, edits } });
      await sites.village.edit('device', 'm1', { phase: `L${index}` });
      await sites.meet();
      await expectSame(sites);
      for (const { body } of await sites.village.leaves.winners({ prefix: 'device:' })) {
        expect(Object.keys(body)).to.not.include.members([name === 'edits' || name === 'type' ? '_' : name]);
        expect(body.type).to.equal('device');
      }
    }
  });

  it('keeps its conflicts through an older program that does not know all its history says', async () => {
    const sites = await withMeter();
    await sites.village.edit('device', 'm1', { serial: '18' });
    await sites.centre.edit('device', 'm1', { serial: '19' });
    await sites.meet();
    const [leaf] = (await sites.centre.leaves.leaves('device:m1')).filter(({ deleted }) => !deleted);
    if (!leaf) throw new Error('no leaf');
    const { sum: _, ...history } = leaf.body.edits as Record<string, unknown>;
    const { edits: __, ...named } = leaf.body;
    const newer = { ...history, approvals: ['x'] };
    const body = { ...named, edits: { ...newer, sum: sumOf(false, named, newer) } };
    await sites.centre.leaves.put('device:m1', leaf, { deleted: false, body });
    await sites.meet();
    await sites.village.edit('device', 'm1', { phase: 'L1' });
    await sites.meet();
    await expectSame(sites);
    expect((await theConflict(sites.village)).fields.serial?.map(({ author }) => author)).to.have.members([
      'admin',
      'village:a',
    ]);
  });

  it('does not outgrow what can be sent: an edit waits for its conflict to be settled', async () => {
    const sites = await withMeter();
    const note = (letter: string) => ({ note: letter.repeat(15_000) });
    let refused: AppError | undefined;
    for (let round = 0; round < 6 && !refused; round++) {
      const edits = [
        sites.centre.edit('device', 'm1', note(`${round}`)),
        sites.village.edit('device', 'm1', note(String.fromCharCode(97 + round))),
      ];
      const failed = (await Promise.allSettled(edits)).find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') refused = failed.reason;
      await sites.meet();
    }
    expect(refused).to.include({ code: 'too_large' });
    for (const { body } of await sites.centre.leaves.winners({ prefix: 'device:' })) {
      expect(JSON.stringify(body).length).to.be.lessThan(190 * 1024);
    }
    const { winner } = await theConflict(sites.village);
    await sites.village.registry.settle('device', 'm1', { keep: winner }, { author: 'me' });
    await sites.village.edit('device', 'm1', { note: 'short' });
  });

  it('that has more fields than anybody gave it can be edited all the same', async () => {
    const sites = await withMeter();
    const fields = (letter: string) =>
      Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`${letter}${n}`, n] as const));
    await sites.village.edit('device', 'm1', fields('a'));
    await sites.centre.edit('device', 'm1', fields('b'));
    await sites.meet();
    await sites.village.edit('device', 'm1', { serial: '99' });
    expect(await failureOf(sites.village.edit('device', 'm1', { onemore: 1 }))).to.include({ code: 'invalid_request' });
  });

  it('has a history, newest first and in pages', async () => {
    const { registry } = twoSites().centre;
    for (let serial = 0; serial < 5; serial++) {
      await registry.put('device', 'm1', { ...METER, serial: `${serial}` }, by(serial === 0 ? undefined : '*'));
      await registry.put('device', 'm2', { ...METER, serial: `${serial}` }, by(serial === 0 ? undefined : '*'));
    }
    const first = await registry.history({ type: 'device', id: 'm1' }, { limit: 3 });
    const last = first.at(-1)?._id ?? '';
    const rest = await registry.history({ type: 'device', id: 'm1' }, { limit: 3, before: last });
    expect([...first, ...rest].map(({ changes }) => changes.serial?.to)).to.deep.equal(['4', '3', '2', '1', '0']);
    expect(await registry.history(undefined, { limit: 100 })).to.have.length(10);
  });
});

describe("a node's report", () => {
  it('replaces the one before, and is not written where it says the same', async () => {
    const { registry } = twoSites().village;
    expect(await registry.putReport('n1', { at: '2026-11-01T00:00:00.000Z', pending: 1 })).to.equal(true);
    expect(await registry.putReport('n1', { at: '2026-11-01T01:00:00.000Z', pending: 1 })).to.equal(false);
    expect(await registry.putReport('n1', { at: '2026-11-01T02:00:00.000Z', pending: 2 })).to.equal(true);
    await registry.putReport('n2', { at: '2026-11-01T03:00:00.000Z', pending: 0 });
    const reports = await registry.reports();
    expect(reports.map(({ node, pending }) => [node, pending])).to.deep.equal([
      ['n2', 0],
      ['n1', 2],
    ]);
    expect(await registry.list()).to.deep.equal([]);
  });
});
