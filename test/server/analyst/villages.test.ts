import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { VillageView } from '../../../server/analyst/village-view.js';
import { type Clock, systemClock } from '../../../shared/time.js';
import { basic, Centre, json, type VillageLogin } from '../support/centre.js';
import { reading } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;

for (const kind of STORES) {
  describe(`villages of the centre on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let nowMs = START_MS;
    const clock: Clock = { now: () => nowMs, monotonic: systemClock.monotonic };
    let centre: Centre;

    before(async () => {
      centre = await Centre.start(kind, { clock, config: { silentAfterHours: 26 } });
    });
    after(() => centre.stop());

    const view = async (id: string) => (await (await centre.analyst(`/v1/villages/${id}`)).json()) as VillageView;

    it('adds a village once, whatever the case, and shows its credential in that answer alone', async () => {
      const body = { id: 'Kano', name: 'Kano North', lat: 12, lon: 8.5 };
      const made = await centre.admin('/v1/villages', json(body));
      expect(made.status).to.equal(201);
      const login = (await made.json()) as VillageLogin & { user: string };
      expect(login).to.include({ id: 'kano', user: 'kano' });
      expect(login.password).to.match(/^[A-Za-z0-9_-]{32}$/);
      const again = await centre.admin('/v1/villages', json({ id: 'KANO' }));
      expect([again.status, await again.json()]).to.deep.equal([
        409,
        { error: { code: 'conflict', message: 'the village kano exists already' } },
      ]);
      expect(await view('kAnO')).to.deep.equal({
        id: 'kano',
        name: 'Kano North',
        lat: 12,
        lon: 8.5,
        createdAt: '2026-03-01T00:00:00.000Z',
        disabled: false,
        silent: false,
        need: 'awaited',
        numbers: {
          held: 0,
          missing: { lost: 0, quarantined: 0, released: 0, void: 0, notYetSent: 0, unexplained: 0 },
          nodes: [],
        },
      });
      expect(await (await centre.analyst('/v1/villages')).text()).to.not.match(/sha256|credential/);
    });

    it('refuses a village that is none, naming the field', async () => {
      for (const [body, path] of [
        [{}, 'id'],
        [{ id: '9x' }, 'id'],
        [{ id: 'a/b' }, 'id'],
        [{ id: 'admin' }, 'id'],
        [{ id: 'ok', lat: 91 }, 'lat'],
        [{ id: 'ok', lon: '1' }, 'lon'],
        [{ id: 'ok', extra: 1 }, 'extra'],
        [[], undefined],
      ] as const) {
        const response = await centre.admin('/v1/villages', json(body));
        expect(response.status).to.equal(400);
        const { error } = (await response.json()) as { error: { code: string; details: { path: string }[] } };
        expect([error.code, error.details[0]?.path]).to.deep.equal(['invalid_request', path]);
      }
      const wrong = await centre.admin('/v1/villages', json({ lat: 100, extra: 1 }));
      expect(await wrong.json()).to.have.nested.property(
        'error.message',
        'id is missing; lat must be at most 90; extra is not known here',
      );
      const broken = { method: 'POST', body: '{', headers: { 'Content-Type': 'application/json' } };
      expect((await centre.admin('/v1/villages', broken)).status).to.equal(400);
      expect((await centre.admin('/v1/villages', json({ id: 'a', name: 'x'.repeat(20_000) }))).status).to.equal(413);
    });

    it('takes a body in JSON and UTF-8 only', async () => {
      const body = Buffer.from('{"id":"latin","name":"Caf\u00e9"}', 'latin1');
      const statusOf = async (type: string) => {
        const response = await centre.admin('/v1/villages', {
          method: 'POST',
          body,
          headers: { 'Content-Type': type },
        });
        return [response.status, ((await response.json()) as { error: { message: string } }).error.message];
      };
      for (const charset of ['latin1', '"ISO-8859-1"', 'utf-16', 'UTF-16LE']) {
        expect(await statusOf(`application/json; charset=${charset}`)).to.deep.equal([
          415,
          `the charset of the body must be utf-8, not ${charset.replaceAll('"', '')}`,
        ]);
      }
      expect(await statusOf('text/plain')).to.deep.equal([
        415,
        'the content type must be application/json, not text/plain',
      ]);
      expect((await centre.analyst('/v1/villages/latin')).status).to.equal(404);
      for (const [n, charset] of ['UTF-8', '"utf-8"'].entries()) {
        const headers = { 'Content-Type': `application/json;charset=${charset}` };
        const taken = await centre.admin('/v1/villages', json({ id: `utf${n}` }, headers));
        expect(taken.status).to.equal(201);
      }
    });

    it('protects its answers with few bytes, and insists on no TLS it does not speak', async () => {
      const { headers } = await centre.analyst('/v1/villages');
      expect(headers.get('content-security-policy')).to.equal("default-src 'none';frame-ancestors 'none'");
      expect(headers.get('strict-transport-security')).to.equal(null);
    });

    it('tells when a village was last heard of, over a restart, and when it has fallen silent', async () => {
      const login = await centre.addVillage('tamale');
      nowMs += 26 * HOUR_MS;
      expect(await view('tamale')).to.include({ silent: false });
      nowMs += 1;
      expect(await view('tamale')).to.include({ silent: true });
      expect((await centre.as(login, '/telemetry')).status).to.equal(200);
      const heardAt = new Date(nowMs).toISOString();
      expect(await view('tamale')).to.include({ silent: false, lastContactAt: heardAt, lastAttemptAt: heardAt });
      expect(await view('tamale')).to.not.have.property('lastDocumentAt');
      nowMs += HOUR_MS;
      await centre.push(login, [reading('tamale', 1)]);
      const documentAt = new Date(nowMs).toISOString();
      nowMs += HOUR_MS;
      await centre.as({ ...login, password: 'wrong' }, '/telemetry');
      await centre.restart();
      expect(await view('tamale')).to.include({
        lastContactAt: documentAt,
        lastDocumentAt: documentAt,
        lastAttemptAt: new Date(nowMs).toISOString(),
      });
      nowMs += 25 * HOUR_MS + 1;
      expect(await view('tamale')).to.include({ silent: true });
    });

    it('says of a disabled village that it is', async () => {
      await centre.addVillage('zaria');
      const answer = await centre.admin('/v1/villages/zaria/disable', { method: 'POST' });
      expect([answer.status, await answer.json()]).to.deep.equal([200, { id: 'zaria', disabled: true }]);
      expect(await view('zaria')).to.include({ disabled: true });
      for (const path of ['rotate', 'disable']) {
        expect((await centre.admin(`/v1/villages/nowhere/${path}`, { method: 'POST' })).status).to.equal(404);
      }
      expect((await centre.analyst('/v1/villages/nowhere')).status).to.equal(404);
    });

    it('refuses a question with a parameter nobody knows, which it names', async () => {
      await centre.addVillage('aba');
      for (const path of ['/v1/alerts?village=aba', '/v1/alerts?code=silent', '/v1/villages/aba?limit=1']) {
        const response = await centre.analyst(path);
        expect(response.status, path).to.equal(400);
        expect(await response.text(), path).to.match(/the parameter (village|code|limit) is not /);
      }
      expect((await centre.analyst('/v1/villages/aba?numbers=true')).status).to.equal(200);
    });

    it('grants each role what it needs and no more', async () => {
      const login = await centre.addVillage('jos');
      const { admin, analyst } = centre.tokens;
      const callers: Record<string, string | undefined> = {
        nobody: undefined,
        wrong: 'Bearer wrong',
        village: basic('jos', login.password),
        analyst: `Bearer ${analyst}`,
        analystBasic: basic('analyst', analyst),
        admin: `Bearer ${admin}`,
        adminBasic: basic('admin', admin),
        analystAsAdmin: basic('admin', analyst),
      };
      const row = async (method: string, path: string) =>
        Promise.all(
          Object.values(callers).map(async (authorization) => {
            const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
            const response = await fetch(centre.url + path, { method, headers });
            if (response.status === 401) expect(response.headers.get('www-authenticate')).to.match(/^Basic /);
            await response.arrayBuffer();
            return response.status;
          }),
        );
      const open = Array(8).fill(200);
      expect(await row('GET', '/healthz')).to.deep.equal(open);
      expect(await row('GET', '/readyz')).to.deep.equal(open);
      const reads = [401, 401, 403, 200, 200, 200, 200, 401];
      for (const path of ['', '/jos', '/jos/readings', '/jos/predictions', '/jos/readings?format=csv']) {
        expect(await row('GET', `/v1/villages${path}`), path).to.deep.equal(reads);
      }
      const administers = (status: number) => [401, 401, 403, 403, 403, status, status, 401];
      expect(await row('POST', '/v1/villages')).to.deep.equal(administers(400));
      expect(await row('POST', '/v1/villages/jos/rotate')).to.deep.equal([401, 401, 403, 403, 403, 201, 201, 401]);
      const renewed = await centre.admin('/v1/villages/jos/rotate', { method: 'POST' });
      callers.village = basic('jos', ((await renewed.json()) as VillageLogin).password);
      expect(await row('POST', '/v1/villages/jos/disable')).to.deep.equal(administers(200));
      expect((await row('GET', '/v1/nothing')).slice(0, 2)).to.deep.equal([401, 401]);
      expect((await row('GET', '/telemetry')).slice(3)).to.deep.equal([403, 403, 403, 403, 401]);
      expect((await row('GET', '/'))[5]).to.equal(200);
    });
  });
}
