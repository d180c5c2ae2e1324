import { rm } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { PouchLeaves } from '../../../shared/registry/pouchdb-leaves.js';
import { SimulatedLink } from '../../../sim/link.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { anyVillage, GatewayCentre } from '../push/support/centres.js';
import { REGISTRY_CENTRES, type RegistryTestCentre } from './support/registry-centres.js';
import { RegistrySite, type RegistrySiteOptions } from './support/registry-site.js';

const METER = { model: 'M1', serial: '7', role: 'customer' };

describe('the registry', () => {
  const opened: { stop(): Promise<void> }[] = [];
  let sites = 0;
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.stop();
  });
  const folder = useTempFolder();

  async function keep<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    const one = await starting;
    opened.push(one);
    return one;
  }

  /** A node of the village; two of them see of each other what the centre passes on. */
  function siteAt(
    village: string,
    { access }: Pick<RegistryTestCentre, 'access'>,
    options: Partial<RegistrySiteOptions> = {},
  ): Promise<RegistrySite> {
    const place = path.join(folder.path, String(sites++));
    return keep(RegistrySite.start({ folder: place, village, ...access, ...options }));
  }

  for (const { title, canBeWiped, start } of REGISTRY_CENTRES) {
    describe(`between villages and ${title}`, () => {
      it('carries an edit both ways within seconds', async () => {
        const village = anyVillage();
        const centre = await keep(start(village));
        const one = await siteAt(village, centre, { live: true });
        const other = await siteAt(village, centre, { live: true });
        await one.untilState('live');
        await other.untilState('live');
        await one.put('device', 'm7', METER);
        await other.untilShown('device', 'm7', { serial: '7' }, 5_000);
        await other.put('device', 'm7', { ...METER, serial: '8' });
        await one.untilShown('device', 'm7', { serial: '8' }, 5_000);
        await one.remove('device', 'm7');
        await other.untilShown('device', 'm7', undefined, 5_000);
        // The trace of an edit follows it.
        await waitFor(async () => JSON.stringify(await other.shown()) === JSON.stringify(await one.shown()), {
          what: 'both to show the same',
        });
      });

      it('joins what was edited apart, shows the same conflict on both sides, and its settlement, too', async () => {
        const village = anyVillage();
        const centre = await keep(start(village));
        const one = await siteAt(village, centre);
        const other = await siteAt(village, centre);
        await one.put('device', 'm7', METER);
        for (const site of [one, other, one]) await site.sync.sync();
        await one.put('device', 'm7', { ...METER, model: 'M2', serial: 'one' });
        await other.put('device', 'm7', { ...METER, phase: 'A', serial: 'other' });
        for (const site of [one, other, one, other]) await site.sync.sync();
        const shown = (await one.shown()) as { items: object[]; conflicts: { versions: { rev: string }[] }[] };
        expect(await other.shown()).to.deep.equal(shown);
        expect(shown.items[0]).to.include({ model: 'M2', phase: 'A' });
        expect(shown.conflicts).to.have.lengthOf(1);
        const [kept] = shown.conflicts[0]?.versions ?? [];
        await one.registry.registry.settle('device', 'm7', { keep: kept?.rev }, { author: `village:${village}` });
        for (const site of [one, other]) await site.sync.sync();
        expect(await other.shown()).to.deep.equal(await one.shown());
        expect(await other.registry.registry.conflicts()).to.deep.equal([]);
      });

      if (!canBeWiped) return;
      it('is whole again after a forced run when the centre was begun anew, whoever had edited what', async () => {
        const village = anyVillage();
        const centre = await keep(start(village));
        const one = await siteAt(village, centre);
        const other = await siteAt(village, centre);
        for (let n = 0; n < 60; n++) await one.put('device', `m${n}`, METER);
        for (const site of [one, other]) await site.sync.sync();
        await centre.wipe();
        await other.put('device', 'late', METER);
        for (const site of [other, one, other]) await site.sync.sync();
        expect(await one.shown()).to.deep.equal(await other.shown());
        const fresh = await siteAt(village, centre);
        await fresh.sync.sync();
        expect(await fresh.shown()).to.deep.equal(await one.shown());
        expect(await fresh.registry.registry.list('device')).to.have.lengthOf(61);
      });
    });
  }

  async function gatewayFor(village: string): Promise<RegistryTestCentre & { centre: GatewayCentre }> {
    const centre = await keep(GatewayCentre.start('embedded'));
    const { CENTRAL_PASSWORD: password = '' } = await centre.settingsFor(village);
    const access = { url: centre.url, user: village, password };
    return { centre, access, wipe: () => centre.wipeRegistries(), stop: () => centre.stop() };
  }

  it('notices a centre that went back to a backup, even one that has had more changes since', async () => {
    const village = anyVillage();
    const { centre, access } = await gatewayFor(village);
    const one = await siteAt(village, { access });
    const other = await siteAt(village, { access });
    await one.put('device', 'm1', METER);
    await one.sync.sync();
    await centre.backUp();
    for (let n = 2; n < 6; n++) await one.put('device', `m${n}`, METER);
    await one.sync.sync();
    await centre.restoreBackup();
    for (let n = 10; n < 30; n++) await other.put('device', `m${n}`, METER);
    await other.sync.sync();
    await one.sync.sync();
    await other.sync.sync();
    expect(await other.shown()).to.deep.equal(await one.shown());
    expect(await other.registry.registry.list('device')).to.have.lengthOf(25);
  });

  it('asks nothing of the centre while nothing happens, and sends an edit in two requests', async () => {
    const village = anyVillage();
    const { access } = await gatewayFor(village);
    const proxy = new FaultProxy(access.url);
    await proxy.start();
    opened.push(proxy);
    const site = await siteAt(village, { access: { ...access, url: proxy.url } }, { live: true });
    await site.untilState('live');
    const asked = () => proxy.requests.map(({ method, path: asked }) => `${method} ${asked.replace(/.*\/|\?.*/g, '')}`);
    await waitFor(() => asked().at(-1) === 'GET _changes' && proxy.requests.at(-1)?.path.includes('longpoll'), {
      what: 'the node to wait for the centre',
    });
    const before = proxy.requests.length;
    await site.put('device', 'm7', METER);
    await waitFor(() => proxy.requests.length >= before + 3, { what: 'the edit to be sent' });
    expect(asked().slice(before, before + 3)).to.have.members(['POST _bulk_docs', 'POST _revs_diff', 'GET _changes']);
    await waitFor(() => site.sync.state.name === 'live', { what: 'the echo to be dealt with' });
    expect(proxy.requests.slice(before).filter(({ method }) => method === 'POST')).to.have.lengthOf(2);
  });

  it('keeps documents of types nobody here knows, and passes them on', async () => {
    const village = anyVillage();
    const { access } = await gatewayFor(village);
    const one = await siteAt(village, { access });
    const other = await siteAt(village, { access });
    await new PouchLeaves(one.registry.database).put('note:n1', undefined, { deleted: false, body: { text: 'x' } });
    for (const site of [one, other]) await site.sync.sync();
    expect(await new PouchLeaves(other.registry.database).leaves('note:n1')).to.deep.include.members(
      await new PouchLeaves(one.registry.database).leaves('note:n1'),
    );
  });

  it('goes on by itself when a link that was away or dead is back, with what was edited meanwhile', async () => {
    const village = anyVillage();
    const { access } = await gatewayFor(village);
    const link = new SimulatedLink({ targetPort: Number(new URL(access.url).port) });
    await link.start();
    opened.push(link);
    const far = await siteAt(village, { access: { ...access, url: link.url } }, { live: true, timeoutMs: 1_000 });
    const near = await siteAt(village, { access }, { live: true });
    await far.untilState('live');
    await near.untilState('live');
    for (const fault of ['cut', 'freeze'] as const) {
      link[fault]();
      await far.put('device', `far-${fault}`, METER);
      await near.put('device', `near-${fault}`, METER);
      await waitFor(() => far.sync.state.failures > 0, { what: 'the node to notice' });
      link.restore();
      await far.untilShown('device', `near-${fault}`, METER);
      await near.untilShown('device', `far-${fault}`, METER);
    }
    await waitFor(async () => (await far.status()).lastError === undefined, { what: 'the error to be forgotten' });
  });

  it('on request only, does nothing before it is asked', async () => {
    const village = anyVillage();
    const { access } = await gatewayFor(village);
    const site = await siteAt(village, { access });
    await site.put('device', 'm7', METER);
    expect(site.link.counters.requests).to.equal(0);
    expect(await site.status()).to.deep.equal({ state: 'idle', pendingEdits: 1, refused: 0 });
    await site.sync.sync();
    expect(await site.status()).to.include({ state: 'idle', pendingEdits: 0 });
    const { requests } = site.link.counters;
    await site.put('device', 'm8', METER);
    expect(site.link.counters.requests).to.equal(requests);
  });

  it('offers again after a day what the centre refused, and not before', async () => {
    const village = anyVillage();
    const { access } = await gatewayFor(village);
    const proxy = new FaultProxy(access.url);
    await proxy.start();
    opened.push(proxy);
    let nowMs = Date.parse('2026-03-01T12:00:00Z');
    const clock = { now: () => nowMs, monotonic: () => performance.now() };
    const site = await siteAt(village, { access: { ...access, url: proxy.url } }, { live: true, clock });
    await site.untilState('live');
    const big = { deleted: false, body: { text: 'x'.repeat(200_000) } };
    await new PouchLeaves(site.registry.database).put('note:big', undefined, big);
    const sent = () => proxy.requests.filter(({ path: asked }) => asked.includes('_bulk_docs')).length;
    let edits = 0;
    const sendsOfAnEdit = async (): Promise<number> => {
      const before = sent();
      await site.put('device', `m${edits++}`, METER);
      await waitFor(async () => sent() > before && site.sync.state.name === 'live', { what: 'the round' });
      expect((await site.status()).refused).to.equal(1);
      return sent() - before;
    };
    await sendsOfAnEdit();
    nowMs += 23 * 3_600_000;
    expect(await sendsOfAnEdit()).to.equal(1);
    nowMs += 3_600_000;
    expect(await sendsOfAnEdit(), 'the edit, and the refused one').to.equal(2);
    expect(await sendsOfAnEdit()).to.equal(1);
  });

  it('fetches everything again, and sends what is new, when its own files were lost', async () => {
    const village = anyVillage();
    const { access } = await gatewayFor(village);
    const other = await siteAt(village, { access });
    const place = path.join(folder.path, 'lost');
    const before = await RegistrySite.start({ folder: place, village, ...access });
    for (let n = 0; n < 10; n++) await before.put('device', `m${n}`, METER);
    await before.sync.sync();
    await before.stop();
    await rm(path.join(place, 'registry'), { recursive: true });
    const again = await keep(RegistrySite.start({ folder: place, village, ...access }));
    await again.put('device', 'new', METER);
    for (const site of [again, other]) await site.sync.sync();
    expect(await again.registry.registry.list()).to.have.lengthOf(11);
    expect(await other.shown()).to.deep.equal(await again.shown());
  });

  it('remembers across a restart how far it was, and what the centre refused', async () => {
    const village = anyVillage();
    const { access } = await gatewayFor(village);
    const place = path.join(folder.path, 'restarted');
    const first = await RegistrySite.start({ folder: place, village, ...access });
    await first.put('device', 'm7', METER);
    const big = { deleted: false, body: { text: 'x'.repeat(200_000) } };
    await new PouchLeaves(first.registry.database).put('note:big', undefined, big);
    await first.sync.sync();
    const { state, ...before } = await first.status();
    await first.stop();
    const again = await keep(RegistrySite.start({ folder: place, village, ...access }));
    const { state: _, ...after } = await again.status();
    expect(after).to.deep.equal(before);
    expect(after).to.include({ pendingEdits: 0, refused: 1 });
  });
});
