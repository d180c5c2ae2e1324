/**
 * A centre that loses what it held, in every way and at every moment: after one forced run everything the node still keeps
 * is there again, and nothing was deleted for a proof that was none. FAULT_CASES sets how many moments each loss meets (1,
 * drawn with TEST_SEED).
 */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { TelemetryDocument } from '../../shared/documents.js';
import { anyVillage, GatewayCentre } from '../edge/push/support/centres.js';
import { EdgeSite, readings } from '../edge/push/support/edge-site.js';
import { isBulkDocs } from '../edge/push/support/sent-documents.js';
import { FaultProxy, type Rule } from '../support/fault-proxy.js';
import { testSeed } from '../support/seeds.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { drawn } from './fault-table.js';
import { asPlainCouchDb } from './push-steps.js';
import { refusing } from './refusing-centre.js';
import { VillageVoice } from './village-voice.js';

const SEED = testSeed();
const BEFORE_BACKUP = 70;
const AFTER_BACKUP = 90;
const LATER = 170;

interface Scene {
  centre: GatewayCentre;
  proxy: FaultProxy;
  site: EdgeSite;
  voice: VillageVoice;
}

type Loss = (scene: Scene) => Promise<void>;

const LOSSES: Record<string, Loss> = {
  'is wiped': ({ centre }) => centre.wipe({ as: 'same' }),
  'is made anew': ({ centre }) => centre.wipe(),
  'goes back to a backup': ({ centre }) => centre.restoreBackup(),
  'goes back to a backup with the newest checkpoints': async ({ centre, proxy, voice }) => {
    const checkpoints = proxy.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/_local/'));
    const newest = new Map<string, Record<string, unknown>>();
    for (const { path } of checkpoints) newest.set(path, (await voice.checkpoint(path)) ?? {});
    await centre.restoreBackup();
    for (const [path, { _rev: _, ...body }] of newest) {
      const { _rev } = (await voice.checkpoint(path)) ?? {};
      await voice.putCheckpoint(path, { ...body, ...(_rev === undefined ? {} : { _rev }) });
    }
  },
};

type Moment = (scene: Scene, lose: () => Promise<void>) => Promise<void>;

const drained = (site: EdgeSite) =>
  waitFor(async () => (await site.status()).store.pending === 0, { what: 'the drain', timeoutMs: 20_000 });

const MOMENTS: Record<string, { mode: 'live' | 'scheduled'; play: Moment }> = {
  'while the node is live and idle': {
    mode: 'live',
    play: async ({ site }, lose) => {
      await drained(site);
      await lose();
      await site.post(readings(LATER, 1_000));
      await drained(site);
    },
  },
  'in the middle of a live drain': { mode: 'live', play: drainThrough },
  'in the middle of a forced run': {
    mode: 'scheduled',
    play: async (scene, lose) => {
      await drainThrough(scene, lose, () => scene.site.replicate({ maxRetries: 5 }));
    },
  },
  'between two forced runs': {
    mode: 'scheduled',
    play: async ({ site }, lose) => {
      await lose();
      await site.post(readings(LATER, 1_000));
    },
  },
  'while the node is down': {
    mode: 'live',
    play: async ({ site }, lose) => {
      await drained(site);
      await site.stop();
      await lose();
      await site.restart();
      await site.post(readings(LATER, 1_000));
      await drained(site);
    },
  },
};

/** The loss comes with the second batch of a drain, after the first was taken and before the second is. */
async function drainThrough(
  { proxy, site }: Scene,
  lose: () => Promise<void>,
  push: () => Promise<unknown> = () => drained(site),
): Promise<void> {
  const usual = proxy.rule;
  await site.stop();
  let batches = 0;
  let losing: Promise<void> | undefined;
  proxy.rule = async (request) => {
    if (isBulkDocs(request) && ++batches === 2) losing = lose();
    await losing;
    return usual(request);
  };
  await site.restart();
  await site.post(readings(LATER, 1_000));
  await push();
  await waitFor(() => losing !== undefined, { what: 'the second batch' });
  await losing;
  proxy.rule = usual;
}

for (const shown of ['a gateway', 'a plain CouchDB'] as const) {
  for (const [how, lose] of Object.entries(LOSSES)) {
    describe(`a centre, shown as ${shown}, that ${how} (TEST_SEED=${SEED})`, () => {
      const folder = useTempFolder();

      for (const [when, { mode, play }] of drawn(Object.entries(MOMENTS), `${shown} ${how}`, SEED)) {
        it(`${when} has everything again after one forced run, and nothing was deleted in vain`, () =>
          inScene(shown, folder.path, async (scene) => {
            const { site, centre } = scene;
            await fill(scene);
            await site.restart({ SYNC_MODE: mode });
            let kept: TelemetryDocument[] = [];
            await play(scene, async () => {
              await lose(scene);
              // What was proven to be there may be deleted at any time; from now on it takes a new proof.
              await cleanUp(site);
              kept = await keptBy(site);
            });
            await cleanUp(site);
            const { result } = await site.replicate();
            expect(result, JSON.stringify(result)).to.include({ ok: true });
            await expectAll(centre, site, kept);
            await cleanUp(site);
            await expectAll(centre, site, kept);
          }));
      }
    });
  }
}

describe('a plain CouchDB set back to a backup made in the same session', () => {
  const folder = useTempFolder();

  for (const [what, documents] of Object.entries({ 'nothing is': 0, 'less than it lost is': 20 })) {
    it(`has everything again after one forced run, where ${what} sent before the checkpoint is written`, () =>
      inScene('a plain CouchDB', folder.path, async ({ centre, site }) => {
        await site.restart({ SYNC_MODE: 'live', SEGMENT_MAX_DOCS: '1000' });
        await site.post(readings(BEFORE_BACKUP));
        await drained(site);
        await centre.backUp();
        await site.post(readings(AFTER_BACKUP, BEFORE_BACKUP));
        await drained(site);
        await centre.restoreBackup();
        if (documents > 0) await site.post(readings(documents, 1_000));
        await drained(site);
        // The node writes its checkpoints as it stops.
        await site.restart();
        const { result } = await site.replicate();
        expect(result, JSON.stringify(result)).to.include({ ok: true });
        await expectAll(centre, site, []);
      }));
  }
});

describe('a centre that loses everything while documents are in quarantine', () => {
  const folder = useTempFolder();

  it('has the others again after one forced run', () =>
    inScene('a gateway', folder.path, async ({ centre, proxy, site }) => {
      proxy.rule = refusing(centre.url, (id) => id.includes(':m3:'));
      await site.post(readings(100));
      await site.replicate();
      await centre.wipe({ as: 'same' });
      const { result } = await site.replicate();
      expect(result, JSON.stringify(result)).to.include({ ok: true, sent: 81 });
      expect(await centre.documents(site.village)).to.have.length(80);
      expect((await site.status()).store).to.include({ pending: 0, quarantined: 20 });
    }));
});

type Shown = 'a gateway' | 'a plain CouchDB';

async function inScene(shown: Shown, folder: string, play: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = await startScene(shown, folder);
  try {
    await play(scene);
  } finally {
    await scene.site.stop();
    await scene.proxy.stop();
    await scene.centre.stop();
  }
}

async function startScene(shown: Shown, folder: string): Promise<Scene> {
  const village = anyVillage();
  const centre = await GatewayCentre.start('embedded');
  const { CENTRAL_PASSWORD = '' } = await centre.settingsFor(village);
  const voice = new VillageVoice(centre.url, village, CENTRAL_PASSWORD);
  const nothing: Rule = () => undefined;
  const asPlain: Rule = async (request) =>
    request.path === '/' ? asPlainCouchDb(await voice.uuid(), nothing)(request) : undefined;
  const proxy = new FaultProxy(centre.url, shown === 'a gateway' ? nothing : asPlain);
  await proxy.start();
  const settings = { API_URL: proxy.url, CENTRAL_PASSWORD, SEGMENT_MAX_DOCS: '50', RETENTION_DAYS: '0' };
  const site = await EdgeSite.start(village, folder, settings);
  return { centre, proxy, site, voice };
}

/** Some of it is in the backup, all of it was delivered and proven. */
async function fill({ centre, site }: Scene): Promise<void> {
  await site.post(readings(BEFORE_BACKUP));
  await site.replicate();
  await centre.backUp();
  await site.post(readings(AFTER_BACKUP, BEFORE_BACKUP));
  expect((await site.replicate()).result).to.include({ ok: true });
}

/** Nothing while it is down. */
async function cleanUp(site: EdgeSite): Promise<void> {
  const run = async () => site.client.json('/v1/cleanup', { method: 'POST' });
  await run().catch(() => undefined);
}

/** Nothing while it is down, as it then deletes nothing. */
async function keptBy(site: EdgeSite): Promise<TelemetryDocument[]> {
  return site.documents().catch(() => []);
}

async function expectAll(centre: GatewayCentre, site: EdgeSite, kept: readonly TelemetryDocument[]): Promise<void> {
  const held = new Map((await centre.documents(site.village)).map((document) => [document._id, document]));
  const due = new Map([...kept, ...(await site.documents())].map((document) => [document._id, document]));
  const missing = [...due.keys()].filter((id) => !held.has(id));
  expect(missing.slice(0, 3), `${missing.length} of ${due.size} are missing`).to.deep.equal([]);
  for (const [id, document] of due) expect(held.get(id)).to.deep.equal(document);
  expect((await site.status()).store).to.include({ lost: 0, quarantined: 0 });
}
