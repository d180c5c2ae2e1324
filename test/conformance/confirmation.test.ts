/** A segment is deleted when, and only when, the centre has said that it holds every document of it. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { CleanupReport } from '../../edge/ledger/space-keeper.js';
import { anyVillage, centreKinds, type TestCentre } from '../edge/push/support/centres.js';
import { EdgeSite, readings } from '../edge/push/support/edge-site.js';
import { couchdbUrl } from '../support/couchdb.js';
import { FaultProxy, faults, type ProxiedRequest } from '../support/fault-proxy.js';
import { useTempFolder } from '../support/temp-folder.js';

/** A gateway is asked for receipts; a plain CouchDB what it lacks, and what its database is. */
const isQuestion = ({ method, path: where }: ProxiedRequest) =>
  where === '/telemetry/_revs_diff' ||
  where.startsWith('/telemetry/_receipt') ||
  (method === 'GET' && where === '/telemetry');

for (const kind of centreKinds()) {
  describe(`deleting what is at ${kind.title}${couchdbUrl() ? '' : ' (CouchDB skipped: COUCHDB_URL is not set)'}`, () => {
    let centre: TestCentre;
    let proxy: FaultProxy;
    let site: EdgeSite;
    const folder = useTempFolder();

    beforeEach(async () => {
      centre = await kind.start();
      proxy = new FaultProxy(centre.url);
      await proxy.start();
      const village = anyVillage();
      const settings = await centre.settingsFor(village);
      site = await EdgeSite.start(village, path.join(folder.path, 'node'), {
        ...{ ...settings, API_URL: proxy.url, SEGMENT_MAX_DOCS: '10', RETENTION_DAYS: '0' },
      });
    });
    afterEach(async () => {
      await site.stop();
      await proxy.stop();
      await centre.stop();
    });

    const cleanup = (): Promise<CleanupReport> => site.client.json('/v1/cleanup', { method: 'POST' });
    const segmentFolders = () => readdir(path.join(site.folder, 'segments'));
    const postAll = async () => {
      for (let first = 0; first < 50; first += 10) await site.post(readings(10, first));
    };

    it('keeps everything as long as nothing was asked for', async () => {
      await postAll();
      const { segments, kept } = await cleanup();
      expect([segments, kept.open]).to.deep.equal([0, 1]);
      expect(kept.unconfirmed).to.be.greaterThan(3);
      expect(await site.documents()).to.have.length(50);
    });

    it('deletes sealed segments, files and checkpoints and all, once every document was asked for', async () => {
      await postAll();
      const all = await site.documents();
      await site.replicate();
      const before = (await segmentFolders()).length;
      const { segments, kept } = await cleanup();
      expect({ segments, kept }).to.deep.equal({
        segments: before - 1,
        kept: { unconfirmed: 0, notDue: 0, open: 1 },
      });
      expect(await segmentFolders()).to.have.length(1);
      expect(await centre.documents(site.village)).to.deep.equal(all);
      const asked = proxy.requests.length;
      await site.replicate();
      const deleted = proxy.requests.slice(asked).filter(({ method }) => method === 'DELETE');
      expect(deleted).to.have.length(before - 1);
      expect((await site.status()).store).to.include({ pending: 0, lost: 0, segments: 1 });
    });

    it('sends again what the centre turns out to lack, and deletes nothing of it before it is there', async () => {
      await postAll();
      let wiped = false;
      // Between the last batch and the first question the centre loses everything, as when an old backup is restored.
      proxy.rule = async (request) => {
        if (wiped || !isQuestion(request) || (await site.status()).store.pending > 0) return undefined;
        wiped = true;
        await centre.wipe();
        return undefined;
      };
      await site.replicate();
      expect(wiped).to.equal(true);
      // What was asked for after that is there again, or still here.
      await cleanup();
      const held = new Set(
        [...(await centre.documents(site.village)), ...(await site.documents())].map(({ _id }) => _id),
      );
      expect(held.size).to.equal(50);
      await site.replicate();
      await site.replicate();
      expect(await centre.documents(site.village)).to.have.length(50);
    });

    it('keeps what a broken link could not ask for, and what an answer did not prove', async () => {
      await postAll();
      for (const fault of [{ kind: 'reset' } as const, faults.json(200, {}), faults.html()]) {
        proxy.rule = (request) => (isQuestion(request) ? fault : undefined);
        await site.replicate().catch(() => undefined);
        expect((await cleanup()).segments).to.equal(0);
      }
      proxy.rule = () => undefined;
      await site.replicate();
      expect((await cleanup()).segments).to.be.greaterThan(3);
    });
  });
}
