import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Page } from 'playwright-core';
import { formatInstant } from '../../shared/time.js';
import { SimulatedLink } from '../../sim/link.js';
import { editApart } from '../edge/api/edits-apart.js';
import { post } from '../edge/api/node-client.js';
import { useNodes } from '../edge/api/node-under-test.js';
import { putDocument } from '../edge/api/registry-client.js';
import { EdgeSite, readings } from '../edge/push/support/edge-site.js';
import { refusing } from '../faults/refusing-centre.js';
import { Centre } from '../server/support/centre.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { freePort } from '../support/free-port.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { seriousFindings, useBrowser } from './browser.js';

const PHONE = { width: 360, height: 740 };
const HOSTILE = '<img src=x onerror=alert(1)>';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

async function textOf(page: Page, id: string): Promise<string> {
  return (await page.locator(`#${id}`).textContent()) ?? '';
}

function untilText(page: Page, id: string, wanted: RegExp): Promise<string> {
  return waitFor(async () => wanted.test(await textOf(page, id)) && (await textOf(page, id)), {
    what: `${wanted} in ${id}`,
    timeoutMs: 20_000,
  });
}

async function pendingOf(page: Page): Promise<number> {
  return Number((await textOf(page, 'pending')).replaceAll(',', ''));
}

/** Points of the last stretch that is drawn in the first chart. */
async function pointsOf(page: Page): Promise<number> {
  const drawn = await page.locator('svg.chart').first().locator('polyline').last().getAttribute('points');
  return drawn?.trim().split(/\s+/).length ?? 0;
}

/** Readings of today so far, one every quarter of an hour but those of one hour. */
function dayOfReadings(device: string, missingHour: number): object[] {
  const day = new Date();
  const fromMs = day.getTime() - 12 * HOUR_MS;
  return Array.from({ length: 48 }, (_, n) => ({ n, ms: fromMs + n * 15 * MINUTE_MS }))
    .filter(({ n }) => Math.floor(n / 4) !== missingHour)
    .map(({ n, ms }) => ({
      ...{ device, at: formatInstant(ms) },
      ...{ powerW: 100 + n, energyKwh: 500 + n / 4, batterySocPct: 60 + (n % 20) },
    }));
}

describe('the edge dashboard in a browser', function () {
  this.timeout(90_000);
  const browser = useBrowser();
  const nodes = useNodes();
  const folder = useTempFolder();

  it('fits a phone of 360 pixels without sideways scrolling, with a full page', async () => {
    const { url } = await nodes.start(folder.path, { API_URL: 'http://127.0.0.1:9' });
    await post(url, 'readings', dayOfReadings('totalizer', 3));
    const wide = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`measurementWithALongName${n}`, 123_456.789]),
    );
    const long = { device: 'd'.repeat(64), at: formatInstant(Date.now()), state: 'x'.repeat(256), ...wide };
    await post(url, 'readings', long);
    const timezoneId = zoneOfAfternoon();
    const { page, troubles, close } = await browser.open(url, { viewport: PHONE, locale: 'fr-FR', timezoneId });
    await untilText(page, 'devices-rows', /ddddd/);
    await page.locator('svg.chart').first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(PHONE.width);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('is in French where the browser is', async () => {
    const { url } = await nodes.start(folder.path, { API_URL: 'http://127.0.0.1:9', CONNECTIVITY_INTERVAL: '0.2' });
    const { page, close } = await browser.open(url, { locale: 'fr-FR' });
    await untilText(page, 'link-state', /^Pas de liaison$/);
    expect(await page.title()).to.equal('Données solaires de kano');
    expect(await page.locator('html').getAttribute('lang')).to.equal('fr');
    expect(await textOf(page, 'link-why')).to.contain('injoignable');
    await page.getByRole('button', { name: 'Synchroniser maintenant' }).waitFor();
    await close();
  });

  it('has nothing serious for axe-core to find, light and dark, full and empty', async () => {
    const { url } = await nodes.start(folder.path, {
      ...{ API_URL: 'http://127.0.0.1:9', CONNECTIVITY_INTERVAL: '0.2' },
      ...{ ALERT_PENDING: '1', ALERT_PENDING_MINUTES: '0' },
    });
    const timezoneId = zoneOfAfternoon();
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, troubles, close } = await browser.open(url, { viewport: PHONE, colorScheme, timezoneId });
      await untilText(page, 'link-state', /No link/);
      if (colorScheme === 'dark') await page.locator('svg.chart').first().waitFor();
      expect(await seriousFindings(page)).to.deep.equal([]);
      expect(troubles).to.deep.equal([]);
      await close();
      await post(url, 'readings', dayOfReadings('totalizer', 3));
    }
  });

  it('draws everything that came at once, not the newest of it alone', async () => {
    const { url } = await nodes.start(folder.path);
    const timezoneId = zoneOfAfternoon();
    const day = dayOfReadings('totalizer', -1);
    await post(url, 'readings', day.slice(0, 20));
    const { page, close } = await browser.open(url, { timezoneId });
    await page.locator('svg.chart').nth(2).waitFor();
    const before = await pointsOf(page);
    await post(url, 'readings', day.slice(20));
    await waitFor(async () => (await pointsOf(page)) >= before + day.length - 20, {
      what: 'all of the readings to be drawn',
      timeoutMs: 20_000,
    });
    await close();
  });

  it('draws on although a reading lies ahead of the clock, and says which device’s clock is ahead', async () => {
    const { url } = await nodes.start(folder.path);
    const day = dayOfReadings('totalizer', -1);
    const ahead = { at: formatInstant(Date.now() + 3 * HOUR_MS), powerW: 1, energyKwh: 1, batterySocPct: 1 };
    await post(url, 'readings', [
      ...day.slice(0, 20),
      { device: 'totalizer', ...ahead },
      { device: 'x-early', ...ahead },
    ]);
    const { page, close } = await browser.open(url, { timezoneId: zoneOfAfternoon() });
    await page.locator('svg.chart').nth(2).waitFor();
    const before = await pointsOf(page);
    await post(url, 'readings', [...day.slice(20), { ...ahead, device: 'totalizer', at: formatInstant(Date.now()) }]);
    await waitFor(async () => (await pointsOf(page)) >= before + day.length - 19, {
      what: 'the readings of now to be drawn',
      timeoutMs: 20_000,
    });
    const row = page.locator('#devices-rows tr').filter({ hasText: 'x-early' });
    expect(await row.textContent()).to.match(/its clock is ahead: \d/);
    await close();
  });

  it('shows first what the registered totalizer measures, and a battery its newest reading says nothing of', async () => {
    const { url } = await nodes.start(folder.path);
    await putDocument(url, 'device/z-total', { model: 'A', serial: '1', role: 'totalizer' });
    await putDocument(url, 'device/y-inverter', { model: 'B', serial: '2', role: 'inverter' });
    const nowMs = Date.now();
    const at = (minutes: number) => formatInstant(nowMs - minutes * 60_000);
    for (const device of ['a-meter', 'z-total'])
      await post(url, 'readings', { device, at: at(1), powerW: 5, energyKwh: 1 });
    await post(url, 'readings', [
      ...[3, 2].map((minutes) => ({ device: 'y-inverter', at: at(minutes), batterySocPct: 50 })),
      { device: 'y-inverter', at: at(1), state: 'mppt' },
    ]);
    const { page, close } = await browser.open(url, { timezoneId: zoneOfAfternoon() });
    await untilText(page, 'today-charts', /Power \(z-total\).*Battery \(y-inverter\)/);
    expect(await page.locator('#today-device').inputValue()).to.equal('z-total');
    await post(url, 'readings', { device: 'b-meter', at: at(0), powerW: 5, energyKwh: 1, batterySocPct: 1 });
    await untilText(page, 'devices-rows', /b-meter/);
    expect(await page.locator('#today-device').inputValue()).to.equal('z-total');
    await close();
  });

  it('shows a missing hour as a hole', async () => {
    const { url } = await nodes.start(folder.path);
    const timezoneId = zoneOfAfternoon();
    await post(url, 'readings', dayOfReadings('totalizer', 3));
    const { page, close } = await browser.open(url, { timezoneId });
    await page.locator('svg.chart').nth(2).waitFor();
    expect(await textOf(page, 'today-charts')).to.match(/Power.*Energy.*Battery/);
    const power = page.locator('svg.chart').first();
    expect(await power.locator('polyline').count()).to.equal(2);
    // Before the first reading, and the hour.
    expect(await power.locator('rect.gap').count()).to.equal(2);
    expect(await textOf(page, 'today-total')).to.match(/at least/);
    await close();
  });

  it('never makes markup of what devices and registries hold', async () => {
    const first = await nodes.start(folder.path);
    const at = formatInstant(Date.now());
    await post(first.url, 'readings', { device: 'm1', at, mode: '\u202edesrever', state: HOSTILE, powerW: 1 });
    const device = { serial: '"><script>alert(2)</script>', role: 'other' };
    await putDocument(first.url, 'device/m1', { ...device, model: 'A' });
    await first.stop();
    const sides = { here: { ...device, model: HOSTILE }, there: { ...device, model: `${HOSTILE}${HOSTILE}` } };
    await editApart(folder.path, { type: 'device', id: 'm1', ...sides });
    const { url } = await nodes.start(folder.path);
    const { page, troubles, close } = await browser.open(url);
    await untilText(page, 'devices-rows', /<script>alert\(2\)<\/script>.*<img src=x onerror=alert\(1\)>/);
    await untilText(page, 'conflicts-list', /<img src=x onerror=alert\(1\)><img/);
    expect(await page.locator('img').count()).to.equal(0);
    // A sign that turns the direction of writing turns its own value alone.
    expect(await page.locator('#devices-rows bdi', { hasText: 'desrever' }).textContent()).to.match(
      /^mode \u202edesrever$/,
    );
    expect(await page.locator('script').count()).to.equal(1);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('has a conflict settled by keyboard, with both values, authors and times before one’s eyes', async () => {
    const first = await nodes.start(folder.path);
    const profile = { name: 'Kano', place: 'north' };
    await putDocument(first.url, 'profile/profile', profile);
    await first.stop();
    const sides = { here: { ...profile, batteryKwh: 175 }, there: { ...profile, batteryKwh: 190 } };
    await editApart(folder.path, { type: 'profile', id: 'profile', ...sides });
    const { url } = await nodes.start(folder.path);
    const { page, close } = await browser.open(url);
    const shown = await untilText(page, 'conflicts-list', /190/);
    expect(shown).to.contain('175').and.contain('village:kano').and.contain('amina');
    expect(await seriousFindings(page)).to.deep.equal([]);
    const choice = page.locator('.version', { hasText: '190' }).getByRole('button');
    await tabTo(page, async () => choice.evaluate((button) => button === button.ownerDocument.activeElement));
    await page.keyboard.press('Enter');
    await untilText(page, 'conflicts-result', /Settled/);
    expect(await textOf(page, 'conflicts-text')).to.equal('Nothing to decide.');
    const settled = (await (await fetch(`${url}/v1/registry/profile/profile`)).json()) as { batteryKwh: number };
    expect(settled.batteryKwh).to.equal(190);
    await close();
  });

  it('asks for the token where there is one, and lets nobody in without', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: 'a-token-nobody-guesses' });
    const { page, close } = await browser.open(url, { viewport: PHONE });
    expect(await seriousFindings(page)).to.deep.equal([]);
    await page.getByLabel('Token of this node').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('not the token').waitFor();
    await page.getByLabel('Token of this node').fill('a-token-nobody-guesses');
    await page.keyboard.press('Enter');
    await untilText(page, 'contact', /Live/);
    await page.getByRole('button', { name: 'Sync now' }).click();
    await untilText(page, 'sync-result', /no API_URL/);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token of this node').waitFor();
    await close();
  });

  it('says when the node itself is gone, and goes on when it is back', async () => {
    const site = await EdgeSite.start('kano', folder.path, { EDGE_PORT: String(await freePort()) });
    const { page, close } = await browser.open(site.url);
    await untilText(page, 'contact', /Live/);
    await site.stop();
    await untilText(page, 'contact', /No contact with the node. What you see is from \d/);
    await page.getByRole('button', { name: 'Sync now' }).click();
    await untilText(page, 'sync-result', /^There was no answer/);
    await site.restart();
    await untilText(page, 'contact', /Live/);
    // What did not work while it was gone is no news any more.
    await untilText(page, 'sync-result', /^$/);
    await close();
    await site.stop();
  });

  it('says so where so many listen that one more is not taken, shows the state all the same, and begins when one goes', async () => {
    const { url } = await nodes.start(folder.path);
    const others = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/v1/events`)));
    expect(others.map(({ status }) => status)).to.deep.equal(Array(20).fill(200));
    const { page, close } = await browser.open(url);
    await untilText(page, 'contact', /^So many look at this node already/);
    await untilText(page, 'pending', /^1$/);
    await untilText(page, 'alerts-list', /Nothing needs attention/);
    expect(await page.locator('#devices-none').isVisible()).to.equal(false);
    await others[0]?.body?.cancel();
    await untilText(page, 'contact', /Live/);
    expect(await page.locator('#devices-none').isVisible()).to.equal(true);
    await Promise.all(others.slice(1).map(({ body }) => body?.cancel()));
    await close();
  });

  it('says that there is no contact when the WiFi goes without a word, and shows what came meanwhile when it is back', async () => {
    const { url } = await nodes.start(folder.path);
    const timezoneId = zoneOfAfternoon();
    const day = dayOfReadings('totalizer', -1);
    await post(url, 'readings', day.slice(0, 40));
    const wifi = new SimulatedLink({ targetPort: Number(new URL(url).port) });
    await wifi.start();
    const { page, close } = await browser.open('about:blank', { timezoneId });
    await page.clock.install();
    await page.goto(wifi.url);
    await untilText(page, 'contact', /Live/);
    await untilText(page, 'pending', /41/);
    await page.locator('svg.chart').nth(2).waitFor();
    const before = await pointsOf(page);
    wifi.freeze();
    await post(url, 'readings', day.slice(40));
    await page.clock.fastForward(45_000);
    await untilText(page, 'contact', /No contact with the node/);
    wifi.restore();
    await untilText(page, 'contact', /Live/);
    await untilText(page, 'pending', /49/);
    await waitFor(async () => (await pointsOf(page)) >= before + 8, { what: 'what came meanwhile to be drawn' });
    await close();
    await wifi.stop();
  });

  describe('with a centre', () => {
    let centre: Centre;
    let link: FaultProxy;
    let site: EdgeSite | undefined;

    beforeEach(async () => {
      centre = await Centre.start('embedded');
      link = new FaultProxy(centre.url);
      await link.start();
    });
    afterEach(async () => {
      await site?.stop();
      site = undefined;
      await link.stop();
      await centre.stop();
    });

    async function startSite(settings: Record<string, string> = {}): Promise<EdgeSite> {
      const { password } = await centre.addVillage('kano');
      site = await EdgeSite.start('kano', folder.path, {
        ...{ API_URL: link.url, CENTRAL_PASSWORD: password, SYNC_MODE: 'live' },
        ...settings,
      });
      return site;
    }

    it('shows an outage, what gathers meanwhile, and how it drains when the link is back', async () => {
      const { url, post: send } = boundTo(await startSite());
      const { page, troubles, close } = await browser.open(url, { viewport: PHONE });
      await untilText(page, 'link-state', /Connected/);
      await untilText(page, 'data-safe', /Everything stored here has been delivered/);
      link.rule = () => ({ kind: 'reset' });
      await send(readings(400));
      await untilText(page, 'link-state', /No link/);
      expect(await textOf(page, 'link-why')).to.match(/no network here.*kept safe here/);
      await waitFor(async () => (await pendingOf(page)) >= 400, { what: '400 waiting' });
      await send(readings(400, 400));
      await waitFor(async () => (await pendingOf(page)) >= 800, { what: '800 waiting' });
      expect(await textOf(page, 'oldest')).to.not.equal('none');
      link.rule = () => undefined;
      await untilText(page, 'link-state', /Connected/);
      await waitFor(async () => (await pendingOf(page)) === 0, { what: 'nothing waiting', timeoutMs: 30_000 });
      await untilText(page, 'data-safe', /Everything stored here has been delivered/);
      expect(troubles).to.deep.equal([]);
      await close();
    });

    it('shows a drain with its progress, and no estimate before there is one', async () => {
      const { url, post: send } = boundTo(await startSite());
      link.rule = () => ({ kind: 'reset' });
      const { page, close } = await browser.open(url);
      await send(readings(2_500));
      await untilText(page, 'link-state', /No link/);
      // Batches that take their time.
      link.rule = async ({ path }) => {
        if (path.includes('_bulk_docs')) await new Promise((resolve) => setTimeout(resolve, 1_000));
        return undefined;
      };
      const text = await untilText(page, 'drain-text', /^[1-9][\d,]* of 2,\d+ delivered$/);
      expect(text).to.be.a('string');
      expect(await textOf(page, 'drain-left')).to.match(/not known yet|about/);
      await waitFor(async () => (await pendingOf(page)) === 0, { what: 'nothing waiting', timeoutMs: 60_000 });
      await waitFor(async () => !(await page.locator('#drain').isVisible()), { what: 'the end of the drain' });
      await close();
    });

    it('synchronises at the press of a key, and tells how that ends', async () => {
      const { url, post: send } = boundTo(await startSite({ SYNC_MODE: 'scheduled' }));
      await send(readings(50));
      const { page, troubles, close } = await browser.open(url);
      await waitFor(async () => (await pendingOf(page)) >= 50, { what: '50 waiting' });
      const isFocused = (name: string) =>
        page.getByRole('button', { name }).evaluate((button) => button === button.ownerDocument.activeElement);
      await tabTo(page, () => isFocused('Sync now'));
      await page.keyboard.press('Space');
      await untilText(page, 'sync-result', /^Complete: \d+ sent/);
      // The keyboard is where it was.
      expect(await isFocused('Sync now')).to.equal(true);
      await waitFor(async () => (await pendingOf(page)) === 0, { what: 'nothing waiting' });
      expect(await textOf(page, 'sync-forced')).to.match(/\d/);
      link.rule = () => ({ kind: 'reset' });
      await send(readings(1, 50));
      await page.keyboard.press('Space');
      await untilText(page, 'sync-result', /^Not complete: no connection/);
      expect(troubles).to.deep.equal([]);
      await close();
    });

    it('offers what was refused again, and tells what the centre takes of it then', async () => {
      const { url, post: send } = boundTo(await startSite());
      const { page, troubles, close } = await browser.open(url);
      await untilText(page, 'link-state', /Connected/);
      link.rule = refusing(centre.url, (id) => id.includes(':m3:'));
      await send(readings(50));
      await untilText(page, 'quarantined', /^10$/);
      await page.getByRole('button', { name: 'Retry refused' }).click();
      await untilText(page, 'retry-result', /^0 taken now, 10 still refused/);
      link.rule = () => undefined;
      await page.getByRole('button', { name: 'Retry refused' }).click();
      await untilText(page, 'retry-result', /^10 taken now, 0 still refused/);
      await untilText(page, 'quarantined', /^0$/);
      expect(troubles).to.deep.equal([]);
      await close();
    });
  });
});

function boundTo(site: EdgeSite): { url: string; post(readings: object[]): Promise<void> } {
  return { url: site.url, post: (all) => site.post(all) };
}

/** Presses Tab until the focus is where it is wanted; fails when it cannot be reached. */
async function tabTo(page: Page, isThere: () => Promise<boolean>): Promise<void> {
  for (let n = 0; n < 100; n++) {
    if (await isThere()) return;
    await page.keyboard.press('Tab');
  }
  throw new Error('the keyboard does not get there');
}

/** A time zone in which it is now between 14 and 15 o'clock: the last twelve hours lie within one day of the browser's. */
function zoneOfAfternoon(): string {
  const behind = new Date().getUTCHours() - 14;
  // In these names the sign is that of "behind UTC".
  return `Etc/GMT${behind === 0 ? '' : behind > 0 ? `+${behind}` : behind}`;
}
