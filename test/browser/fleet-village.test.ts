import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Page } from 'playwright-core';
import { telemetryId } from '../../shared/documents.js';
import type { VillageLogin } from '../server/support/centre.js';
import { reading } from '../server/support/documents.js';
import type { VillageRegistry } from '../server/support/village-registry.js';
import { waitFor } from '../support/wait-for.js';
import { seriousFindings, useBrowser } from './browser.js';
import { awaitRoomInDay, FleetSite, HOSTILE, NEXT_DAY_TIMEOUT_MS, textOf } from './fleet-site.js';

const PHONE = { width: 360, height: 740 };
const DEVICE = { model: 'X1', serial: 'A-17', role: 'totalizer' };
/** What the browser says of answers that the page reckons with. */
const OUTRUN = /status of 412/;
const DELETED = /status of 4(04|12)/;

async function refreshed(page: Page): Promise<void> {
  const answer = page.waitForResponse((response) => response.url().endsWith('/registry'));
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  await answer;
}

describe('a village’s page of the fleet’s dashboard in a browser', function () {
  this.timeout(90_000);
  const browser = useBrowser();
  let site: FleetSite;
  let login: VillageLogin;
  let registry: VillageRegistry;

  before(async function () {
    this.timeout(NEXT_DAY_TIMEOUT_MS);
    await awaitRoomInDay();
    site = await FleetSite.start();
    login = await site.add('kano', { name: 'Kano' });
    await site.add('jos', { region: 'plateau' });
    await site.measure(login, { without: [3] });
    registry = await site.registryOf(login);
    await site.put('kano', 'device/main', DEVICE);
    await site.put('kano', 'device/odd', {
      ...DEVICE,
      role: 'other',
      serial: '<script>alert(1)</script>',
      unit: HOSTILE,
    });
  });
  after(() => site?.stop());

  const open = (options: Parameters<FleetSite['open']>[1] = {}) =>
    site.open(browser, { hash: '#/villages/kano', ...options });

  it('draws power, energy and battery of a period with a hole where a day is missing', async () => {
    const { page, troubles, close } = await open();
    await page.locator('#charts svg.chart').nth(2).waitFor();
    expect(await textOf(page, 'charts')).to.match(/Power \(main\).*Energy per day \(main\).*Battery \(main\)/);
    const power = page.locator('#charts svg.chart').first();
    expect(await power.locator('polyline').count()).to.equal(2);
    expect(await power.getAttribute('aria-label')).to.match(/Power of main: lowest 200 W, highest 223 W/);
    // What the register grew by meanwhile is told apart.
    const spread = page.locator('#charts svg.chart').nth(1).locator('.bar.spread');
    const heights = await spread.evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute('height'))));
    expect(heights.filter((height) => height > 5)).to.have.length.within(1, 3);
    await page.getByLabel('Period').selectOption('24');
    await waitFor(
      async () =>
        /Energy per hour|nothing to draw/.test((await textOf(page, 'charts-note')) + (await textOf(page, 'charts'))),
      {
        what: 'the last day',
      },
    );
    await page.getByLabel('First day').fill('2020-01-01');
    await page.getByLabel('Last day').fill('2019-01-01');
    await page.getByText('The last day must not be before the first').waitFor();
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('offers every device that ever sent a reading, behind those heard of last', async () => {
    const ife = await site.add('ife');
    await site.measure(ife, { days: 14 });
    const old = { device: 'replaced', at: '2026-01-01T00:00:00.000Z' };
    await site.centre.push(ife, [reading('ife', 9_000, { ...old, _id: telemetryId('ife', 'reading', old) })]);
    const { page, close } = await open({ hash: '#/villages/ife' });
    const options = page.getByLabel('Device', { exact: true }).locator('option');
    await waitFor(async () => (await options.count()) > 0, { what: 'the devices' });
    expect(await options.allTextContents()).to.deep.equal(['main', 'replaced']);
    await close();
  });

  it('tells of contacts by the hour, and of numbers that are missing', async () => {
    await site.centre.push(login, []);
    const { page, troubles, close } = await open();
    await page.locator('#contacts-chart svg').waitFor();
    expect(await textOf(page, 'contacts-text')).to.match(/^[1-9][\d,]* requests succeeded, \d+ failed/);
    expect(await textOf(page, 'numbers-text')).to.match(/Every number its nodes have given is here/);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('offers readings and predictions of the period as CSV', async () => {
    const { page, troubles, close } = await open();
    await page.locator('#charts svg.chart').first().waitFor();
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Readings of main' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).to.match(/^kano-readings-.*\.csv$/);
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
    expect(lines[0]).to.contain('powerW');
    expect(lines.length).to.be.within(97, 146);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('has a document edited by an admin, under their name, and its history told', async () => {
    const { page, troubles, close } = await open();
    await page.getByRole('button', { name: 'Edit: Device main' }).click();
    await page.getByLabel('serial', { exact: true }).fill('B-18');
    await page.getByLabel('Another field').fill('roof');
    await page.getByRole('button', { name: 'Add field' }).click();
    await page.getByLabel('roof', { exact: true }).fill('tin');
    await page.getByLabel('Your name').fill('Amina Ségou');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Last changed by Amina Ségou').waitFor();
    const stored = await site.documentOf('kano', 'device/main');
    expect([stored.serial, stored.roof, stored.author]).to.deep.equal(['B-18', 'tin', 'Amina Ségou']);
    await page.getByText('History').first().click();
    await page.getByText('serial: A-17 → B-18').waitFor();
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('keeps what is being typed, tells in words when somebody was quicker, and saves over it only then', async () => {
    const { page, troubles, close } = await open();
    await page.getByRole('button', { name: 'Edit: Device main' }).click();
    await page.getByLabel('serial', { exact: true }).fill('typed here');
    await site.put('kano', 'device/main', { ...DEVICE, serial: 'written there' }, { 'X-Author': 'Bello' });
    await refreshed(page);
    expect(await page.getByLabel('serial', { exact: true }).inputValue()).to.equal('typed here');
    await page.getByRole('button', { name: 'Save' }).click();
    const told = page.getByText(/Somebody was quicker: Bello changed this/);
    await told.waitFor();
    expect(await told.textContent()).to.contain('serial: written there');
    expect((await site.documentOf('kano', 'device/main')).serial).to.equal('written there');
    await page.keyboard.press('Escape');
    await page.getByText('What you typed is not saved').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('#editor').waitFor({ state: 'hidden' });
    expect((await site.documentOf('kano', 'device/main')).serial).to.equal('typed here');
    expect(troubles.filter((one) => !OUTRUN.test(one))).to.deep.equal([]);
    await close();
  });

  it('saves a field that was corrected, and leaves line breaks and empty texts of the others as they were', async () => {
    const before = { name: 'Kno', contact: 'Amina\n+237 600', note: '', steps: 'one\r\ntwo', bare: ' ' };
    await site.put('kano', 'profile/profile', before);
    const { page, troubles, close } = await open();
    await page.getByRole('button', { name: 'Edit: Profile profile' }).click();
    expect(await page.getByLabel('contact', { exact: true }).inputValue()).to.equal(before.contact);
    await page.getByLabel('name', { exact: true }).fill('Kano');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('#editor').waitFor({ state: 'hidden' });
    expect(await site.documentOf('kano', 'profile/profile')).to.include({ ...before, name: 'Kano' });
    await page.getByRole('button', { name: 'Edit: Profile profile' }).click();
    await page.getByLabel('contact', { exact: true }).fill('Bello\n+237 700');
    await page.getByLabel('steps', { exact: true }).fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('#editor').waitFor({ state: 'hidden' });
    const stored = await site.documentOf('kano', 'profile/profile');
    expect(stored).to.include({ contact: 'Bello\n+237 700', note: '' }).and.not.have.property('steps');
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('saves what was typed after somebody was quicker, and takes back nothing they wrote elsewhere', async () => {
    await site.put('kano', 'device/shared', { ...DEVICE, place: 'roof', note: 'old' });
    const { page, troubles, close } = await open();
    await page.getByRole('button', { name: 'Edit: Device shared' }).click();
    await page.getByLabel('serial', { exact: true }).fill('typed here');
    await page.getByLabel('note', { exact: true }).fill('a note');
    const { place: _, ...there } = {
      ...DEVICE,
      place: '',
      serial: 'written there',
      model: 'X2',
      fuse: '16 A',
      note: 'b\nc',
    };
    await site.put('kano', 'device/shared', there, { 'X-Author': 'Bello' });
    await page.getByLabel('note', { exact: true }).press('Enter');
    await page.getByText(/Somebody was quicker: Bello changed this/).waitFor();
    expect(await page.getByLabel('model', { exact: true }).inputValue()).to.equal('X2');
    expect(await page.getByLabel('serial', { exact: true }).inputValue()).to.equal('typed here');
    expect(await page.getByLabel('note', { exact: true }).inputValue()).to.equal('a note');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('#editor').waitFor({ state: 'hidden' });
    const stored = await site.documentOf('kano', 'device/shared');
    expect(stored)
      .to.include({ ...there, serial: 'typed here', note: 'a note' })
      .and.not.have.property('place');
    expect(troubles.filter((one) => !OUTRUN.test(one))).to.deep.equal([]);
    await close();
  });

  it('makes a document somebody deleted meanwhile anew with all it had, and what was typed', async () => {
    await site.put('kano', 'device/gone', { ...DEVICE, note: 'x\ny' });
    const { page, troubles, close } = await open();
    await page.getByRole('button', { name: 'Edit: Device gone' }).click();
    await page.getByLabel('serial', { exact: true }).fill('typed here');
    const path = '/v1/villages/kano/registry/device/gone';
    const tag = (await site.centre.admin(path)).headers.get('etag') ?? '';
    expect((await site.centre.admin(path, { method: 'DELETE', headers: { 'If-Match': tag } })).ok).to.equal(true);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/Somebody was quicker and deleted this/).waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('#editor').waitFor({ state: 'hidden' });
    const stored = await site.documentOf('kano', 'device/gone');
    expect(stored).to.include({ ...DEVICE, note: 'x\ny', serial: 'typed here' });
    expect(troubles.filter((one) => !DELETED.test(one))).to.deep.equal([]);
    await close();
  });

  it('shows nothing of one village under the name of another, whatever is slow or fails', async () => {
    const { page, close } = await open();
    await page.getByRole('button', { name: 'Edit: Device odd' }).waitFor();
    await page.locator('#contacts-chart svg').waitFor();
    await page.locator('#numbers-table div').first().waitFor();
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    // Kano's contacts are asked for once more, and come when Jos is shown, of which nothing can be told.
    await page.route('**/v1/villages/kano/contacts*', async (route) => {
      await held;
      await route.continue().catch(() => undefined);
    });
    await page.route('**/v1/villages/jos**', (route) => route.abort());
    await page.getByLabel('Period').selectOption('24');
    await page.goto(`${site.centre.url}/dashboard#/villages/jos`);
    await page.getByText('There was no answer').first().waitFor();
    letGo();
    expect(await textOf(page, 'village-name')).to.equal('jos');
    expect(await page.locator('#registry-list .version, #numbers-table div, #charts svg').count()).to.equal(0);
    const files = await page.locator('.links a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    for (const file of files) expect(file).to.match(/^\/v1\/villages\/jos\//);
    await page.waitForLoadState('networkidle');
    expect(await page.locator('#contacts-chart svg').count()).to.equal(0);
    await close();
  });

  it('deletes a document when it is told so twice', async () => {
    await site.put('kano', 'device/old', DEVICE);
    const { page, troubles, close } = await open();
    await page.getByRole('button', { name: 'Edit: Device old' }).click();
    const button = page.getByRole('button', { name: 'Delete' });
    await button.click();
    await page.getByText('once more').waitFor();
    expect((await site.documentOf('kano', 'device/old')).serial).to.equal(DEVICE.serial);
    await button.click();
    await page.getByRole('button', { name: 'Edit: Device old' }).waitFor({ state: 'detached' });
    expect((await site.documentOf('kano', 'device/old')).error).to.include({ code: 'not_found' });
    await page.getByText('Earlier alerts').click();
    await page.getByText('None are kept').waitFor();
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('sends a document to other villages', async () => {
    const { page, troubles, close } = await open();
    await page.getByRole('button', { name: 'Send to others: Device odd' }).click();
    await page.getByLabel('Ids of villages').fill('jos nowhere');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText('1 village has it now, 1 does not').waitFor();
    expect(await textOf(page, 'push-failed')).to.contain('there is no village "nowhere"');
    expect((await site.documentOf('jos', 'device/odd')).unit).to.equal(HOSTILE);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('has an admin settle a conflict, with both sides before their eyes', async () => {
    const threshold = { field: 'voltageV', low: 200, high: 250 };
    await registry.put('threshold', 'v1', threshold);
    await registry.push();
    await site.put('kano', 'threshold/v1', { ...threshold, high: 260 });
    await registry.put('threshold', 'v1', { ...threshold, high: 240 });
    await registry.push();
    const looking = await open({ role: 'analyst' });
    await looking.page.locator('#conflicts-list').getByText('240').waitFor();
    expect(await looking.page.getByRole('button', { name: /Settle/ }).count()).to.equal(0);
    await looking.close();
    const { page, troubles, close } = await open();
    const choice = page.locator('#conflicts-list .version', { hasText: '240' }).getByRole('button');
    await choice.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Nothing to decide').waitFor();
    expect((await site.documentOf('kano', 'threshold/v1')).high).to.equal(240);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('has no buttons that change anything for an analyst', async () => {
    const { page, troubles, close } = await open({ role: 'analyst' });
    await page.locator('#registry-list .version').first().waitFor();
    const names = await page.locator('main button:visible').allTextContents();
    expect(names).to.deep.equal([]);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('never makes markup of what a registry holds', async () => {
    const { page, troubles, close } = await open();
    await page.locator('#registry-list', { hasText: HOSTILE }).waitFor();
    await page.getByRole('button', { name: 'Edit: Device odd' }).click();
    expect(await page.getByLabel('unit', { exact: true }).inputValue()).to.equal(HOSTILE);
    expect(await page.locator('img').count()).to.equal(0);
    expect(await page.locator('script').count()).to.equal(1);
    expect(troubles).to.deep.equal([]);
    await close();
  });

  it('is in French, fits a phone, and has nothing serious for axe-core to find, its dialogs included', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, troubles, close } = await open({ locale: 'fr-FR', viewport: PHONE, colorScheme });
      await page.locator('#charts svg.chart').nth(2).waitFor();
      await page.locator('#contacts-chart svg').waitFor();
      expect(await textOf(page, 'charts')).to.match(/Puissance.*Énergie par jour.*Batterie/);
      expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(PHONE.width);
      expect(await seriousFindings(page)).to.deep.equal([]);
      await page
        .getByRole('button', { name: 'Modifier : Appareil main' })
        .or(page.getByRole('button', { name: 'Modifier: Appareil main' }))
        .click();
      expect(await seriousFindings(page)).to.deep.equal([]);
      expect(troubles).to.deep.equal([]);
      await close();
    }
  });
});
