import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ClockGuard, NEW_CLOCK } from '../../../edge/ledger/clock-guard.js';
import { IngestQueue } from '../../../edge/ledger/ingest-queue.js';
import { Ledger } from '../../../edge/ledger/ledger.js';
import { StoreState } from '../../../edge/ledger/store-state.js';
import { ConnectivityMonitor } from '../../../edge/monitor/connectivity.js';
import { ObservedLink } from '../../../edge/monitor/observed-link.js';
import { PushController } from '../../../edge/push/push-controller.js';
import { Pusher } from '../../../edge/push/pusher.js';
import { QuarantineStore } from '../../../edge/push/quarantine-store.js';
import { silentLogger } from '../../../shared/logger.js';
import { sleep, systemClock } from '../../../shared/time.js';
import { FaultProxy, faults, type ProxiedRequest } from '../../support/fault-proxy.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { anyVillage, GatewayCentre } from './support/centres.js';
import { EdgeSite, readings } from './support/edge-site.js';
import { documentsOf, isBulkDocs, sentIds } from './support/sent-documents.js';

const isCheckpointWrite = ({ method, path }: ProxiedRequest): boolean => method === 'PUT' && path.includes('/_local/');

describe('the push over time', () => {
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let site: EdgeSite | undefined;
  let settings: Record<string, string>;
  const village = anyVillage();
  afterEach(async () => {
    await site?.stop();
    site = undefined;
    await proxy.stop();
    await centre.stop();
  });
  const folder = useTempFolder();
  beforeEach(async () => {
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(centre.url);
    await proxy.start();
    settings = { ...(await centre.settingsFor(village)), API_URL: proxy.url };
  });

  /** Ids the centre was asked about with `_revs_diff` since the request with that index. */
  const askedIds = (from: number): number =>
    proxy.requests
      .slice(from)
      .filter(({ path }) => path === '/telemetry/_revs_diff')
      .reduce((sum, { body, headers }) => {
        const plain = headers['content-encoding'] === 'gzip' ? gunzipSync(new Uint8Array(body)) : body;
        return sum + Object.keys(JSON.parse(plain.toString('utf8'))).length;
      }, 0);

  const remaining = async (node: EdgeSite): Promise<number> => (await node.status()).store.pending;

  it('gives a forced replication its turn although data never stops coming', async () => {
    const node = await EdgeSite.start(village, folder.path, { ...settings, SYNC_MODE: 'live' });
    site = node;
    proxy.rule = async (request) => {
      if (isBulkDocs(request)) await sleep(150);
      return undefined;
    };
    const stopping = new AbortController();
    const posting = (async () => {
      for (let n = 0; !stopping.signal.aborted; n++) {
        await node.post(readings(1, n));
        await sleep(20);
      }
    })();
    try {
      await waitFor(() => proxy.requests.filter(isBulkDocs).length > 2, { what: 'the live push to be busy' });
      const startedMs = performance.now();
      const { result } = await node.replicate({ deadlineS: 10 });
      expect(result.ok).to.equal(true);
      expect(performance.now() - startedMs, 'ended by itself, not by its deadline').to.be.below(9_000);
    } finally {
      stopping.abort();
      await posting;
    }
    await waitFor(async () => (await node.status()).store.pending === 0, { what: 'the live push to go on' });
    expect(await centre.documents(village)).to.deep.equal(await node.documents());
  });

  it('leaves checkpoints behind in a long drain, so that a broken one does not begin again', async () => {
    const node = await EdgeSite.start(village, folder.path, settings);
    site = node;
    for (let first = 0; first < 24_000; first += 12_000) await node.post(readings(12_000, first));
    proxy.rule = (request) => {
      const isLate = isBulkDocs(request) && proxy.requests.some(isCheckpointWrite);
      return isLate ? { kind: 'reset' } : undefined;
    };
    expect((await node.replicate({ maxRetries: 1 })).result).to.include({ ok: false });
    const held = await centre.count();
    expect(held).to.be.within(10_000, 24_000);
    const asked = proxy.requests.length;
    proxy.rule = () => undefined;
    expect((await node.replicate()).result).to.include({ ok: true, sent: 24_001 - held });
    expect(askedIds(asked)).to.equal(0);
    expect(await centre.count()).to.equal(24_001);
  });

  it('accounts for batches in the order of their numbers, and sends again only what had not arrived', async () => {
    const node = await EdgeSite.start(village, folder.path, settings);
    site = node;
    await node.post(readings(250));
    let secondAnswered: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      secondAnswered = resolve;
    });
    proxy.rule = async (request) => {
      if (!isBulkDocs(request)) return undefined;
      if (documentsOf(request).every(({ seq }) => seq > 1)) {
        // What it holds is durable; the answer is on its way before the first batch breaks.
        setTimeout(secondAnswered, 300);
        return undefined;
      }
      await answered;
      return faults.json(503, {});
    };
    expect((await node.replicate({ maxRetries: 0 })).result).to.include({ ok: false, sent: 0, pending: 251 });
    expect(await centre.count()).to.equal(100);
    proxy.rule = () => undefined;
    const asked = proxy.requests.length;
    expect((await node.replicate()).result).to.include({ ok: true, sent: 151, pending: 0 });
    expect(sentIds(proxy, asked), 'the second batch had arrived').to.have.length(151);
    expect(await centre.documents(village)).to.deep.equal(await node.documents());
  });

  it('goes on by itself after the link broke with two batches on their way: nothing passed by, nothing sent in vain', async () => {
    const node = await EdgeSite.start(village, folder.path, settings);
    site = node;
    await node.post(readings(400));
    let faulty = 0;
    proxy.rule = (request) => {
      if (!isBulkDocs(request) || ++faulty > 4) return undefined;
      return documentsOf(request).some(({ seq }) => seq === 1) ? { kind: 'lose-answer' } : { kind: 'reset' };
    };
    await node.restart({ SYNC_MODE: 'live' });
    await waitFor(() => faulty > 4, { what: 'the link to be sound again', timeoutMs: 20_000 });
    await waitFor(async () => (await remaining(node)) === 0, { what: 'the push to go on', timeoutMs: 20_000 });
    expect(await centre.documents(village)).to.deep.equal(await node.documents());
    expect(await centre.count()).to.equal((await node.status()).store.lastSeq);
    const bulks = proxy.requests.filter(isBulkDocs);
    const seqs = bulks.slice(4).flatMap((request) => documentsOf(request).map(({ seq }) => seq));
    expect(Math.min(...seqs), 'what had arrived before its answer was lost').to.be.above(100);
  });

  it('leaves a checkpoint behind when it is stopped in the middle', async () => {
    const node = await EdgeSite.start(village, folder.path, settings);
    site = node;
    await node.post(readings(350));
    proxy.rule = (request) =>
      isBulkDocs(request) && documentsOf(request).every(({ seq }) => seq > 1)
        ? { kind: 'hang', when: 'before-headers' }
        : undefined;
    const replication = node.replicate().catch(() => undefined);
    await waitFor(async () => (await remaining(node)) === 251, { what: 'the first batch' });
    await Promise.all([replication, node.stop()]);
    proxy.rule = () => undefined;
    await node.restart();
    const asked = proxy.requests.length;
    expect((await node.replicate()).result).to.include({ ok: true, sent: 252 });
    expect(askedIds(asked)).to.equal(0);
  });

  it('waits longer and longer for what never gets across, although the centre confirms what it held before', async () => {
    const log = silentLogger();
    const state = await StoreState.open({ folder: folder.path, village, nowMs: Date.now() });
    const clock = new ClockGuard({ clock: systemClock, buildTimeMs: 0, record: NEW_CLOCK });
    const ledger = new Ledger({ folder: folder.path, state, log, clock, segmentMaxDocs: 1_000, capacityBytes: 1e9 });
    await ledger.open();
    const quarantine = await QuarantineStore.open(folder.path);
    const password = settings.CENTRAL_PASSWORD;
    const probe = async () => undefined;
    const connectivity = new ConnectivityMonitor({ intervalMs: 60_000, now: () => Date.now(), probe });
    const link = new ObservedLink({ url: proxy.url, user: village, password, timeoutMs: 20_000 }, connectivity);
    const keeper = { segmentsToConfirmAgain: () => [] };
    const pusher = new Pusher({ ledger, keeper, state, link, quarantine, clock, log });
    // A hundredth of the longest wait: 20 ms, 40 ms, 80 ms …
    const rules = { probeIntervalMs: 60_000, random: () => 0.01 };
    const controller = new PushController({
      ...{ pusher, ledger, quarantine, link, connectivity, state, clock, log, rules },
      ...{ live: true, watchdog: { stillMs: 60_000 } },
    });
    const ingest = new IngestQueue({ ledger, clock, village, boot: 1, assertSpace: async () => undefined });
    try {
      const documents = (readings(150) as Record<string, string>[]).map((fields) => ({
        type: 'reading' as const,
        fields,
      }));
      await ingest.submit(documents, false);
      let batches = 0;
      proxy.rule = (request) => (isBulkDocs(request) && ++batches > 1 ? faults.json(500, {}) : undefined);
      await controller.start();
      await waitFor(() => controller.state.failures >= 4, { what: 'the fourth failure in a row' });
      // The first, and in each run that failed one or the two that may be in flight.
      expect(batches).to.be.within(5, 9);
      expect(ledger.pending).to.be.at.least(50);
    } finally {
      await controller.stop();
      await ingest.close();
      link.close();
      for (const one of [ledger, quarantine, state]) await one.close();
    }
  });
});
