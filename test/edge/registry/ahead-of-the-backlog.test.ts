/** An edit of the registry goes before readings, and a registry that fails does not keep them from arriving. */
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { sleep } from '../../../shared/time.js';
import { FaultProxy, faults } from '../../support/fault-proxy.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { putDocument } from '../api/registry-client.js';
import { anyVillage, GatewayCentre } from '../push/support/centres.js';
import { EdgeSite, readings } from '../push/support/edge-site.js';

const METER = { model: 'M1', serial: '7', role: 'customer' };
/** Long enough for a push that does not wait, which begins at once. */
const A_WHILE_MS = 700;

describe('an edit of the registry and the readings', () => {
  const village = anyVillage();
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let site: EdgeSite;

  afterEach(async () => {
    await site.stop();
    await proxy.stop();
    await centre.stop();
  });
  const folder = useTempFolder();
  beforeEach(async () => {
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(centre.url);
    await proxy.start();
    const settings = { ...(await centre.settingsFor(village)), API_URL: proxy.url, SYNC_MODE: 'live' };
    site = await EdgeSite.start(village, path.join(folder.path, 'site'), settings);
    await waitFor(async () => (await site.status()).registry.state === 'live', { what: 'the registry to be live' });
  });

  const sent = (database: string): number =>
    proxy.requests.filter(({ path: asked }) => asked === `/${database}/_bulk_docs`).length;
  const untilDelivered = () =>
    waitFor(async () => (await site.status()).store.pending === 0, { what: 'the readings to be delivered' });

  it('is answered for before a reading is handed over', async () => {
    await untilDelivered();
    let isOpen = false;
    proxy.rule = async ({ path: asked }) => {
      const isEdit = asked.startsWith('/registry-') && asked.endsWith('/_bulk_docs');
      if (isEdit) await waitFor(() => isOpen, { what: 'the test to let it pass' });
      return undefined;
    };
    const [edits, batches] = [sent(`registry-${village}`), sent('telemetry')];
    await putDocument(site.url, 'device/m7', METER);
    await waitFor(() => sent(`registry-${village}`) > edits, { what: 'the edit to be sent' });
    await site.post(readings(20));
    await sleep(A_WHILE_MS);
    expect(sent('telemetry')).to.equal(batches);
    isOpen = true;
    await untilDelivered();
    expect(sent('telemetry')).to.be.above(batches);
  });

  it('does not keep them waiting while it looks whether both sides hold the same', async () => {
    await untilDelivered();
    let isOpen = false;
    let hasPulled = false;
    await site.stop();
    const held: string[] = [];
    proxy.rule = async ({ path: asked }) => {
      if (!asked.startsWith(`/registry-${village}`)) return undefined;
      if (asked.includes('/_changes')) hasPulled = true;
      // Once everything is brought and sent, the first round looks, and the report is sent in one of its own.
      if (hasPulled && !asked.includes('/_')) {
        held.push(asked);
        await waitFor(() => isOpen, { what: 'the test to let it pass', timeoutMs: 20_000 });
      }
      return undefined;
    };
    await site.restart();
    await waitFor(() => held.length > 0, { what: 'the node to look' });
    await site.post(readings(20));
    await untilDelivered();
    isOpen = true;
  });

  it('does not keep them waiting while the registry fails', async () => {
    proxy.rule = ({ path: asked }) => (asked.startsWith('/registry-') ? faults.json(500, {}) : undefined);
    await putDocument(site.url, 'device/m7', METER);
    await waitFor(async () => (await site.status()).registry.lastError !== undefined, { what: 'the round to fail' });
    await site.post(readings(20));
    await untilDelivered();
    expect((await site.status()).registry.pendingEdits).to.equal(1);
    expect((await site.status()).link.state).to.equal('online');
  });
});
