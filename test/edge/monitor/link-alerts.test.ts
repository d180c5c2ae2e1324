/** Alerts about the centre, of a whole node: what it refuses, and what keeps the node from it. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { refusing } from '../../faults/refusing-centre.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { anyVillage, GatewayCentre } from '../push/support/centres.js';
import { EdgeSite, readings } from '../push/support/edge-site.js';

describe('alerts about the centre', () => {
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
    const village = anyVillage();
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(
      centre.url,
      refusing(centre.url, () => true),
    );
    await proxy.start();
    const settings = { ...(await centre.settingsFor(village)), API_URL: proxy.url };
    site = await EdgeSite.start(village, folder.path, settings);
  });

  const codes = async () => (await site.status()).alerts.map(({ code }) => code);

  it('tell a flood of refusals from a refused credential, and end when the centre takes documents again', async () => {
    await site.post(readings(200));
    expect((await site.replicate({ maxRetries: 1 })).result).to.include({ ok: false });
    expect(await codes()).to.deep.equal(['refusals']);
    proxy.rule = () => ({ kind: 'answer', status: 401 });
    expect((await site.replicate({ maxRetries: 1 })).result).to.include({ ok: false });
    expect(await codes()).to.deep.equal(['blocked']);
    proxy.rule = () => undefined;
    await site.replicate();
    expect(await codes()).to.deep.equal([]);
  });
});
