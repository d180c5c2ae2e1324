/** A forced replication includes the registry, both ways, and says what became of it. */
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EdgeRegistry } from '../../../edge/registry/edge-registry.js';
import { silentLogger } from '../../../shared/logger.js';
import { PouchLeaves } from '../../../shared/registry/pouchdb-leaves.js';
import { systemClock } from '../../../shared/time.js';
import { FaultProxy, faults } from '../../support/fault-proxy.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { putDocument } from '../api/registry-client.js';
import { solarEdge } from '../cli/solar-edge.js';
import { anyVillage, GatewayCentre } from '../push/support/centres.js';
import { EdgeSite, readings } from '../push/support/edge-site.js';
import { RegistrySite } from './support/registry-site.js';

const METER = { model: 'M1', serial: '7', role: 'customer' };

describe('the registry in a forced replication', () => {
  let village: string;
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let site: EdgeSite;
  /** Another place of the village, which sees what the centre has. */
  let witness: RegistrySite;

  afterEach(async () => {
    await witness.stop();
    await site.stop();
    await proxy.stop();
    await centre.stop();
  });
  const folder = useTempFolder();
  beforeEach(async () => {
    village = anyVillage();
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(centre.url);
    await proxy.start();
    const settings = await centre.settingsFor(village);
    site = await EdgeSite.start(village, path.join(folder.path, 'site'), { ...settings, API_URL: proxy.url });
    const { CENTRAL_PASSWORD: password = '' } = settings;
    const access = { url: centre.url, user: village, password, timeoutMs: 10_000 };
    witness = await RegistrySite.start({ folder: path.join(folder.path, 'witness'), village, ...access });
  });

  const atCentre = async (id: string): Promise<boolean> => {
    await witness.sync.sync();
    return (await witness.registry.registry.get('device', id)) !== undefined;
  };
  const failRegistry = (status: number): void => {
    proxy.rule = ({ path: asked }) =>
      asked.startsWith('/registry-') ? faults.json(status, { error: 'x', reason: 'not now' }) : undefined;
  };

  it('goes both ways, before the telemetry, and on a scheduled node not before it is asked for', async () => {
    await witness.put('device', 'there', METER);
    await witness.sync.sync();
    await putDocument(site.url, 'device/here', METER);
    await site.post(readings(20));
    expect(proxy.requests, 'asked by itself').to.have.lengthOf(0);
    expect((await site.status()).registry).to.include({ state: 'idle', pendingEdits: 1 });
    const { result } = await site.replicate();
    expect(result).to.include({ ok: true, pending: 0 });
    expect(await atCentre('here')).to.equal(true);
    expect((await fetch(`${site.url}/v1/registry/device/there`)).status).to.equal(200);
    const sent = proxy.requests.filter(({ path: asked }) => asked.includes('_bulk_docs')).map(({ path: at }) => at);
    expect(sent[0]).to.equal(`/registry-${village}/_bulk_docs`);
    expect(sent).to.include('/telemetry/_bulk_docs');
    const { registry } = await site.status();
    expect(registry).to.include({ state: 'idle', pendingEdits: 0, refused: 0 });
    expect(registry.lastSyncAt).to.be.a('string');
  });

  it('ends with a report to the centre of what it came to, from a node that says nothing in between', async () => {
    await site.post(readings(200));
    const { node, store } = await site.status();
    expect(store.pending).to.be.greaterThan(199);
    expect((await site.replicate()).result).to.include({ ok: true });
    await witness.sync.sync();
    const [report] = await witness.registry.registry.reports();
    expect(report).to.include({ node, pending: 0 });
  });

  for (const status of [403, 500]) {
    it(`delivers the telemetry, and fails for what was edited, while the registry is answered ${status}`, async () => {
      await putDocument(site.url, 'device/here', METER);
      await site.post(readings(20));
      failRegistry(status);
      const { result } = await site.replicate({ maxRetries: 2 });
      expect(result).to.deep.include({ ok: false, pending: 0 });
      expect(result.error).to.include({ tag: 'HTTP_ERROR', status });
      expect(await centre.documents(village)).to.have.lengthOf(20);
      const { registry } = await site.status();
      expect(registry.lastError).to.include({ status });
      expect(registry).to.include({ pendingEdits: 1, state: status === 403 ? 'blocked' : 'waiting' });
      proxy.rule = () => undefined;
      expect((await site.replicate()).result).to.include({ ok: true });
      expect(await atCentre('here')).to.equal(true);
    });
  }

  it('ends the alert that the centre refuses it, once a run has had it synchronised, on a node that asks for nothing else', async () => {
    const alerts = async () => (await site.status()).alerts.map(({ code }) => code);
    failRegistry(403);
    await site.replicate({ maxRetries: 1 });
    expect(await alerts()).to.deep.equal(['registry']);
    // A run that does not come as far changes nothing.
    proxy.rule = () => faults.json(500, { error: 'x', reason: 'not now' });
    await site.replicate({ maxRetries: 1 });
    expect(await alerts()).to.deep.equal(['registry']);
    proxy.rule = () => undefined;
    expect((await site.replicate()).result).to.include({ ok: true });
    expect(await alerts()).to.deep.equal([]);
    expect((await site.status()).registry.state).to.equal('idle');
  });

  it('is told and no failure where nothing that was edited here is left', async () => {
    await site.post(readings(20));
    failRegistry(500);
    const { result } = await site.replicate();
    expect(result).to.deep.include({ ok: true, pending: 0 });
    expect(result.registry).to.include({ tag: 'HTTP_ERROR', status: 500 });
  });

  it('stays here, and says so, where the centre keeps none', async () => {
    await putDocument(site.url, 'device/here', METER);
    failRegistry(404);
    const { result } = await site.replicate();
    expect(result).to.deep.include({ ok: true });
    const { registry } = await site.status();
    expect(registry).to.include({ state: 'absent', pendingEdits: 1 });
    expect(registry.lastError?.message).to.contain('no registry for this village');
  });

  it('exits 3 when the centre refuses an edit, and 0 the next time, when that is known', async () => {
    await site.stop();
    const registry = await EdgeRegistry.open({ folder: site.folder, clock: systemClock, log: silentLogger() });
    const big = { deleted: false, body: { text: 'x'.repeat(200_000) } };
    await new PouchLeaves(registry.database).put('note:big', undefined, big);
    await registry.close();
    await site.restart();
    await putDocument(site.url, 'device/here', METER);
    const args = ['replicate', '--once', '--edge', site.url];
    const { code, stderr } = await solarEdge(args);
    expect([code, stderr]).to.satisfy(() => code === 3 && stderr.includes('refused 1 of the registry (note:big)'));
    expect(await atCentre('here')).to.equal(true);
    expect((await solarEdge(args)).code).to.equal(0);
    expect((await site.status()).registry).to.include({ refused: 1, pendingEdits: 0 });
  });
});
