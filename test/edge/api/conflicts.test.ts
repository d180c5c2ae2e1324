import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useTempFolder } from '../../support/temp-folder.js';
import { editApart } from './edits-apart.js';
import { useNodes } from './node-under-test.js';
import { askRegistry, putDocument } from './registry-client.js';

const METER = { model: 'SDM-120', serial: '4711', role: 'customer' };
const NAME = 'device:m1';

describe('conflicts over REST', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  /** A node whose device `m1` has two serials. */
  async function nodeInConflict(): Promise<string> {
    const before = await nodes.start(folder.path);
    await putDocument(before.url, 'device/m1', METER);
    await before.stop();
    const here = { ...METER, serial: 'village' };
    await editApart(folder.path, { type: 'device', id: 'm1', here, there: { ...METER, serial: 'centre', phase: 2 } });
    return (await nodes.start(folder.path)).url;
  }

  it('are listed with both values, who gave them and when; the other fields are merged', async () => {
    const url = await nodeInConflict();
    const { items = [] } = (await askRegistry(url, 'GET', 'conflicts')).body;
    expect(items.map(({ _id, type, id }) => [_id, type, id])).to.deep.equal([[NAME, 'device', 'm1']]);
    const values = items[0]?.fields.serial ?? [];
    expect(values.map(({ value, author }) => `${value} ${author}`)).to.have.members([
      'village village:kano',
      'centre amina',
    ]);
    for (const { at } of values) expect(Date.now() - Date.parse(at)).to.be.within(0, 60_000);
    const shown = (await askRegistry(url, 'GET', 'registry/device/m1')).body;
    expect([shown.phase, shown.conflicts, shown._rev]).to.deep.equal([2, ['serial'], items[0]?.winner]);
    expect(values.map(({ value }) => value)).to.include(shown.serial);
  });

  for (const kept of ['village', 'centre']) {
    it(`are settled by the version to keep, that of the ${kept}, once`, async () => {
      const url = await nodeInConflict();
      const [conflict] = (await askRegistry(url, 'GET', 'conflicts')).body.items ?? [];
      const rev = conflict?.versions.find(({ doc }) => doc?.serial === kept)?.rev;
      const settled = await askRegistry(url, 'POST', 'conflicts/device/m1', { body: { keep: rev } });
      expect([settled.status, settled.body.serial, settled.body.author], settled.text).to.deep.equal([
        ...[200, kept, 'village:kano'],
      ]);
      expect(settled.body).to.not.have.property('conflicts');
      expect(settled.etag).to.equal(`"${settled.body._rev}"`);
      expect((await askRegistry(url, 'GET', 'conflicts')).body).to.deep.equal({ items: [] });
      const got = await askRegistry(url, 'GET', 'registry/device/m1');
      expect([got.etag, got.body]).to.deep.equal([settled.etag, settled.body]);
      const again = await askRegistry(url, 'POST', 'conflicts/device/m1', { body: { keep: rev } });
      expect([again.status, again.body.error?.code]).to.deep.equal([404, 'not_found']);
      const [trace] = (await askRegistry(url, 'GET', 'history')).body.items ?? [];
      expect([trace?.kind, trace?.of, trace?.authors]).to.deep.equal(['settlement', NAME, ['village:kano']]);
    });
  }

  it('are settled by a merged document', async () => {
    const url = await nodeInConflict();
    const doc = { ...METER, serial: 'merged', phase: 3 };
    const settled = await askRegistry(url, 'POST', 'conflicts/device/m1', { body: { doc } });
    expect([settled.status, settled.body.serial, settled.body.phase], settled.text).to.deep.equal([200, 'merged', 3]);
    expect((await askRegistry(url, 'GET', 'conflicts')).body).to.deep.equal({ items: [] });
  });

  it('stay open where the settlement makes no sense', async () => {
    const url = await nodeInConflict();
    for (const [path, body, status, code] of [
      ['device/m1', { keep: '1-0' }, 400, 'invalid_request'],
      ['device/m1', {}, 400, 'invalid_request'],
      ['device/m1', undefined, 400, 'invalid_request'],
      ['device/m1', { doc: { model: 'x' } }, 400, 'invalid_request'],
      ['device/m1', { keep: '1-0', doc: METER }, 400, 'invalid_request'],
      ['device/none', { keep: '1-0' }, 404, 'not_found'],
      ['gadget/m1', { keep: '1-0' }, 404, 'not_found'],
    ] as const) {
      const answer = await askRegistry(url, 'POST', `conflicts/${path}`, { body });
      expect([answer.status, answer.body.error?.code], answer.text).to.deep.equal([status, code]);
    }
    expect((await askRegistry(url, 'GET', 'conflicts')).body.items).to.have.length(1);
  });

  it('of an edit and a deletion can be settled by the deletion', async () => {
    const before = await nodes.start(folder.path);
    await putDocument(before.url, 'device/m1', METER);
    await before.stop();
    await editApart(folder.path, { type: 'device', id: 'm1', here: { ...METER, phase: 1 }, there: undefined });
    const { url } = await nodes.start(folder.path);
    const [conflict] = (await askRegistry(url, 'GET', 'conflicts')).body.items ?? [];
    expect(Object.keys(conflict?.fields ?? {})).to.include('_deleted');
    const rev = conflict?.versions.find(({ deleted }) => deleted)?.rev;
    const settled = await askRegistry(url, 'POST', 'conflicts/device/m1', { body: { keep: rev } });
    expect([settled.status, settled.body], settled.text).to.deep.equal([200, { _id: NAME, deleted: true }]);
    expect((await askRegistry(url, 'GET', 'registry/device/m1')).status).to.equal(404);
    expect((await askRegistry(url, 'GET', 'conflicts')).body).to.deep.equal({ items: [] });
  });
});
