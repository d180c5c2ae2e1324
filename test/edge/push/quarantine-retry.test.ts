/** What becomes of refused documents without anyone asking, on request, and when a person gives them up. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { QuarantineStore } from '../../../edge/push/quarantine-store.js';
import type { TelemetryDocument } from '../../../shared/documents.js';
import { formatInstant } from '../../../shared/time.js';
import { refusing } from '../../faults/refusing-centre.js';
import { FaultProxy, faults } from '../../support/fault-proxy.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { anyVillage, GatewayCentre } from './support/centres.js';
import { EdgeSite, readings } from './support/edge-site.js';
import { documentsOf, isBulkDocs, sentIds } from './support/sent-documents.js';

const HOUR_MS = 3_600_000;

describe('refused documents', () => {
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let site: EdgeSite | undefined;
  let village: string;
  let settings: Record<string, string>;
  beforeEach(async () => {
    village = anyVillage();
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(centre.url);
    await proxy.start();
    settings = { ...(await centre.settingsFor(village)), API_URL: proxy.url };
  });
  afterEach(async () => {
    await site?.stop();
    site = undefined;
    await proxy.stop();
    await centre.stop();
  });
  const folder = useTempFolder();

  /** Refused so many hours ago, so many times. */
  interface Earlier {
    count: number;
    hoursAgo: number;
    tries?: number;
    device?: string;
  }

  /** Has a node find documents in its quarantine, of segments that are gone. */
  async function keep(...groups: Earlier[]): Promise<void> {
    const store = await QuarantineStore.open(folder.path);
    for (const { count, hoursAgo, tries = 1, device = 'm1' } of groups) {
      const documents = Array.from({ length: count }, (_, n) => earlierDocument(device, n + 1));
      const refused = documents.map((document) => ({ document, reason: 'a rule' }));
      for (let n = 0; n < tries; n++) await store.add(refused, formatInstant(Date.now() - hoursAgo * HOUR_MS));
    }
    await store.close();
  }

  function earlierDocument(device: string, seq: number): TelemetryDocument {
    const at = formatInstant(Date.parse('2026-02-01T00:00:00Z') + seq * 1000);
    const names = { _id: `${village}:r:${device}:${at}`, _rev: '1-abcdefabcdef', type: 'reading', village } as const;
    return { ...names, device, at, node: 'olde', seq, boot: 1, powerW: seq };
  }

  async function start(changes = {}): Promise<EdgeSite> {
    site = await EdgeSite.start(village, folder.path, { ...settings, ...changes });
    return site;
  }

  it('are offered again without anyone asking once their time has come, and not before', async () => {
    await keep({ count: 3, hoursAgo: 2 }, { count: 2, hoursAgo: 2, tries: 4, device: 'm2' });
    const node = await start({ SYNC_MODE: 'live' });
    await waitFor(async () => (await node.quarantine()).length === 2, { what: 'the first three to be taken' });
    expect((await centre.documents(village)).map(({ device }) => device)).to.deep.equal(['m1', 'm1', 'm1']);
    expect(sentIds(proxy).filter((id) => id.includes(':m2:'))).to.deep.equal([]);
  });

  it('say when they were offered last', async () => {
    await keep({ count: 1, hoursAgo: 2 });
    const node = await start();
    proxy.rule = refusing(centre.url, (id) => id.includes(':m1:'));
    const before = formatInstant(Date.now());
    expect(await node.retryQuarantine()).to.deep.equal({ released: 0, quarantined: 1 });
    const [item] = await node.quarantine();
    expect(item).to.include({ tries: 2 });
    expect((item?.lastTriedAt ?? '') >= before && (item?.since ?? '') < before).to.equal(true);
  });

  it('are all offered on request, but no further once a whole batch of them is refused again', async () => {
    await keep({ count: 250, hoursAgo: 1000 });
    const node = await start();
    proxy.rule = refusing(centre.url, (id) => id.includes(':m1:'));
    const offered = async (): Promise<number> => {
      const asked = proxy.requests.length;
      await node.retryQuarantine();
      return sentIds(proxy, asked).filter((id) => id.includes(':m1:')).length;
    };
    expect([await offered(), await offered(), await offered()]).to.deep.equal([100, 100, 100]);
    const tries = (await node.quarantine()).map((item) => item.tries);
    // Those that waited longest come first, so that all of them have their turn.
    expect([tries.filter((n) => n === 2).length, tries.filter((n) => n === 3).length]).to.deep.equal([200, 50]);
    proxy.rule = () => undefined;
    expect(await node.retryQuarantine()).to.deep.equal({ released: 250, quarantined: 0 });
  });

  it('that make the centre fail do not hold up what comes behind them', async () => {
    await keep({ count: 1, hoursAgo: 2 });
    proxy.rule = (request) => {
      const isPoisoned = isBulkDocs(request) && documentsOf(request).some(({ node }) => node === 'olde');
      return isPoisoned ? faults.json(500, {}) : undefined;
    };
    const node = await start({ SYNC_MODE: 'live' });
    await node.post(readings(5));
    await waitFor(async () => (await node.status()).store.pending === 0, { what: 'the rest', timeoutMs: 20_000 });
    expect((await node.replicate()).result).to.include({ ok: true });
    expect((await node.quarantine()).map(({ tries }) => tries)).to.deep.equal([1]);
  });

  it('that were caught up in a failure of the centre are offered in the next forced run, but for those it fails on', async () => {
    await keep({ count: 90, hoursAgo: 2 });
    const node = await start();
    proxy.rule = (request) => (isBulkDocs(request) ? faults.json(500, {}) : undefined);
    const limits = { maxRetries: 1 };
    expect((await node.replicate(limits)).result).to.include({ ok: false });
    const poisoned = (await node.quarantine())[41]?.id;
    proxy.rule = (request) =>
      isBulkDocs(request) && documentsOf(request).some(({ _id }) => _id === poisoned)
        ? faults.json(500, {})
        : undefined;
    expect((await node.replicate(limits)).result).to.include({ ok: true });
    expect((await node.quarantine()).map(({ id }) => id)).to.deep.equal([poisoned]);
    proxy.rule = () => undefined;
    expect((await node.replicate(limits)).result).to.include({ ok: true });
    expect(await node.quarantine()).to.deep.equal([]);
  });

  describe('that a person gives up', () => {
    const giveUp = (node: EdgeSite, id: string) =>
      node.client.json(`/v1/quarantine/${encodeURIComponent(id)}`, { method: 'DELETE' });

    it('are never sent again, though the centre loses everything and the quarantine is asked for', async () => {
      const node = await start();
      proxy.rule = refusing(centre.url, (id) => id.includes(':m3:'));
      await node.post(readings(10));
      await node.replicate();
      const [first] = await node.quarantine();
      await giveUp(node, first?.id ?? '');
      proxy.rule = () => undefined;
      await centre.wipe();
      expect((await node.replicate()).result).to.include({ ok: true, pending: 0, quarantined: 0 });
      const held = await centre.documents(village);
      const kept = (await node.documents()).filter(({ _id }) => _id !== first?.id);
      expect(held).to.deep.equal(kept);
      expect((await node.status()).store).to.include({ quarantined: 0, pending: 0, lost: 0 });
    });

    it('are told to the centre as released where their segment is gone', async () => {
      await keep({ count: 1, hoursAgo: 1 });
      const node = await start();
      const [item] = await node.quarantine();
      await giveUp(node, item?.id ?? '');
      await node.replicate();
      const events = proxy.requests.filter(isBulkDocs).flatMap((request) => documentsOf(request));
      const numbers = events.find(({ event }) => event === 'numbers');
      expect(numbers).to.deep.include({ of: 'olde', from: 1, to: 1, released: [[1, 1]], quarantined: [] });
    });
  });
});
