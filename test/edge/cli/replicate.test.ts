/** What a CronJob sees of `replicate --once`: exit codes, output, limits. */
import { readdir } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { refusing } from '../../faults/refusing-centre.js';
import { FaultProxy, faults } from '../../support/fault-proxy.js';
import { freePort } from '../../support/free-port.js';
import { edgeProgram } from '../../support/programs.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { anyVillage, GatewayCentre } from '../push/support/centres.js';
import { EdgeSite, readings } from '../push/support/edge-site.js';
import { documentsOf, isBulkDocs } from '../push/support/sent-documents.js';
import { solarEdge, type VerbResult } from './solar-edge.js';

describe('solar-edge replicate --once', () => {
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let site: EdgeSite;
  let village: string;
  let password: string;
  afterEach(async () => {
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
    password = (await centre.settingsFor(village)).CENTRAL_PASSWORD ?? '';
    const settings = { API_URL: proxy.url, CENTRAL_PASSWORD: password };
    site = await EdgeSite.start(village, folder.path, settings);
    await site.post(readings(20));
  });

  const replicate = (args: string[] = [], env: Record<string, string> = {}): Promise<VerbResult> =>
    solarEdge(['replicate', '--once', '--edge', site.url, ...args], env);

  const expectDelivered = async (): Promise<void> => {
    expect((await site.status()).store.pending).to.equal(0);
    expect(await centre.documents(village)).to.deep.equal(await site.documents());
  };

  it('exits 0 when everything is delivered, and says how much that was', async () => {
    const { code, stdout, stderr } = await replicate();
    expect([code, stdout, stderr]).to.deep.equal([0, 'Delivered: 21 documents sent now, 0 pending.\n', '']);
    await expectDelivered();
    expect((await site.status()).sync.lastSuccessAt).to.be.a('string');
  });

  it('prints one JSON line per step with --json: sent only grows, pending only shrinks, done comes last', async () => {
    await site.post(readings(500, 100));
    const { code, lines } = await replicate(['--json']);
    const steps = lines();
    expect(steps.at(-1)).to.deep.equal({ event: 'done', ok: true, sent: 521, pending: 0, quarantined: 0 });
    const progress = steps.slice(0, -1) as { event: string; sent: number; pending: number; attempt: number }[];
    expect(progress[0]).to.deep.equal({ event: 'progress', sent: 0, pending: 521, attempt: 1 });
    for (const [index, { event, sent, pending }] of progress.entries()) {
      expect([event, sent + pending]).to.deep.equal(['progress', 521]);
      expect(sent).to.be.at.least(progress[index - 1]?.sent ?? 0);
    }
    expect(code).to.equal(0);
  });

  it('exits 1 when the centre is away, after MAX_RETRIES attempts with n × RETRY_INTERVAL between them', async () => {
    const atMs: number[] = [];
    proxy.rule = ({ path }) => {
      // Each attempt begins with the registry; on a busy machine the telemetry goes beside it.
      if (path.startsWith('/registry-')) atMs.push(performance.now());
      return { kind: 'reset' };
    };
    const { code, stderr } = await replicate([], { MAX_RETRIES: '3', RETRY_INTERVAL: '1' });
    expect([code, atMs.length]).to.deep.equal([1, 3]);
    const gapsMs = atMs.slice(1).map((ms, index) => ms - (atMs[index] ?? 0));
    expect(gapsMs[0]).to.be.within(980, 1_900);
    expect(gapsMs[1]).to.be.within(1_980, 2_900);
    expect(stderr).to.match(/^error: no connection to .* \(0 sent, 21 pending; data is kept\)\n$/);
  });

  it('begins the count of attempts anew when something gets across', async () => {
    await site.post(readings(300, 100));
    // In each attempt the batch with the next number passes, and the one beside it breaks.
    let next = 1;
    proxy.rule = (request) => {
      if (!isBulkDocs(request)) return undefined;
      const seqs = documentsOf(request).map(({ seq }) => seq);
      if (Math.min(...seqs) > next) return { kind: 'reset' };
      next = Math.max(next, ...seqs.map((seq) => seq + 1));
      return undefined;
    };
    expect((await replicate([], { MAX_RETRIES: '1', RETRY_INTERVAL: '0.01' })).code).to.equal(0);
    await expectDelivered();
  });

  it('exits 1 at its deadline, and the node goes on', async () => {
    let isOpen = false;
    proxy.rule = async (request) => {
      if (isBulkDocs(request)) await waitFor(() => isOpen, { what: 'the test to let it pass' });
      return undefined;
    };
    const { code, stderr } = await replicate(['--deadline', '0.5']);
    expect(code).to.equal(1);
    expect(stderr).to.contain('the deadline of 0.5 s passed with 21 documents pending');
    isOpen = true;
    await waitFor(async () => (await site.status()).store.pending === 0, { what: 'the node to go on' });
    await expectDelivered();
  });

  it('exits 1 at its deadline when the centre could not be asked, though nothing is pending', async () => {
    expect((await replicate([])).code).to.equal(0);
    proxy.rule = () => ({ kind: 'reset' });
    const { code, stderr } = await replicate(['--deadline', '2'], { MAX_RETRIES: '100', RETRY_INTERVAL: '0.05' });
    expect(code).to.equal(1);
    expect(stderr).to.contain('the last failure was: no connection');
  });

  it('exits 3 when the credential is refused, without trying again', async () => {
    await site.restart({ CENTRAL_PASSWORD: 'wrong' });
    const { code, stderr } = await replicate([], { MAX_RETRIES: '5', RETRY_INTERVAL: '1' });
    expect(code).to.equal(3);
    expect(stderr).to.match(/answered 401 .*data is kept\)\n$/);
    expect(proxy.requests).to.have.length(1);
    expect(stderr).not.to.contain('wrong');
  });

  it('exits 3 when documents were quarantined in this run, and 0 in the next', async () => {
    proxy.rule = refusing(centre.url, (id) => id.includes(':m3:'));
    const { code, stderr } = await replicate();
    expect(code).to.equal(3);
    expect(stderr).to.contain('the centre refused 4 documents; they are kept in quarantine');
    expect((await replicate()).code).to.equal(0);
  });

  it('joins a run in progress: two at once send everything once', async () => {
    const results = await Promise.all([replicate(['--json']), replicate(['--json'])]);
    expect(results.map(({ code }) => code)).to.deep.equal([0, 0]);
    expect(proxy.requests.filter(isBulkDocs)).to.have.length(1);
    await expectDelivered();
  });

  it('exits 1 when the node is killed while it streams', async () => {
    const dataPath = `${folder.path}/other`;
    const env = { API_URL: proxy.url, CENTRAL_PASSWORD: password, SYNC_MODE: 'scheduled' };
    const node = await edgeProgram({ villageId: village, dataPath, env });
    await node.start();
    try {
      proxy.rule = (request) => (isBulkDocs(request) ? { kind: 'hang', when: 'before-headers' } : undefined);
      const running = solarEdge(['replicate', '--once', '--edge', node.url]);
      await waitFor(() => proxy.requests.some(isBulkDocs), { what: 'the push to begin', timeoutMs: 30_000 });
      await node.kill('SIGKILL');
      const { code, stderr } = await running;
      expect(code).to.equal(1);
      expect(stderr).to.match(/^error: the node at .* (broke off its answer|ended without saying)/);
    } finally {
      await node.stop();
    }
  }).timeout(90_000);

  describe('with POWER_KW', () => {
    const AT = '2026-03-02T02:00:00Z';
    const power = async (): Promise<unknown[]> =>
      (await site.documents()).filter(({ device }) => device === 'env').map(({ at, powerKw }) => [at, powerKw]);

    it('stores it first, at POWER_AT, and delivers it', async () => {
      expect((await replicate([], { POWER_KW: '12.5', POWER_AT: AT })).code).to.equal(0);
      expect(await power()).to.deep.equal([['2026-03-02T02:00:00.000Z', 12.5]]);
      await expectDelivered();
    });

    it('stores it at the current full minute without POWER_AT', async () => {
      const minute = (): number => Math.floor(Date.now() / 60_000) * 60_000;
      const before = minute();
      expect((await replicate(['--power-kw', '3'])).code).to.equal(0);
      const [found] = (await power()) as [string, number][];
      expect(Date.parse(found?.[0] ?? '')).to.be.oneOf([before, minute()]);
    });

    it('stores it although the attempt fails', async () => {
      proxy.rule = () => faults.json(503, {});
      expect((await replicate([], { POWER_KW: '1', POWER_AT: AT, MAX_RETRIES: '1' })).code).to.equal(1);
      expect(await power()).to.have.length(1);
    });

    it('takes the same value again for a duplicate', async () => {
      for (let n = 0; n < 2; n++) expect((await replicate([], { POWER_KW: '7', POWER_AT: AT })).code).to.equal(0);
      expect(await power()).to.have.length(1);
    });

    it('tells of another value for the same time, delivers the rest and exits 2', async () => {
      expect((await replicate([], { POWER_KW: '7', POWER_AT: AT })).code).to.equal(0);
      await site.post(readings(1, 900));
      const { code, stderr } = await replicate([], { POWER_KW: '8', POWER_AT: AT });
      expect(stderr).to.match(/^error: POWER_KW was not stored: .*:r:env:2026-03-02T02:00:00\.000Z is already stored/);
      expect(code).to.equal(2);
      expect(await power()).to.deep.equal([['2026-03-02T02:00:00.000Z', 7]]);
      await expectDelivered();
    });

    it('exits 2 before anything when it is not a number', async () => {
      const { code, stderr } = await replicate([], { POWER_KW: 'twelve' });
      expect([code, stderr]).to.deep.equal([2, 'error: POWER_KW must be a number (given: "twelve")\n']);
      expect(proxy.requests).to.deep.equal([]);
    });
  });

  it('exits 2 when the node has no API_URL', async () => {
    await site.stop();
    site = await EdgeSite.start(village, folder.path);
    const { code, stderr } = await replicate();
    expect([code, stderr]).to.match(/^2,error: this node has no API_URL/);
  });

  it('exits 2 when the node belongs to another village', async () => {
    const { code, stderr } = await replicate([], { VILLAGE_ID: 'elsewhere' });
    expect([code, stderr]).to.deep.equal([
      2,
      `error: the node at ${site.url} belongs to village ${village}, not to elsewhere\n`,
    ]);
    expect(proxy.requests).to.deep.equal([]);
  });

  it("exits 3 when the node's token is wrong or missing", async () => {
    await site.restart({ EDGE_TOKEN: 'open-sesame' });
    for (const env of [{}, { EDGE_TOKEN: 'guess' }, { EDGE_TOKEN: 'guess', VILLAGE_ID: village }]) {
      expect((await replicate([], env)).code).to.equal(3);
    }
    expect((await replicate([], { EDGE_TOKEN: 'open-sesame' })).code).to.equal(0);
  });

  describe('when no node runs', () => {
    let env: Record<string, string>;
    beforeEach(async () => {
      await site.stop();
      env = {
        VILLAGE_ID: village,
        LOCAL_CACHE_PATH: folder.path,
        API_URL: proxy.url,
        CENTRAL_PASSWORD: password,
        EDGE_PORT: String(await freePort()),
      };
    });

    it('opens the store itself and delivers, leaving no trace of its own', async () => {
      const { code, stdout } = await solarEdge(['replicate', '--once'], { ...env, POWER_KW: '1' });
      expect([code, stdout]).to.deep.equal([0, 'Delivered: 22 documents sent now, 0 pending.\n']);
      expect(await centre.documents(village)).to.have.length(21);
    });

    it('exits 1 when it was told which node to ask, although there is a store', async () => {
      const { code, stderr } = await solarEdge(
        ['replicate', '--once', '--edge', `http://127.0.0.1:${env.EDGE_PORT}`],
        env,
      );
      expect(code).to.equal(1);
      expect(stderr).to.match(/^error: the node at .* cannot be reached/);
      expect(proxy.requests).to.deep.equal([]);
    });

    it('exits 1 when there is no store either, and makes none', async () => {
      const LOCAL_CACHE_PATH = `${folder.path}/nothing`;
      const { code, stderr } = await solarEdge(['replicate', '--once'], { ...env, LOCAL_CACHE_PATH });
      expect(code).to.equal(1);
      expect(stderr).to.contain(`${LOCAL_CACHE_PATH} holds no store`);
      expect(await readdir(folder.path)).not.to.include('nothing');
    });

    it('exits 2 when the store is of another village', async () => {
      const { code, stderr } = await solarEdge(['replicate', '--once'], { ...env, VILLAGE_ID: 'elsewhere' });
      expect(code).to.equal(2);
      expect(stderr).to.contain(`belongs to village ${village}, not to elsewhere`);
    });
  });
});
