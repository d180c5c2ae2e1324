import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { json } from '../server/support/centre.js';
import { waitFor } from '../support/wait-for.js';
import { useBrowser } from './browser.js';
import { FleetSite, textOf } from './fleet-site.js';

const VILLAGES = 1_000;
/** Of the page with all of them; a row takes some twelve. */
const MAX_ELEMENTS = 2_500;
/** Elements and texts a refresh may change where nothing happened but that time passed: ages of the rows in the list. */
const MAX_CHANGES = 200;

const COUNT_CHANGES = `
  window.changes = 0;
  new MutationObserver((records) => {
    for (const { type, addedNodes, removedNodes } of records) {
      window.changes += type === 'childList' ? addedNodes.length + removedNodes.length : 1;
    }
  }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });`;

/** As behind another tab: nothing is asked for until somebody looks again. */
const HIDE = "Object.defineProperty(document, 'hidden', { value: true, configurable: true })";

describe('the fleet’s dashboard with a thousand villages in a browser', function () {
  this.timeout(180_000);
  const browser = useBrowser();
  let site: FleetSite;

  before(async () => {
    site = await FleetSite.start();
    const { centre } = site;
    for (let start = 0; start < VILLAGES; start += 50) {
      const some = Array.from({ length: 50 }, (_, n) => start + n);
      await Promise.all(
        some.map(async (n) => {
          const village = {
            id: `v${String(n).padStart(4, '0')}`,
            lat: 4 + (n % 37) / 4,
            lon: 3 + Math.floor(n / 37) / 2,
          };
          await (await centre.admin('/v1/villages', json(village))).arrayBuffer();
        }),
      );
    }
  });
  after(() => site?.stop());

  it('makes rows, marks and cells of what is in sight alone', async () => {
    const { page, troubles, close } = await site.open(browser);
    await waitFor(async () => /1,000 of 1,000/.test(await textOf(page, 'fleet-count')), { what: 'all villages' });
    await page.locator('#heat-frame').waitFor();
    await page.locator('#map-svg .cluster').first().waitFor();
    expect(await page.evaluate("document.querySelectorAll('*').length")).to.be.lessThan(MAX_ELEMENTS);
    await page.getByLabel('Search').fill('v0999');
    await page.locator('#fleet-rows a', { hasText: 'v0999' }).waitFor();
    expect(await page.locator('#fleet-rows tr').count()).to.equal(1);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('changes next to nothing in a refresh, and nothing but its picture while the heat map is scrolled', async () => {
    const { page, troubles, close } = await site.open(browser);
    await page.locator('#heat-frame').waitFor();
    await page.locator('#map-svg .cluster').first().waitFor();
    await page.evaluate(COUNT_CHANGES);
    for (let n = 0; n < 3; n++) {
      const answer = page.waitForResponse((response) => response.url().endsWith('/v1/villages'));
      await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
      await (await answer).finished();
      await page.evaluate('new Promise(requestIdleCallback)');
    }
    expect(await page.evaluate('window.changes')).to.be.lessThan(3 * MAX_CHANGES);
    // The next refresh may change ages, and comes when it is time, however long the scrolling takes.
    await page.evaluate(HIDE);
    await page.evaluate('new Promise(requestIdleCallback)');
    await page.evaluate('window.changes = 0');
    await page.evaluate(`(async () => {
      const box = document.getElementById('heat-box');
      for (let n = 0; n < 60; n++) {
        box.scrollTop += 290;
        await new Promise(requestAnimationFrame);
      }
    })()`);
    expect(await page.evaluate("document.getElementById('heat-box').scrollTop")).to.be.greaterThan(15_000);
    expect(await page.evaluate('window.changes')).to.equal(0);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('asks for nothing while nobody can see it', async () => {
    const { page, close } = await site.open(browser);
    await page.locator('#heat-frame').waitFor();
    await page.evaluate(HIDE);
    let asked = 0;
    page.on('request', () => asked++);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await page.evaluate('new Promise(requestAnimationFrame)');
    expect(asked).to.equal(0);
    const answer = page.waitForRequest((request) => request.url().endsWith('/v1/villages'));
    await page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))");
    await answer;
    await close();
  });
});
