/** What the centre refuses: single documents are kept with the reason, floods are the centre's fault. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { anyVillage, GatewayCentre } from '../edge/push/support/centres.js';
import { EdgeSite, readings } from '../edge/push/support/edge-site.js';
import { documentsOf, isBulkDocs } from '../edge/push/support/sent-documents.js';
import { FaultProxy, faults, type Rule } from '../support/fault-proxy.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { REASON, refusing } from './refusing-centre.js';

describe('documents the centre refuses', () => {
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let site: EdgeSite;
  let village: string;
  let password: string;
  beforeEach(async () => {
    village = anyVillage();
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(centre.url);
    await proxy.start();
    password = (await centre.settingsFor(village)).CENTRAL_PASSWORD ?? '';
  });
  afterEach(async () => {
    await site.stop();
    await proxy.stop();
    await centre.stop();
  });
  const folder = useTempFolder();

  const startSite = async (settings = {}): Promise<void> => {
    site = await EdgeSite.start(village, folder.path, { API_URL: proxy.url, CENTRAL_PASSWORD: password, ...settings });
  };

  const expectDelivered = async (): Promise<void> => {
    const { store } = await site.status();
    expect(store).to.include({ pending: 0, quarantined: 0 });
    expect(await centre.documents(village)).to.deep.equal(await site.documents());
    expect(await centre.count()).to.equal(store.lastSeq);
  };

  /** Refuses the readings of meter 3. */
  const ofMeter3 = (id: string): boolean => id.includes(':m3:');

  it('go to quarantine with their reason, pass no other, and are delivered when the centre changes its mind', async () => {
    await startSite();
    proxy.rule = refusing(centre.url, ofMeter3);
    await site.post(readings(50));
    const { result } = await site.replicate();
    expect(result).to.include({ ok: false, sent: 41, pending: 0, quarantined: 10 });
    expect(result.error).to.include({ code: 'quarantined', retryable: false });
    expect(await centre.documents(village)).to.have.length(40);
    const items = await site.quarantine();
    const refused = (await site.documents()).filter(({ _id }) => ofMeter3(_id));
    expect(items.map(({ doc }) => doc)).to.deep.equal(refused);
    expect(new Set(items.map(({ reason, tries }) => `${reason} ${tries}`))).to.deep.equal(new Set([`${REASON} 1`]));
    expect((await site.status()).store).to.include({ quarantined: 10, pending: 0 });
    expect(await site.retryQuarantine()).to.deep.equal({ released: 0, quarantined: 10 });
    expect((await site.quarantine()).map(({ tries }) => tries)).to.deep.equal(Array(10).fill(2));
    proxy.rule = () => undefined;
    expect(await site.retryQuarantine()).to.deep.equal({ released: 10, quarantined: 0 });
    await expectDelivered();
  });

  it('stay in quarantine over a restart, and the forced replication offers them again', async () => {
    await startSite();
    proxy.rule = refusing(centre.url, ofMeter3);
    await site.post(readings(20));
    await site.replicate();
    await site.restart();
    const items = await site.quarantine();
    expect(items.map(({ reason, tries }) => ({ reason, tries }))).to.deep.equal(
      Array(4).fill({ reason: REASON, tries: 1 }),
    );
    const again = (await site.replicate()).result;
    expect(again, 'nothing was refused that was not refused before').to.include({ ok: true, quarantined: 0 });
    proxy.rule = () => undefined;
    expect((await site.replicate()).result).to.include({ ok: true, sent: 4 });
    await expectDelivered();
  });

  it('are refused by the gateway itself when they would rewrite what it holds', async () => {
    await startSite();
    await site.post([{ device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 1 }]);
    await site.replicate();
    await site.stop();
    site = await EdgeSite.start(village, `${folder.path}/other`, { API_URL: proxy.url, CENTRAL_PASSWORD: password });
    await site.post([{ device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 2 }, ...readings(5, 100)]);
    expect((await site.replicate()).result).to.include({ ok: false, sent: 6, quarantined: 1, pending: 0 });
    const [item] = await site.quarantine();
    expect(item?.doc).to.include({ _id: `${village}:r:m1:2026-03-01T00:00:00.000Z`, powerW: 2 });
    expect(item?.reason).to.be.a('string').and.not.equal('');
    const held = (await centre.documents(village)).find(({ _id }) => _id === item?.id);
    expect(held).to.include({ powerW: 1 });
  });

  it('are given up when a person says so', async () => {
    await startSite();
    proxy.rule = refusing(centre.url, ofMeter3);
    await site.post(readings(5));
    await site.replicate();
    const [item] = await site.quarantine();
    const path = `/v1/quarantine/${encodeURIComponent(item?.id ?? '')}`;
    expect(await site.client.json(path, { method: 'DELETE' })).to.deep.equal({ released: item?.id });
    proxy.rule = () => undefined;
    expect((await site.replicate()).result).to.include({ ok: true, sent: 0, pending: 0 });
    expect(await centre.documents(village)).to.have.length(4);
    expect((await site.status()).store).to.include({ quarantined: 0, pending: 0 });
  });

  it('in floods are the centre at fault: blocked, nothing in quarantine, delivered when it ends', async () => {
    await startSite();
    proxy.rule = refusing(centre.url, () => true);
    await site.post(readings(500));
    const asked = proxy.requests.length;
    const { result } = await site.replicate();
    expect(result).to.include({ ok: false, sent: 0, pending: 501, quarantined: 0 });
    expect(proxy.requests.length - asked).to.be.at.most(12);
    const { store, link, alerts } = await site.status();
    expect([store.quarantined, link.state, link.lastError?.message]).to.deep.equal([
      0,
      'blocked',
      `the centre refuses documents in floods, such as: ${REASON}`,
    ]);
    expect(alerts.map(({ code, severity }) => `${code} ${severity}`)).to.include('refusals critical');
    proxy.rule = () => undefined;
    expect((await site.replicate()).result).to.include({ ok: true, sent: 501 });
    await expectDelivered();
  });

  it('among thousands of others are no flood: they alone are kept back', async () => {
    await startSite();
    // One meter in five, a fifth of what is posted.
    proxy.rule = refusing(centre.url, ofMeter3);
    for (let first = 0; first < 6_000; first += 2_000) await site.post(readings(2_000, first));
    const { result } = await site.replicate();
    expect(result).to.include({ ok: false, sent: 4_801, pending: 0, quarantined: 1_200 });
    expect((await site.status()).link.state).to.equal('online');
    expect((await site.quarantine()).map(({ doc }) => doc)).to.deep.equal(
      (await site.documents()).filter(({ _id }) => ofMeter3(_id)),
    );
  });

  it('in floods of two meters in five cost few bytes, however often it is tried again, and none is kept back', async () => {
    await startSite();
    await site.post(readings(2_000, 0));
    expect((await site.replicate()).result).to.include({ ok: true });
    proxy.rule = refusing(centre.url, (id) => id.includes(':m1:') || id.includes(':m3:'));
    for (let first = 2_000; first < 8_000; first += 2_000) await site.post(readings(2_000, first));
    await site.replicate({ maxRetries: 0 });
    const asked = proxy.requests.length;
    const tries = 5;
    for (let i = 0; i < tries; i++) await site.replicate({ maxRetries: 0 });
    const again = proxy.requests.slice(asked);
    const sizes = again.filter(isBulkDocs).map((request) => documentsOf(request).length);
    expect(Math.max(...sizes), `documents sent at once: ${sizes}`).to.be.at.most(50);
    expect(again.length / tries, 'requests for each try').to.be.at.most(12);
    expect((await site.status()).store.quarantined).to.equal(0);
    proxy.rule = () => undefined;
    expect((await site.replicate()).result).to.include({ ok: true, pending: 0 });
    await expectDelivered();
  });

  it('learns from 413 how much something on the way takes at once', async () => {
    await startSite();
    const most = 150;
    let refusedWhole = 0;
    proxy.rule = (request) => {
      if (!isBulkDocs(request) || documentsOf(request).length <= most) return undefined;
      refusedWhole++;
      return faults.html(413);
    };
    for (let first = 0; first < 6_000; first += 2_000) await site.post(readings(2_000, first));
    expect((await site.replicate()).result).to.include({ ok: true, sent: 6_001 });
    // The first ones, and one in 35 since.
    expect(refusedWhole).to.be.at.most(12);
    await expectDelivered();
  });

  for (const status of [413, 400]) {
    it(`are found by halving when a request is refused whole with ${status}`, async () => {
      await startSite();
      proxy.rule = (request) => {
        const isBad = isBulkDocs(request) && documentsOf(request).some(({ _id }) => _id.endsWith('00:17.000Z'));
        return isBad ? faults.json(status, { error: 'bad_request', reason: 'one of them is no good' }) : undefined;
      };
      await site.post(readings(60));
      const asked = proxy.requests.length;
      expect((await site.replicate()).result).to.include({ ok: false, sent: 60, quarantined: 1, pending: 0 });
      expect(proxy.requests.length - asked).to.be.at.most(6 + 2 * 7);
      const items = await site.quarantine();
      expect(items.map(({ id }) => id)).to.deep.equal([`${village}:r:m2:2026-03-01T00:00:17.000Z`]);
      expect(items[0]?.reason).to.contain(String(status));
      proxy.rule = () => undefined;
      expect(await site.retryQuarantine()).to.deep.equal({ released: 1, quarantined: 0 });
      await expectDelivered();
    });
  }

  describe('without anyone asking', () => {
    const liveRule = async (rule: Rule, settings = {}): Promise<void> => {
      proxy.rule = rule;
      await startSite({ SYNC_MODE: 'live', ...settings });
      await site.post(readings(20));
    };

    it('a wrong credential blocks, is asked about rarely, and heals by itself when it is put right', async () => {
      await liveRule(({ path }) =>
        path.startsWith('/telemetry') ? faults.json(401, { error: 'unauthorized' }) : undefined,
      );
      await waitFor(async () => (await site.status()).link.state === 'blocked', { what: 'the node to be blocked' });
      expect((await site.status()).sync.state).to.be.oneOf(['blocked', 'connecting']);
      proxy.rule = () => undefined;
      await waitFor(async () => (await site.status()).store.pending === 0, { what: 'the delivery', timeoutMs: 20_000 });
      await expectDelivered();
    });

    it('a centre that refuses everything fills no quarantine, is one alert, and gets everything when it stops', async () => {
      await liveRule(refusing(centre.url, () => true));
      for (let first = 20; first < 1_020; first += 250) await site.post(readings(250, first));
      await waitFor(async () => (await site.status()).link.state === 'blocked', { what: 'the node to be blocked' });
      const { store, alerts } = await site.status();
      // Those that came first came alone: nobody could know yet.
      expect(store.quarantined).to.be.at.most(50);
      expect(store.pending + store.quarantined).to.equal(store.lastSeq);
      expect(alerts.filter(({ code }) => code === 'blocked' || code === 'refusals')).to.have.length(1);
      proxy.rule = () => undefined;
      await waitFor(async () => (await site.status()).store.pending === 0, { what: 'the delivery', timeoutMs: 25_000 });
      expect((await site.replicate()).result).to.include({ ok: true, pending: 0 });
      await expectDelivered();
    });

    it('a centre in trouble is not asked in a hot loop, and Retry-After is kept to', async () => {
      let firstMs = Number.POSITIVE_INFINITY;
      await liveRule((request) => {
        if (!isBulkDocs(request)) return undefined;
        firstMs = Math.min(firstMs, performance.now());
        return faults.json(429, {}, { 'Retry-After': '2' });
      });
      await waitFor(() => proxy.requests.some(isBulkDocs), { what: 'the first try' });
      // Until it has heard the answer, what is fresh goes beside the first try.
      await waitFor(async () => (await site.status()).sync.state === 'waiting', { what: 'the node to wait' });
      // The boot and the readings may have gone side by side.
      const tries = proxy.requests.filter(isBulkDocs).length;
      await site.post(readings(20, 100));
      await waitFor(() => proxy.requests.filter(isBulkDocs).length > tries, {
        what: 'another try',
        timeoutMs: 15_000,
      });
      expect(performance.now() - firstMs).to.be.at.least(1_900);
      expect(proxy.requests.length).to.be.at.most(12);
      proxy.rule = () => undefined;
      await site.replicate();
      await expectDelivered();
    });
  });
});
