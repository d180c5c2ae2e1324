import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Page } from 'playwright-core';
import { waitFor } from '../support/wait-for.js';
import { seriousFindings, useBrowser } from './browser.js';
import { awaitRoomInDay, FleetSite, HOSTILE, NEXT_DAY_TIMEOUT_MS, pressUntil, textOf } from './fleet-site.js';

const PHONE = { width: 360, height: 740 };
const DAY_MS = 86_400_000;

/** Red and green of the heat map's canvas at cells of its first row, in their upper part. */
async function coloursOf(page: Page, columns: readonly number[]): Promise<{ red: number; green: number }[]> {
  const found = await page.evaluate(`(() => {
    const canvas = document.getElementById('heat-canvas');
    const scale = canvas.width / canvas.clientWidth;
    const names = Math.min(150, canvas.clientWidth * 0.28);
    const width = (canvas.clientWidth - names) / 30;
    const { data } = canvas.getContext('2d').getImageData(0, Math.round(27 * scale), canvas.width, 1);
    return [${columns.join()}].map((column) => {
      const at = 4 * Math.round((names + (column + 0.5) * width) * scale);
      return { red: data[at], green: data[at + 1] };
    });
  })()`);
  return found as { red: number; green: number }[];
}

describe('the fleet’s dashboard in a browser', function () {
  this.timeout(90_000);
  const browser = useBrowser();
  let site: FleetSite;

  before(async function () {
    this.timeout(NEXT_DAY_TIMEOUT_MS);
    await awaitRoomInDay();
    site = await FleetSite.start();
    await site.ago(10 * DAY_MS, async () => {
      await site.add('zaria', { name: 'Zaria', lat: 11.07, lon: 7.7, region: 'north' });
      await site.add('blocked', { lat: 6.45, lon: 7.5 });
      await site.add('kano', { name: 'Kano', lat: 12, lon: 8.52, region: 'north' });
      await site.add('hostile', { name: HOSTILE, lat: 9.06, lon: 7.49, region: '"><script>alert(2)</script>' });
    });
    for (const id of ['blocked', 'kano', 'hostile']) {
      const login = (await (await site.centre.admin(`/v1/villages/${id}/rotate`, { method: 'POST' })).json()) as {
        id: string;
        password: string;
      };
      await site.measure(login, { without: id === 'kano' ? [3] : [] });
    }
    await site.centre.as({ id: 'blocked', password: 'wrong' }, '/telemetry');
  });
  after(() => site?.stop());

  it('lists villages by need, the silent first, with why in words', async () => {
    const { page, troubles, close } = await site.open(browser);
    await page.locator('#fleet-rows tr').nth(3).waitFor();
    const rows = await page.locator('#fleet-rows tr').allTextContents();
    expect(rows[0]).to.match(/^Zaria.*Silent.*Never heard of since it was added/);
    expect(rows[1]).to.match(/^blocked.*Blocked.*login is refused \(last: .*401/);
    expect(rows[2]).to.match(/Well/);
    await page.getByLabel('Search').fill('KÀN');
    expect(await page.locator('#fleet-rows tr').count()).to.equal(1);
    expect(await textOf(page, 'fleet-count')).to.equal('1 of 4 villages');
    await page.getByLabel('Search').fill('');
    await page.getByLabel('What they need').selectOption('silent');
    expect(await page.locator('#fleet-rows').textContent()).to.match(/^Zaria/);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('marks each village on the map by colour and by shape, from nobody else’s server', async () => {
    const { page, troubles, close } = await site.open(browser);
    await page.locator('#map-svg a').nth(3).waitFor();
    const marks = page.locator('#map-svg a');
    expect(await marks.count()).to.equal(4);
    const silent = page.locator('#map-svg a[aria-label="Zaria: Silent"]');
    const well = page.locator('#map-svg a[aria-label="Kano: Well"]');
    expect(await silent.locator('polygon.silent').count()).to.equal(1);
    expect(await well.locator('circle.none').count()).to.equal(1);
    expect(await page.locator('#map-svg .grid').count()).to.be.within(3, 40);
    expect(await textOf(page, 'map-svg')).to.match(/° N.*° E.*km/);
    const before = await marks.first().boundingBox();
    await page.getByRole('button', { name: 'Closer' }).click();
    await waitFor(async () => (await marks.first().boundingBox())?.x !== before?.x, { what: 'a closer map' });
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('shows a day without data as the strongest of the heat map, and tells of it in words', async () => {
    const { page, troubles, close } = await site.open(browser);
    await page.locator('#heat-frame').waitFor();
    await page.getByLabel('Search').fill('kano');
    const box = page.locator('#heat-box');
    await box.focus();
    await waitFor(async () => (await textOf(page, 'fleet-count')).startsWith('1 of'), { what: 'one village' });
    // The first press chooses today, of the first village.
    for (let n = 0; n < 4; n++) await page.keyboard.press('ArrowLeft');
    expect(await textOf(page, 'heat-cell')).to.match(/^Kano, .*: 0 of about 24 readings/);
    const [missing, whole] = await coloursOf(page, [26, 25]);
    expect(missing?.red).to.be.greaterThan(150);
    expect(missing?.green).to.be.lessThan(60);
    expect(whole?.green).to.be.greaterThan(200);
    // Added ten days ago, measured for six, and nothing yet of today.
    expect(await textOf(page, 'heat-summary')).to.match(/^1 village misses half a day or more; [56] days/);
    await page.keyboard.press('Enter');
    await waitFor(async () => page.url().endsWith('#/villages/kano'), { what: 'the village’s page' });
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('is used by keyboard alone: search, a village of the list, a mark of the map', async () => {
    const { page, troubles, close } = await site.open(browser);
    await page.locator('#map-svg a').first().waitFor();
    await pressUntil(page, 'Tab', '#fleet-search');
    await page.keyboard.type('zaria');
    await pressUntil(page, 'Tab', '#fleet-rows a');
    await page.keyboard.press('Enter');
    await page.locator('#village').waitFor();
    await waitFor(async () => (await page.title()).startsWith('Zaria'), { what: 'the village’s title' });
    await page.goBack();
    await page.getByLabel('Search').fill('');
    await page.locator('#map-svg a').nth(3).waitFor();
    await pressUntil(page, 'Tab', '#map-svg a');
    await pressUntil(page, 'ArrowDown', '#map-svg a[href="#/villages/blocked"]');
    await pressUntil(page, 'ArrowUp', '#map-svg a[href="#/villages/kano"]');
    await page.keyboard.press('Enter');
    await waitFor(async () => page.url().endsWith('#/villages/kano'), { what: 'the village’s page' });
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('never makes markup of what villages are called', async () => {
    const { page, troubles, close } = await site.open(browser);
    await page.locator('#fleet-rows a', { hasText: HOSTILE }).waitFor();
    expect(await textOf(page, 'fleet-rows')).to.contain('"><script>alert(2)</script>');
    await page.locator('#map-svg a', { hasText: HOSTILE }).waitFor({ state: 'attached' });
    expect(await page.locator('img').count()).to.equal(0);
    expect(await page.locator('script').count()).to.equal(1);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('is in French where the browser is, and fits a phone of 360 pixels', async () => {
    const { page, troubles, close } = await site.open(browser, { locale: 'fr-FR', viewport: PHONE });
    await page.locator('#fleet-rows tr').nth(3).waitFor();
    expect(await page.title()).to.equal('Villages solaires');
    expect(await textOf(page, 'fleet-rows')).to.match(/Silencieux.*Aucune nouvelle depuis son ajout/);
    await page.locator('#heat-frame').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(PHONE.width);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('has nothing serious for axe-core to find, light and dark, before and behind the login', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const outside = await browser.open(`${site.centre.url}/dashboard`, { colorScheme });
      expect(await seriousFindings(outside.page)).to.deep.equal([]);
      await outside.close();
      const { page, troubles, close } = await site.open(browser, { colorScheme });
      await page.locator('#map-svg a').first().waitFor();
      await page.locator('#heat-frame').waitFor();
      expect(await seriousFindings(page)).to.deep.equal([]);
      expect(troubles).to.deep.equal([]);
      await close();
    }
  });

  it('shows the login again when the login is over, without the browser asking for a password of its own', async () => {
    const { page, close } = await site.open(browser);
    await page.locator('#fleet-rows tr').first().waitFor();
    await page.context().clearCookies();
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await page.locator('#token').waitFor();
    await close();
  });
});
