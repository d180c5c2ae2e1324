/** Two gateways before one CouchDB: what is changed at one holds at the other. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Conflict } from '../../shared/registry/registry-view.js';
import { waitFor } from '../support/wait-for.js';
import { Centre, json, type VillageLogin } from './support/centre.js';
import { readings } from './support/documents.js';
import { STORES } from './support/stores.js';
import { VillageRegistry } from './support/village-registry.js';

const REACTION_MS = 5_000;

if (!STORES.includes('couchdb')) {
  describe('two gateways before one CouchDB', () => {
    it('skipped: needs a real CouchDB and COUCHDB_URL is not set');
  });
} else {
  describe('two gateways before one CouchDB', () => {
    let one: Centre;
    let other: Centre;

    before(async () => {
      // The other gateway is asked again and again until it knows.
      one = await Centre.start('couchdb', { config: { limits: { failedLoginsPerVillage: 1_000 } } });
      other = await one.second();
    });
    after(async () => {
      await other?.stop();
      await one?.stop();
    });

    const untilStatus = (login: VillageLogin, status: number) =>
      waitFor(async () => (await other.as(login, '/telemetry')).status === status, {
        what: `the other gateway to answer ${status}`,
        timeoutMs: REACTION_MS,
        intervalMs: 50,
      });

    it('a village disabled at one is out at the other within 5 s', async () => {
      const kano = await one.addVillage('kano');
      expect((await other.push(kano, readings('kano', 3))).every(({ ok }) => ok)).to.equal(true);
      expect((await one.admin('/v1/villages/kano/disable', { method: 'POST' })).status).to.equal(200);
      expect((await one.as(kano, '/telemetry')).status).to.equal(403);
      await untilStatus(kano, 403);
    });

    it('whoever waits at one for a change of its registry is woken within 2 s of a write through the other', async () => {
      const kofa = await one.addVillage('kofa');
      const info = (await (await one.as(kofa, '/registry-kofa')).json()) as { update_seq: string };
      let since = info.update_seq;
      for (let n = 0; n < 3; n++) {
        const path = `/registry-kofa/_changes?feed=longpoll&since=${encodeURIComponent(since)}`;
        const waiting = one.as(kofa, path);
        await waitFor(
          async () => /^solar_central_registry_waits 1$/m.test(await (await fetch(`${one.url}/metrics`)).text()),
          { what: 'it to wait' },
        );
        const docs = [{ _id: `device:m${n}`, _rev: '1-aa' }];
        const writtenMs = performance.now();
        await other.as(kofa, '/registry-kofa/_bulk_docs', json({ docs, new_edits: false }));
        const answer = (await (await waiting).json()) as { results: { id: string }[]; last_seq: string };
        expect(performance.now() - writtenMs).to.be.below(2_000);
        expect(answer.results.map(({ id }) => id)).to.deep.equal([`device:m${n}`]);
        since = answer.last_seq;
      }
    });

    it('a credential rotated at one is good at the other, with the old one beside it for the overlap', async () => {
      const jos = await one.addVillage('jos');
      expect((await other.as(jos, '/telemetry')).status).to.equal(200);
      const renewed = (await (await one.admin('/v1/villages/jos/rotate', { method: 'POST' })).json()) as VillageLogin;
      await untilStatus(renewed, 200);
      expect((await other.as(jos, '/telemetry')).status).to.equal(200);
      await one.admin('/v1/villages/jos/rotate', json({ overlapHours: 0 }));
      expect((await one.as(jos, '/telemetry')).status).to.equal(401);
      await untilStatus(jos, 401);
      await untilStatus(renewed, 401);
    });

    it('a conflict that came through one is listed and settled at the other', async () => {
      const yola = await VillageRegistry.open({ centre: one, login: await one.addVillage('yola') });
      try {
        await yola.put('profile', 'site', { name: 'Yola' });
        await yola.push();
        const target = '/v1/villages/yola/registry/profile/site';
        const etag = (await other.analyst(target)).headers.get('etag') ?? '';
        const edited = await other.admin(target, json({ name: 'Yola North' }, { 'If-Match': etag }, 'PUT'));
        expect(edited.status).to.equal(200);
        await yola.put('profile', 'site', { name: 'Yola South' });
        await yola.push();
        const conflicts = async (centre: Centre) =>
          ((await (await centre.analyst('/v1/conflicts')).json()) as { items: Conflict[] }).items;
        const [conflict] = await conflicts(other);
        expect(await conflicts(one)).to.deep.equal([conflict]);
        const choice = json({ keep: conflict?.winner });
        const settled = await other.admin('/v1/villages/yola/conflicts/profile/site', choice);
        expect([settled.status, await conflicts(one), await conflicts(other)]).to.deep.equal([200, [], []]);
      } finally {
        await yola.close();
      }
    });
  });
}

describe('a village disabled at an embedded centre', () => {
  it('is out at once, also with a body that was on its way', async () => {
    const centre = await Centre.start('embedded');
    try {
      const kano = await centre.addVillage('kano');
      const body = JSON.stringify({ docs: readings('kano', 1), new_edits: false });
      let finish: () => void = () => undefined;
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => {
          const bytes = new TextEncoder().encode(body);
          controller.enqueue(bytes.subarray(0, 10));
          finish = () => {
            controller.enqueue(bytes.subarray(10));
            controller.close();
          };
        },
      });
      const pushing = centre.as(kano, '/telemetry/_bulk_docs', {
        ...{ method: 'POST', body: stream, duplex: 'half' },
      } as RequestInit);
      await waitFor(
        async () =>
          /^solar_central_arriving_body_bytes [1-9]/m.test(await (await fetch(`${centre.url}/metrics`)).text()),
        { what: 'the body to begin' },
      );
      expect((await centre.admin('/v1/villages/kano/disable', { method: 'POST' })).status).to.equal(200);
      expect((await centre.as(kano, '/telemetry')).status).to.equal(403);
      finish();
      expect((await pushing).status).to.equal(403);
      const { items } = (await (await centre.analyst('/v1/villages/kano/readings')).json()) as { items: unknown[] };
      expect(items).to.deep.equal([]);
    } finally {
      await centre.stop();
    }
  });
});
