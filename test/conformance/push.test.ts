/**
 * Everything a node acknowledged arrives, exactly once and unchanged, at every kind of centre and however often its
 * ledger rolls.
 */
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import PouchDB from 'pouchdb-node';
import type { DeliveryRecord } from '../../edge/ledger/segment-record.js';
import { openDatabase, readLocal } from '../../shared/pouchdb.js';
import { anyVillage, centreKinds, GatewayCentre, type TestCentre } from '../edge/push/support/centres.js';
import { EdgeSite, predictions, readings, type SiteSettings } from '../edge/push/support/edge-site.js';
import { isBulkDocs, sentIds } from '../edge/push/support/sent-documents.js';
import { couchdbUrl } from '../support/couchdb.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';

const SEGMENT_SIZES = { 'one segment': '200000', 'rolls after 7 documents': '7' };

/** The centre holds exactly what the site keeps, with the same numbers, and the site knows. */
async function expectDelivered(centre: TestCentre, site: EdgeSite, others = 0): Promise<void> {
  const { store } = await site.status();
  expect(store.pending).to.equal(0);
  expect(await centre.documents(site.village)).to.deep.equal(await site.documents());
  // The count includes the node's own events, which no list shows.
  expect(await centre.count()).to.equal(store.lastSeq + others);
}

async function remainingPending(site: EdgeSite): Promise<number> {
  return (await site.status()).store.pending;
}

for (const kind of centreKinds()) {
  describe(`pushing to ${kind.title}${couchdbUrl() ? '' : ' (CouchDB skipped: COUCHDB_URL is not set)'}`, () => {
    let centre: TestCentre;
    let proxy: FaultProxy;
    let site: EdgeSite;
    let settings: SiteSettings;
    const village = anyVillage();
    beforeEach(async () => {
      centre = await kind.start();
      proxy = new FaultProxy(centre.url);
      await proxy.start();
      settings = { ...(await centre.settingsFor(village)), API_URL: proxy.url };
    });
    afterEach(async () => {
      await site.stop();
      await proxy.stop();
      await centre.stop();
    });
    const folder = useTempFolder();

    const startSite = async (changes: SiteSettings = {}): Promise<EdgeSite> => {
      site = await EdgeSite.start(village, path.join(folder.path, 'node'), { ...settings, ...changes });
      return site;
    };

    for (const [title, SEGMENT_MAX_DOCS] of Object.entries(SEGMENT_SIZES)) {
      describe(title, () => {
        it('brings everything posted over REST exactly once, with its content and number', async () => {
          await startSite({ SEGMENT_MAX_DOCS });
          for (let first = 0; first < 60; first += 5) await site.post(readings(5, first));
          await site.postPredictions(predictions(10));
          await site.post(readings(60));
          const { result } = await site.replicate();
          expect(result).to.include({ ok: true, sent: 71, pending: 0, quarantined: 0 });
          expect((await site.status()).store.segments).to.equal(SEGMENT_MAX_DOCS === '7' ? 7 : 1);
          await expectDelivered(centre, site);
          const sent = sentIds(proxy);
          expect(new Set(sent).size).to.equal(sent.length);
        });

        it('brings a document within two seconds on a good link, by itself', async () => {
          await startSite({ SEGMENT_MAX_DOCS, SYNC_MODE: 'live' });
          await site.post(readings(3));
          await waitFor(async () => (await remainingPending(site)) === 0, { what: 'the first documents' });
          for (let n = 3; n < 20; n++) {
            const postedMs = performance.now();
            await site.post(readings(1, n));
            await waitFor(async () => (await remainingPending(site)) === 0, {
              what: `document ${n}`,
              timeoutMs: 2_000,
            });
            expect(performance.now() - postedMs).to.be.below(2_000);
          }
          await expectDelivered(centre, site);
        });

        it('sends nothing again after a restart', async () => {
          await startSite({ SEGMENT_MAX_DOCS });
          await site.post(readings(30));
          await site.replicate();
          const asked = proxy.requests.length;
          await site.restart();
          expect((await site.replicate()).result).to.include({ ok: true, sent: 1 });
          expect(sentIds(proxy, asked)).to.have.length(1);
          await expectDelivered(centre, site);
        });

        it('delivers everything again to a centre that was wiped, and tells the truth about it', async () => {
          await startSite({ SEGMENT_MAX_DOCS });
          await site.post(readings(40));
          await site.replicate();
          await centre.wipe();
          proxy.rule = (request) => (isBulkDocs(request) ? { kind: 'reset' } : undefined);
          expect((await site.replicate({ maxRetries: 1 })).result.ok).to.equal(false);
          expect(await remainingPending(site)).to.be.greaterThan(0);
          proxy.rule = () => undefined;
          expect((await site.replicate()).result).to.include({ ok: true, sent: 41, pending: 0 });
          await expectDelivered(centre, site);
        });
      });
    }

    describe('beside stock PouchDB', () => {
      type Replication = ReturnType<typeof PouchDB.replicate>;
      const stock = async (work: (replication: Replication) => void, options: object = {}): Promise<void> => {
        const { CENTRAL_USER: username = village, CENTRAL_PASSWORD: password = '' } = settings;
        const source = new PouchDB(path.join(site.folder, 'segments', '000001'));
        const target = new PouchDB(`${proxy.url}/telemetry`, { auth: { username, password }, skip_setup: true });
        try {
          const replication = PouchDB.replicate(source, target, options);
          work(replication);
          await replication;
        } finally {
          await source.close();
          await target.close();
        }
      };

      it('stock finishes what our push was stopped in the middle of, and ours goes on without sending anything again', async () => {
        await startSite();
        await site.post(readings(350));
        let batches = 0;
        proxy.rule = (request) =>
          isBulkDocs(request) && ++batches > 1 ? { kind: 'hang', when: 'before-headers' } : undefined;
        const replication = site.replicate();
        await waitFor(() => batches > 1, { what: 'the second batch' });
        // Both are sent at once: the first may not have been stored yet.
        await waitFor(async () => (await centre.count()) > 0, { what: 'the first batch' });
        await Promise.all([replication.catch(() => undefined), site.stop()]);
        proxy.rule = () => undefined;
        expect(await centre.count()).to.equal(100);
        const beforeStock = proxy.requests.length;
        await stock(() => undefined);
        expect(await centre.count()).to.equal(351);
        expect(sentIds(proxy, beforeStock)).to.have.length(251);
        await site.restart();
        const beforeOurs = proxy.requests.length;
        expect((await site.replicate()).result).to.include({ ok: true, sent: 1, pending: 0 });
        expect(sentIds(proxy, beforeOurs)).to.deep.equal([`${village}:e:${(await site.status()).node}:2-1`]);
        await expectDelivered(centre, site);
      });

      it('ours finishes what stock was stopped in the middle of, and sends only what is missing', async () => {
        await startSite();
        await site.post(readings(350));
        await site.stop();
        // At its second batch the checkpoint of the first is written; it does not know of the second.
        let changes = 0;
        await stock((replication) => replication.on('change', () => ++changes === 2 && replication.cancel()), {
          batch_size: 50,
        });
        const held = await centre.count();
        expect(held).to.be.within(1, 100);
        await site.restart();
        const asked = proxy.requests.length;
        expect((await site.replicate()).result).to.include({ ok: true, sent: 352 - held, pending: 0 });
        expect(sentIds(proxy, asked)).to.have.length(352 - held);
        await expectDelivered(centre, site);
      });
    });

    it('a copied data folder brings nothing twice and numbers what is new under a name of its own', async () => {
      await startSite();
      await site.post(readings(30));
      await site.replicate();
      const original = (await site.status()).node;
      await site.stop();
      const copy = path.join(folder.path, 'copy');
      await cp(site.folder, copy, { recursive: true });
      site = await EdgeSite.start(village, copy, settings);
      await site.post(readings(10, 100));
      expect((await site.replicate()).result).to.include({ ok: true, pending: 0 });
      const { node, store } = await site.status();
      expect(node).not.to.equal(original);
      expect(await centre.documents(village)).to.deep.equal(await site.documents());
      expect(await centre.count()).to.equal(31 + store.lastSeq);
    });

    if (!kind.isGateway) return;

    it('documents the centre holds from another store are there once, and their numbers are void', async () => {
      await startSite();
      await site.post(readings(30));
      await site.replicate();
      const first = await centre.documents(village);
      await site.stop();
      site = await EdgeSite.start(village, path.join(folder.path, 'second'), settings);
      await site.post(readings(50));
      expect((await site.replicate()).result).to.include({ ok: true, sent: 51, pending: 0 });
      const held = await centre.documents(village);
      expect(held).to.have.length(50);
      expect(held.filter(({ _id }) => first.some((document) => document._id === _id))).to.deep.equal(first);
      expect(await centre.count()).to.equal(31 + 1 + 20);
      const again = await site.documents();
      await site.stop();
      const database = await openDatabase(path.join(folder.path, 'second', 'segments', '000001'));
      const delivery = await readLocal<DeliveryRecord>(database, 'delivery');
      await database.close();
      const voided = again.filter(({ _id }) => first.some((document) => document._id === _id)).map(({ seq }) => seq);
      const inRanges = (delivery?.void ?? []).flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, n) => from + n),
      );
      expect(inRanges).to.deep.equal(voided.sort((a, b) => a - b));
    });
  });
}

describe('pushing to a centre that was restored from a backup', () => {
  let centre: GatewayCentre;
  let site: EdgeSite;
  beforeEach(async () => {
    centre = await GatewayCentre.start('embedded');
  });
  afterEach(async () => {
    await site.stop();
    await centre.stop();
  });
  const folder = useTempFolder();

  for (const [title, SEGMENT_MAX_DOCS] of Object.entries(SEGMENT_SIZES)) {
    it(`one forced run brings back what the backup did not hold (${title})`, async () => {
      const village = anyVillage();
      const settings = { ...(await centre.settingsFor(village)), SEGMENT_MAX_DOCS };
      site = await EdgeSite.start(village, folder.path, settings);
      await site.post(readings(50));
      await site.replicate();
      await centre.backUp();
      await site.post(readings(150, 50));
      await site.replicate();
      await site.post(readings(10, 200));
      await centre.restoreBackup();
      // As many as the backup lacks, and those that were never sent.
      expect((await site.replicate()).result).to.include({ ok: true, sent: 160, pending: 0 });
      // The other document was the one that asked for the count.
      await expectDelivered(centre, site);
    });
  }
});
