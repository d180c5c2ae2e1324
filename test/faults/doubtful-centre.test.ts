/**
 * A centre that holds documents under other numbers and loses them, that cannot prove what it holds, or that refuses
 * everything: nothing is lost, nothing waits in vain, nothing is sent without bound.
 */
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { anyVillage, GatewayCentre } from '../edge/push/support/centres.js';
import { EdgeSite, readings, type SiteSettings } from '../edge/push/support/edge-site.js';
import { documentsOf, isBulkDocs, sentIds } from '../edge/push/support/sent-documents.js';
import { FaultProxy, faults } from '../support/fault-proxy.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';

describe('a doubtful centre', () => {
  const folder = useTempFolder();
  const village = anyVillage();
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let settings: SiteSettings;
  const sites: EdgeSite[] = [];
  beforeEach(async () => {
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(centre.url);
    await proxy.start();
    settings = { ...(await centre.settingsFor(village)), API_URL: proxy.url };
  });
  afterEach(async () => {
    for (const site of sites.splice(0)) await site.stop();
    await proxy.stop();
    await centre.stop();
  });

  const startSite = async (name: string, changes: SiteSettings = {}): Promise<EdgeSite> => {
    const site = await EdgeSite.start(village, path.join(folder.path, name), { ...settings, ...changes });
    sites.push(site);
    return site;
  };

  it('gets back what it held under the numbers of a node that is gone, and nobody sends it again after that', async () => {
    await centre.backUp();
    const gone = await startSite('gone');
    await gone.post(readings(30));
    expect((await gone.replicate()).result.ok).to.equal(true);
    await gone.stop();
    const node = await startSite('node', { SEGMENT_MAX_DOCS: '10', RETENTION_DAYS: '0' });
    for (let first = 0; first < 30; first += 10) await node.post(readings(10, first));
    expect((await node.replicate()).result).to.include({ ok: true, pending: 0 });
    await centre.restoreBackup();
    expect((await node.replicate()).result).to.include({ ok: true, pending: 0 });
    expect(await centre.documents(village)).to.have.length(30);
    const asked = proxy.requests.length;
    for (let i = 0; i < 3; i++) expect((await node.replicate()).result).to.include({ ok: true, sent: 0 });
    expect(sentIds(proxy, asked)).to.have.length(0);
    await node.client.json('/v1/cleanup', { method: 'POST' });
    expect((await node.status()).store.segments, 'confirmed, and deleted').to.equal(1);
    expect(await centre.documents(village)).to.have.length(30);
  });

  it('gets back what it lost while a node was off, which deletes nothing for age on what it was told before', async () => {
    const node = await startSite('node', { SEGMENT_MAX_DOCS: '10' });
    for (let first = 0; first < 30; first += 10) await node.post(readings(10, first));
    expect((await node.replicate()).result).to.include({ ok: true, pending: 0 });
    await node.stop();
    await centre.wipe({ as: 'same' });
    await node.restart({ RETENTION_DAYS: '0' });
    await node.client.json('/v1/cleanup', { method: 'POST' });
    expect((await node.replicate()).result).to.include({ ok: true, pending: 0 });
    expect(await centre.documents(village)).to.have.length(30);
    // Told anew, it is deleted.
    await node.client.json('/v1/cleanup', { method: 'POST' });
    expect((await node.status()).store.segments).to.equal(1);
  });

  it('gets everything although it cannot prove yet what it holds', async () => {
    const node = await startSite('node');
    await node.post(readings(50));
    await node.replicate();
    proxy.rule = ({ path: where }) =>
      where.includes('/_receipt') ? faults.json(503, { error: 'unavailable' }, { 'Retry-After': '10' }) : undefined;
    await node.post(readings(50, 50));
    await node.restart({ SYNC_MODE: 'live' });
    await waitFor(async () => (await node.status()).store.pending === 0, { what: 'what was pending before the start' });
    await node.post(readings(5, 100));
    expect((await node.replicate()).result).to.include({ ok: true, pending: 0 });
    expect(await centre.documents(village)).to.deep.equal(await node.documents());
    expect(new Set(sentIds(proxy)).size, 'nothing sent twice').to.equal(sentIds(proxy).length);
  });

  it('is offered a few documents at a time while it refuses every single one', async () => {
    const node = await startSite('node');
    await node.post(readings(3_000));
    proxy.rule = (request) =>
      isBulkDocs(request)
        ? faults.json(
            201,
            documentsOf(request).map(({ _id: id }) => ({ id, error: 'forbidden', reason: 'not today' })),
          )
        : undefined;
    for (let i = 0; i < 6; i++) await node.replicate({ maxRetries: 0 });
    const sizes = proxy.requests.filter(isBulkDocs).map((request) => documentsOf(request).length);
    expect(Math.max(...sizes.slice(2)), `${sizes}`).to.be.at.most(50);
    expect((await node.status()).store).to.include({ quarantined: 0, pending: 3_001 });
    proxy.rule = () => undefined;
    expect((await node.replicate()).result).to.include({ ok: true, pending: 0 });
  });

  it('is not asked thousands of times while something before it takes no body at all', async () => {
    const node = await startSite('node');
    await node.post(readings(3_000));
    proxy.rule = (request) => (isBulkDocs(request) ? faults.html(413) : undefined);
    for (let i = 0; i < 3; i++) await node.replicate({ maxRetries: 0 });
    expect(proxy.requests.filter(isBulkDocs).length).to.be.below(400);
    const { store, link } = await node.status();
    expect(store).to.include({ quarantined: 0, pending: 3_001 });
    expect(link.state).to.equal('blocked');
    proxy.rule = () => undefined;
    expect((await node.replicate()).result).to.include({ ok: true, pending: 0 });
  });

  it('may refuse checkpoints: documents arrive all the same', async () => {
    const node = await startSite('node', { SEGMENT_MAX_DOCS: '20' });
    proxy.rule = ({ method }) => (method === 'PUT' ? faults.json(405, { error: 'method_not_allowed' }) : undefined);
    for (let first = 0; first < 60; first += 10) await node.post(readings(10, first));
    expect((await node.replicate()).result).to.include({ ok: true, pending: 0 });
    expect(await centre.documents(village)).to.deep.equal(await node.documents());
  });
});
