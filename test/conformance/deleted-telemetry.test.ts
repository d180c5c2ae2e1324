/** A CouchDB that loses its telemetry while gateway and node run gets back what the node still holds. */
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { anyVillage, GatewayCentre } from '../edge/push/support/centres.js';
import { EdgeSite, readings } from '../edge/push/support/edge-site.js';
import { describeWithCouchDb } from '../support/couchdb.js';
import { useTempFolder } from '../support/temp-folder.js';

describeWithCouchDb('telemetry deleted from the CouchDB behind a running gateway', () => {
  let centre: GatewayCentre;
  let site: EdgeSite;
  const folder = useTempFolder();

  beforeEach(async () => {
    centre = await GatewayCentre.start('couchdb');
    const village = anyVillage();
    const settings = { ...(await centre.settingsFor(village)), SEGMENT_MAX_DOCS: '40' };
    site = await EdgeSite.start(village, path.join(folder.path, 'node'), settings);
  });
  afterEach(async () => {
    await site.stop();
    await centre.stop();
  });

  const expectAllThere = async () => {
    expect(await centre.documents(site.village)).to.deep.equal(await site.documents());
    expect((await site.status()).store).to.include({ pending: 0, quarantined: 0, lost: 0 });
    expect(await centre.count()).to.equal((await site.status()).store.lastSeq);
  };

  it('is there again after one forced run, with nothing restarted', async () => {
    await site.post(readings(120));
    expect((await site.replicate()).result).to.include({ ok: true });
    await expectAllThere();
    await centre.deleteUnderneath();
    expect((await site.replicate()).result).to.include({ ok: true });
    await expectAllThere();
  });

  it('is there again, with what came since, when it was deleted between two pushes', async () => {
    await site.post(readings(60));
    expect((await site.replicate()).result).to.include({ ok: true });
    await centre.deleteUnderneath();
    await site.post(readings(60, 60));
    expect((await site.replicate()).result).to.include({ ok: true });
    await expectAllThere();
  });
});
