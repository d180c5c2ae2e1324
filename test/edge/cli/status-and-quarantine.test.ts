/** `solar-edge status` and `quarantine`: what the node answers over REST, for people and for programs. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { refusing } from '../../faults/refusing-centre.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { anyVillage, GatewayCentre } from '../push/support/centres.js';
import { EdgeSite, readings } from '../push/support/edge-site.js';
import { solarEdge } from './solar-edge.js';

describe('solar-edge status and quarantine', () => {
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let site: EdgeSite;
  let village: string;
  afterEach(async () => {
    await site.stop();
    await proxy.stop();
    await centre.stop();
  });
  const folder = useTempFolder();
  beforeEach(async () => {
    village = anyVillage();
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(
      centre.url,
      refusing(centre.url, (id) => id.includes(':m3:')),
    );
    await proxy.start();
    const settings = { ...(await centre.settingsFor(village)), API_URL: proxy.url };
    site = await EdgeSite.start(village, folder.path, settings);
    await site.post(readings(10));
    await site.replicate();
    await site.post(readings(5, 100));
  });

  it('status --json prints what GET /v1/status answers', async () => {
    const { code, stdout, stderr } = await solarEdge(['status', '--json', '--edge', site.url]);
    expect([code, stderr]).to.deep.equal([0, '']);
    const printed = JSON.parse(stdout) as Awaited<ReturnType<EdgeSite['status']>>;
    const asked = await site.status();
    // The folder may have been measured anew in between.
    const { bytes, usedPct } = printed.store;
    expect(printed).to.deep.equal({ ...asked, store: { ...asked.store, bytes, usedPct } });
    expect(printed.store).to.include({ pending: 5, quarantined: 2, lost: 0, lastSeq: 16 });
    expect(printed.sync).to.include({ state: 'waiting', mode: 'scheduled', docsSent: 9 });
  });

  it('status tells people the same in words', async () => {
    const { code, stdout } = await solarEdge(['status', '--edge', site.url]);
    expect(code).to.equal(0);
    expect(stdout).to.match(new RegExp(`^village +${village} \\(node [a-z0-9]{6}, version .*, clock sure\\)\n`));
    expect(stdout).to.match(/^pending +5 documents, the oldest of 2026-03-01T00:01:40\.000Z$/m);
    expect(stdout).to.match(/^quarantine +2 documents$/m);
  });

  it('quarantine list shows each document with its reason', async () => {
    const { code, stdout } = await solarEdge(['quarantine', 'list', '--edge', site.url]);
    expect(code).to.equal(0);
    expect(stdout.trim().split('\n')).to.have.length(2);
    expect(stdout).to.match(
      new RegExp(`^${village}:r:m3:2026-03-01T00:00:03.000Z  the test does not like it  \\(since .*, 1 tries\\)`),
    );
    const json = await solarEdge(['quarantine', 'list', '--json', '--edge', site.url]);
    expect(JSON.parse(json.stdout)).to.deep.equal({ items: await site.quarantine() });
  });

  it('quarantine retry exits 3 while the centre goes on refusing, and 0 when it has taken everything', async () => {
    expect((await solarEdge(['quarantine', 'retry', '--edge', site.url])).code).to.equal(3);
    proxy.rule = () => undefined;
    const { code, stdout } = await solarEdge(['quarantine', 'retry', '--edge', site.url]);
    expect([code, stdout]).to.deep.equal([0, 'The centre took 3; 0 remain in quarantine.\n']);
    const empty = await solarEdge(['quarantine', 'list', '--edge', site.url]);
    expect(empty.stdout).to.equal('The quarantine is empty.\n');
    expect(await centre.documents(village)).to.deep.equal(await site.documents());
  });

  it('quarantine retry exits 1 when the centre cannot be reached', async () => {
    proxy.rule = () => ({ kind: 'reset' });
    const { code, stderr } = await solarEdge(['quarantine', 'retry', '--edge', site.url]);
    expect(code).to.equal(1);
    expect(stderr).to.match(/^error: the documents could not be offered again: no connection to/);
  });

  it('quarantine release gives one up, and exits 2 for one that is not there', async () => {
    const [item] = await site.quarantine();
    const { code } = await solarEdge(['quarantine', 'release', item?.id ?? '', '--edge', site.url]);
    expect([code, (await site.quarantine()).length]).to.deep.equal([0, 1]);
    const again = await solarEdge(['quarantine', 'release', item?.id ?? '', '--edge', site.url]);
    expect([again.code, again.stderr]).to.deep.equal([2, `error: there is no document ${item?.id} in quarantine\n`]);
  });
});
