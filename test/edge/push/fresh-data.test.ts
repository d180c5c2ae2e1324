/** Fresh data goes first, whatever waits behind it. */
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { SimulatedLink } from '../../../sim/link.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { anyVillage, GatewayCentre } from './support/centres.js';
import { EdgeSite, readings } from './support/edge-site.js';

const BACKLOG = 7_000;

describe('fresh data behind a backlog', () => {
  const village = anyVillage();
  const opened: { stop(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.stop();
  });
  const folder = useTempFolder();

  it('is at the centre soon after the link is back, and the backlog follows, once each', async () => {
    const centre = await GatewayCentre.start('embedded');
    opened.push(centre);
    const settings = await centre.settingsFor(village);
    const targetPort = Number(new URL(centre.url).port);
    const link = new SimulatedLink({ targetPort, upBytesPerS: 25_000, downBytesPerS: 50_000, roundTripMs: 100 });
    await link.start();
    opened.push(link);
    link.cut();
    const site = await EdgeSite.start(village, folder.path, { ...settings, API_URL: link.url, SYNC_MODE: 'live' });
    opened.push(site);
    await site.post(readings(BACKLOG));
    link.restore();
    const isOnline = async () => (await site.status()).link.state === 'online';
    await waitFor(isOnline, { what: 'the link to be noticed', timeoutMs: 30_000 });
    for (let n = 0; n < 3; n++) {
      const [fresh] = readings(1, BACKLOG + n) as { at: string }[];
      await site.post([fresh ?? {}]);
      await waitFor(async () => (await centre.documents(village)).some(({ at }) => at === fresh?.at), {
        what: `fresh reading ${n}`,
        timeoutMs: 30_000,
      });
      // Told by what has not passed before it, and not by a time, of which a busy machine needs more.
      expect((await site.status()).store.pending, 'the backlog has yet to drain').to.be.above(0.8 * BACKLOG);
    }
    await waitFor(async () => (await site.status()).store.pending === 0, { what: 'the backlog', timeoutMs: 60_000 });
    expect((await site.status()).store.segments).to.equal(2);
    expect(await centre.documents(village)).to.deep.equal(await site.documents());
  }).timeout(180_000);
});
