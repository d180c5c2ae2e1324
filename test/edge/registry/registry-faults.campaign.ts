/** Whatever is answered on the way: a round that says it succeeded has brought everything, and a later one does. */
import path from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { LinkError } from '../../../edge/link/link-error.js';
import { NoRegistryAtCentre } from '../../../edge/registry/registry-rounds.js';
import { AppError } from '../../../shared/app-error.js';
import { PouchLeaves } from '../../../shared/registry/pouchdb-leaves.js';
import { type Fault, FaultProxy, faults, type ProxiedRequest } from '../../support/fault-proxy.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { anyVillage, GatewayCentre } from '../push/support/centres.js';
import { RegistrySite } from './support/registry-site.js';

const METER = { model: 'M1', serial: '7', role: 'customer' };
/** Of the node that gets no answer at all; every other is to get one, however slow the machine. */
const HASTY_MS = 2_000;
const PATIENT_MS = 20_000;
/** What is met by a node of its own, which gives up soon. */
const SILENCE = 'nothing';

const FAULTS: Record<string, Fault> = {
  '401': faults.json(401, { error: 'unauthorized', reason: 'no' }),
  '403': faults.json(403, { error: 'forbidden', reason: 'no' }),
  '404': faults.json(404, { error: 'not_found', reason: 'no' }),
  '413': faults.json(413, { error: 'too_large', reason: 'no' }),
  '400 without a reason': faults.html(400),
  '429': faults.json(429, { error: 'busy', reason: 'later' }, { 'Retry-After': '1' }),
  '500': faults.json(500, { error: 'internal', reason: 'no' }),
  '200 []': faults.emptyList(200),
  '201 []': faults.emptyList(201),
  '200 {}': faults.json(200, {}),
  'a page of HTML': faults.html(200),
  'half of an answer': faults.truncatedJson(200),
  'a redirect': faults.redirect('http://127.0.0.1:1/'),
  [SILENCE]: { kind: 'hang', when: 'before-headers' },
  'a reset': { kind: 'reset' },
  'an answer that is lost': { kind: 'lose-answer' },
  'an answer that is cut': { kind: 'cut-answer', afterBytes: 5 },
};

const REQUESTS: Record<string, (request: ProxiedRequest) => boolean> = {
  'GET /': ({ path: asked }) => asked === '/',
  'GET /registry-…': ({ path: asked }) => /^\/registry-[^/]*$/.test(asked),
  'GET _changes': ({ path: asked }) => asked.includes('/_changes'),
  'POST _bulk_get': ({ path: asked }) => asked.includes('/_bulk_get'),
  'POST _bulk_docs': ({ path: asked }) => asked.includes('/_bulk_docs'),
  'POST _revs_diff': ({ path: asked }) => asked.includes('/_revs_diff'),
};

describe('the registry and what goes wrong on the way', function () {
  this.timeout(120_000);
  const village = anyVillage();
  const folder = useTempFolder();
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let access: { user: string; password: string };
  let count = 0;

  before(async () => {
    centre = await GatewayCentre.start('embedded');
    const { CENTRAL_PASSWORD: password = '' } = await centre.settingsFor(village);
    access = { user: village, password };
    proxy = new FaultProxy(centre.url);
    await proxy.start();
  });
  after(async () => {
    await proxy.stop();
    await centre.stop();
  });

  function start(url: string, timeoutMs: number): Promise<RegistrySite> {
    const place = path.join(folder.path, String(count++));
    return RegistrySite.start({ folder: place, village, ...access, url, timeoutMs });
  }

  type Work = (site: RegistrySite, witness: RegistrySite, hasty: RegistrySite) => Promise<void>;

  async function withSites(work: Work): Promise<void> {
    const site = await start(proxy.url, PATIENT_MS);
    const witness = await start(centre.url, PATIENT_MS);
    const hasty = await start(proxy.url, HASTY_MS);
    try {
      await work(site, witness, hasty);
    } finally {
      proxy.rule = () => undefined;
      for (const one of [site, witness, hasty]) await one.stop();
    }
  }

  for (const [asked, isAsked] of Object.entries(REQUESTS)) {
    it(`is whole although ${asked} is answered with anything`, async () => {
      await withSites(async (patient, witness, hasty) => {
        for (const [name, fault] of Object.entries(FAULTS)) {
          const site = name === SILENCE ? hasty : patient;
          const id = `m${count++}`;
          await site.put('device', `${id}-here`, METER);
          await witness.put('device', `${id}-there`, METER);
          await witness.sync.sync();
          let hits = 0;
          proxy.rule = (request) => (isAsked(request) && ++hits > 0 ? fault : undefined);
          const round = () => site.sync.sync().catch((error: unknown) => error);
          let failure = await round();
          // It may have given up before it came to that.
          for (let n = 0; n < 5 && site === hasty && hits === 0; n++) failure = await round();
          expect(hits, `${asked} was asked for (${name}: ${failure})`).to.be.above(0);
          if (failure === undefined) {
            // It says that it succeeded: whatever is not there was refused, and is shown.
            await witness.sync.sync();
            const { refusals = [], unfetchedDocuments = [] } = await site.status();
            const isRefused = refusals.some((one) => one.id === `device:${id}-here`);
            const isThere = (await witness.registry.registry.get('device', `${id}-here`)) !== undefined;
            expect(isThere || isRefused, `${name}: sent or refused`).to.equal(true);
            const isFetched = (await site.registry.registry.get('device', `${id}-there`)) !== undefined;
            const isPassedOver = unfetchedDocuments.some((one) => one.id === `device:${id}-there`);
            expect(isFetched || isPassedOver, `${name}: fetched or said that it cannot be`).to.equal(true);
          } else {
            expect(failure, name).to.satisfy((error: unknown) => {
              return error instanceof LinkError || error instanceof NoRegistryAtCentre;
            });
            expect((await site.status()).lastError?.message, name).to.be.a('string');
          }
          proxy.rule = () => undefined;
          for (const one of [site, witness, site]) {
            const isDone = () => one.sync.sync().then(() => true);
            if (one === hasty) await waitFor(isDone, { what: 'a round that succeeds', timeoutMs: 30_000 });
            else await isDone();
          }
          expect(await site.shown(), name).to.deep.equal(await witness.shown());
          const status = await site.status();
          expect(status, name).to.deep.include({ pendingEdits: 0, refused: 0 }).and.not.have.property('unfetched');
        }
      });
    });
  }

  it('sends the others although one is refused, says which and why, and offers it again when it was edited', async () => {
    await withSites(async (site, witness) => {
      const leaves = new PouchLeaves(site.registry.database);
      const big = await leaves.put('note:big', undefined, { deleted: false, body: { text: 'x'.repeat(200_000) } });
      for (let n = 0; n < 5; n++) await site.put('device', `beside-${n}`, METER);
      await site.sync.sync();
      await witness.sync.sync();
      for (let n = 0; n < 5; n++)
        expect(await witness.registry.registry.get('device', `beside-${n}`)).to.be.an('object');
      const { refusals, ...status } = await site.status();
      expect(status).to.deep.include({ pendingEdits: 0, refused: 1 });
      expect(refusals?.[0]).to.include({ id: 'note:big' }).and.have.property('reason').that.contains('bytes');
      const [leaf] = (await leaves.leaves('note:big')).filter(({ rev }) => rev === big);
      await leaves.put('note:big', leaf, { deleted: false, body: { text: 'small' } });
      await site.sync.sync();
      expect(await site.status()).to.deep.include({ refused: 0 });
      await witness.sync.sync();
      expect(await new PouchLeaves(witness.registry.database).leaves('note:big')).to.have.lengthOf(1);
    });
  });

  it('passes over what cannot be fetched, says which and why, and asks for it again', async () => {
    await withSites(async (site, witness) => {
      const ids = ['beside-1', 'wanted', 'beside-2'].map((name) => `${name}-${count++}`);
      for (const id of ids) await witness.put('device', id, METER);
      await witness.sync.sync();
      const [first = '', wanted = '', second = ''] = ids;
      proxy.rule = (request) =>
        request.path.includes('_bulk_get') && textOf(request).includes(`"device:${wanted}"`)
          ? faults.json(413, { error: 'too_large', reason: 'no' })
          : undefined;
      await site.sync.sync();
      for (const id of [first, second]) expect(await site.registry.registry.get('device', id), id).to.be.an('object');
      expect(await site.registry.registry.get('device', wanted)).to.equal(undefined);
      const { unfetched, unfetchedDocuments = [] } = await site.status();
      expect(unfetched).to.equal(1);
      expect(unfetchedDocuments[0]).to.include({ id: `device:${wanted}` });
      expect(unfetchedDocuments[0]?.reason).to.match(/413/);
      proxy.rule = () => undefined;
      await site.sync.sync();
      expect(await site.registry.registry.get('device', wanted)).to.be.an('object');
      expect(await site.status()).to.not.have.property('unfetched');
    });
  });

  it('sends what was edited here although something else cannot be joined, and says so', async () => {
    await withSites(async (site, witness) => {
      const id = `unjoined-${count++}`;
      await witness.put('device', `${id}-there`, METER);
      await witness.sync.sync();
      await site.put('device', `${id}-here`, METER);
      const { registry } = site.registry;
      const tend = registry.tend.bind(registry);
      registry.tend = async () => {
        throw new AppError('storage_failed', 'device:odd could not be joined');
      };
      await site.sync.sync();
      expect((await site.status()).lastError?.message).to.equal('device:odd could not be joined');
      await witness.sync.sync();
      expect(await witness.registry.registry.get('device', `${id}-here`)).to.be.an('object');
      registry.tend = tend;
      await witness.put('device', `${id}-more`, METER);
      await witness.sync.sync();
      await site.sync.sync();
      expect(await site.status()).to.not.have.property('lastError');
    });
  });

  it('is not taken in by a centre that says it has what it has not', async () => {
    await withSites(async (site, witness) => {
      await site.put('device', 'lost', METER);
      proxy.rule = ({ path: asked }) => (asked.includes('_bulk_docs') ? faults.emptyList(201) : undefined);
      const failure = await site.sync.sync().catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(LinkError).and.have.property('message').that.contains('does not hold');
      expect((await site.status()).pendingEdits).to.equal(1);
      proxy.rule = () => undefined;
      await site.sync.sync();
      await witness.sync.sync();
      expect(await witness.registry.registry.get('device', 'lost')).to.be.an('object');
    });
  });

  it('gets through what takes small requests only', async () => {
    await withSites(async (site, witness) => {
      for (let n = 0; n < 40; n++) await site.put('device', `many-${n}`, { ...METER, note: `n${n}`.repeat(50) });
      proxy.rule = ({ body }) => (body.length > 1_500 ? faults.html(413) : undefined);
      for (let n = 0; n < 4; n++) await site.sync.sync().catch(() => undefined);
      await witness.sync.sync();
      const found = (await witness.registry.registry.list('device')).filter(({ id }) => id.startsWith('many-'));
      expect(found).to.have.lengthOf(40);
      expect((await site.status()).refused).to.equal(0);
    });
  });

  it('fetches a document with very many leaves, in requests of at most 100 of them', async () => {
    const bush = await centre.addLeaves(village, 'unknown:bush', 150);
    const site = await start(proxy.url, PATIENT_MS);
    try {
      const before = proxy.requests.length;
      await site.sync.sync();
      expect(await site.status()).to.not.have.property('unfetched');
      const asked = proxy.requests.slice(before).filter(({ path: one }) => one.includes('_bulk_get'));
      const counts = asked.map((one) => (JSON.parse(textOf(one)) as { docs: unknown[] }).docs.length);
      expect(Math.max(...counts)).to.equal(100);
      const held = await new PouchLeaves(site.registry.database).leaves('unknown:bush');
      expect(held.map(({ rev }) => rev)).to.have.members(bush);
    } finally {
      await site.stop();
    }
  });
});

function textOf({ headers, body }: ProxiedRequest): string {
  const encoding = headers['content-encoding'];
  return String(encoding === 'br' ? brotliDecompressSync(body) : encoding === 'gzip' ? gunzipSync(body) : body);
}
