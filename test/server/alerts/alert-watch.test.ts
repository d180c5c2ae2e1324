/** Alerts at the centre over time: raised once, cleared, told to webhooks, and bounded in what they ask of the store. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { VillageAlert } from '../../../server/alerts/village-alert.js';
import { webhookTargets } from '../../../server/alerts/webhook-settings.js';
import type { Clock } from '../../../shared/time.js';
import { waitFor } from '../../support/wait-for.js';
import { Centre } from '../support/centre.js';
import { event, reading } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';
import { VillageRegistry } from '../support/village-registry.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;

for (const kind of STORES) {
  describe(`alerts at the centre over time on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let passedMs: number;
    const clock: Clock = { now: () => START_MS + passedMs, monotonic: () => performance.now() + passedMs };
    let centre: Centre;
    let receiver: WebhookReceiver;
    const opened: VillageRegistry[] = [];

    beforeEach(async () => {
      passedMs = 0;
      receiver = await WebhookReceiver.start();
      centre = await Centre.start(kind, { clock, config: { webhooks: webhookTargets.parse(receiver.url) } });
    });
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close();
      await centre.stop();
      await receiver.stop();
    });

    const alertsOf = async (id: string) => {
      const { items } = (await (await centre.analyst('/v1/alerts')).json()) as { items: VillageAlert[] };
      return items.filter(({ village }) => village === id);
    };
    const history = async (query = '') =>
      (await (await centre.analyst(`/v1/alerts/history${query}`)).json()) as { items: Record<string, string>[] };
    const told = (events: string[]) =>
      waitFor(() => receiver.events.length >= events.length, { what: 'the webhook to be told' }).then(() =>
        expect(receiver.events).to.deep.equal(events),
      );

    it('a silent village is raised once, over a restart too, cleared when it is heard of, and both are told', async () => {
      const kano = await centre.addVillage('kano');
      await centre.push(kano, [reading('kano', 0)]);
      passedMs = 27 * HOUR_MS;
      await centre.lookAtAlerts();
      const [alert] = await alertsOf('kano');
      expect(alert).to.include({ code: 'silent', raisedAt: new Date(START_MS + passedMs).toISOString() });
      await centre.restart();
      passedMs += HOUR_MS;
      await centre.lookAtAlerts();
      expect((await alertsOf('kano')).map(({ raisedAt }) => raisedAt)).to.deep.equal([alert?.raisedAt]);
      await centre.push(kano, [reading('kano', 1)]);
      await centre.lookAtAlerts();
      expect(await alertsOf('kano')).to.deep.equal([]);
      await told(['raised kano silent', 'cleared kano silent']);
      const { items } = await history('?village=Kano');
      expect(items.map(({ village, code, raisedAt }) => [village, code, raisedAt])).to.deep.equal([
        ['kano', 'silent', alert?.raisedAt],
      ]);
      const record = (await (await centre.analyst('/v1/villages/kano')).json()) as object;
      expect(record).to.not.have.property('keptAlerts');
    });

    it('no village is raised as silent just after the start: the centre itself may have been away', async () => {
      await centre.addVillage('kano');
      passedMs = 27 * HOUR_MS;
      await centre.restart();
      await centre.lookAtAlerts();
      await centre.lookAtAlerts();
      expect((await alertsOf('kano')).map(({ code, raisedAt }) => [code, raisedAt])).to.deep.equal([
        ['silent', undefined],
      ]);
      passedMs += HOUR_MS;
      await centre.lookAtAlerts();
      await told(['raised kano silent']);
    });

    it('what a node reports is raised and cleared with its reports, and a disabled village has none', async () => {
      const login = await centre.addVillage('kofa');
      const village = await VillageRegistry.open({ centre, login, now: () => clock.now() });
      opened.push(village);
      const report = async (alerts: object[]) => {
        passedMs += 60_000;
        await village.registry.putReport('node1', { at: new Date(clock.now()).toISOString(), alerts });
        await village.push();
        await centre.lookAtAlerts();
      };
      await report([{ code: 'storage', severity: 'warning' }]);
      await report([{ code: 'storage', severity: 'critical' }]);
      await report([
        { code: 'storage', severity: 'critical' },
        { code: 'clock', severity: 'warning' },
      ]);
      await report([{ code: 'clock', severity: 'warning' }]);
      expect((await centre.admin('/v1/villages/kofa/disable', { method: 'POST' })).status).to.equal(200);
      await centre.lookAtAlerts();
      await told([
        'raised kofa storage',
        'worse kofa storage',
        'raised kofa clock',
        'cleared kofa storage',
        'cleared kofa clock',
      ]);
    });

    it('gaps are raised and cleared; the history asks for what it knows and refuses the rest', async () => {
      const login = await centre.addVillage('late');
      const numbered = (seq: number) => reading('late', seq, { seq });
      await centre.push(login, [1, 5].map(numbered));
      passedMs = 30 * HOUR_MS;
      await centre.push(
        login,
        [6].map((seq) => reading('late', 108_000 + seq, { seq })),
      );
      await centre.lookAtAlerts();
      expect((await alertsOf('late')).map(({ code }) => code)).to.deep.equal(['gaps']);
      await centre.push(login, [2, 3, 4].map(numbered));
      // An index is asked once an hour.
      passedMs += 2 * HOUR_MS;
      await centre.lookAtAlerts();
      await told(['raised late gaps', 'cleared late gaps']);
      expect((await history('?limit=1')).items.length).to.equal(1);
      for (const query of ['?limit=0', '?limit=x', '?limit=1001', '?since=1', '?village=a&village=b']) {
        expect((await centre.analyst(`/v1/alerts/history${query}`)).status, query).to.equal(400);
      }
      expect((await centre.analyst('/v1/alerts/history?village=nowhere')).status).to.equal(404);
    });

    it('a further loss is told anew, an old one only counted after seven days, over restarts too', async () => {
      const login = await centre.addVillage('lossy');
      const tell = (n: number, to: number) =>
        centre.push(login, [event('lossy', n, { event: 'numbers', of: 'node1', from: 1, to: 10, lost: [[1, to]] })]);
      const lostAfter = async (hours: number) => {
        passedMs += hours * HOUR_MS;
        await centre.lookAtAlerts();
        const alerts = (await alertsOf('lossy')).filter(({ code }) => code === 'lost');
        return alerts.map(({ message, raisedAt }) => [message.split(' ')[0], raisedAt]);
      };
      const now = () => new Date(clock.now()).toISOString();
      await tell(20, 3);
      expect(await lostAfter(0)).to.deep.equal([['3', now()]]);
      await tell(21, 5);
      expect(await lostAfter(2)).to.deep.equal([['5', now()]]);
      const raisedAt = now();
      for (let day = 0; day < 6; day++) expect(await lostAfter(24)).to.deep.equal([['5', raisedAt]]);
      await centre.restart();
      expect(await lostAfter(0)).to.deep.equal([['5', raisedAt]]);
      const need = async (seq: number) => {
        // It is not silent then.
        await centre.push(login, [reading('lossy', seq, { seq })]);
        return ((await (await centre.analyst('/v1/villages/lossy')).json()) as { need: string }).need;
      };
      expect(await need(30)).to.equal('losing');
      expect(await lostAfter(24)).to.deep.equal([]);
      expect(await need(31)).to.equal('alerts');
      await centre.restart();
      expect(await lostAfter(24)).to.deep.equal([]);
      const text = await (await fetch(`${centre.url}/metrics`)).text();
      expect(text).to.match(/^solar_central_village_lost_documents\{village="lossy"\} 5$/m);
      const { items } = await history('?village=lossy');
      const lost = items.filter(({ code }) => code === 'lost').map(({ message = '' }) => message.split(' ')[0]);
      expect(lost).to.deep.equal(['5', '3']);
      const events = ['raised lossy lost', 'cleared lossy lost', 'raised lossy lost', 'cleared lossy lost'];
      await waitFor(() => receiver.events.filter((one) => one.endsWith(' lost')).length >= events.length, {
        what: 'the webhook to be told',
      });
      expect(receiver.events.filter((one) => one.endsWith(' lost'))).to.deep.equal(events);
    });

    it('metrics name the neediest villages, and count the others', async () => {
      await centre.stop();
      const config = { metricsVillages: 2 };
      centre = await Centre.start(kind, { clock, config });
      for (const id of ['a1', 'a2', 'a3', 'a4']) {
        const login = await centre.addVillage(id);
        passedMs += HOUR_MS;
        await centre.push(login, [reading(id, 0)]);
      }
      passedMs = 28 * HOUR_MS + 60_000;
      await centre.lookAtAlerts();
      const text = await (await fetch(`${centre.url}/metrics`)).text();
      expect(text).to.match(/^solar_central_villages\{need="silent"\} 2$/m);
      expect(text).to.match(/^solar_central_villages\{need="none"\} 2$/m);
      expect(text).to.match(/^solar_central_alerts\{code="silent",severity="warning"\} 1$/m);
      const named = [...text.matchAll(/^solar_central_village_last_contact_age_seconds\{village="(\w+)"\} (\d+)$/gm)];
      expect(named.map(([, id, age]) => [id, age])).to.deep.equal([
        ['a1', String(27 * 3_600 + 60)],
        ['a2', String(26 * 3_600 + 60)],
      ]);
    });

    it('metrics tell of the neediest villages what is lost, quarantined and unexplained, and how full their stores are', async () => {
      await centre.stop();
      centre = await Centre.start(kind, { clock, config: { metricsVillages: 2 } });
      const report = async (id: string, fields: object) => {
        const login = await centre.addVillage(id);
        const village = await VillageRegistry.open({ centre, login, now: () => clock.now() });
        opened.push(village);
        await village.registry.putReport('node1', { at: new Date(clock.now()).toISOString(), ...fields });
        await village.push();
        return login;
      };
      const disk = { bytes: 3_000_000, capacityBytes: 4_000_000, usedPct: 75 };
      const alerts = [{ code: 'lost', severity: 'critical', since: '2026-03-01T00:00:00.000Z' }];
      const full = await report('full', { accounted: { lost: 2, quarantined: 3 }, alerts, disk });
      const well = await report('well', { accounted: { lost: 0, quarantined: 0 }, disk });
      // It has told nothing of its store, and of the numbers 2 to 4 nobody knows anything.
      const gaps = await report('gaps', { disk: { bytes: 1, capacityBytes: 0 } });
      await centre.push(
        gaps,
        [1, 5].map((seq) => reading('gaps', seq, { seq })),
      );
      passedMs = 30 * HOUR_MS;
      await centre.push(gaps, [reading('gaps', 108_006, { seq: 6 })]);
      for (const login of [full, well]) await centre.push(login, [reading(login.id, 0)]);
      await centre.lookAtAlerts();
      const text = await (await fetch(`${centre.url}/metrics`)).text();
      const shown = (name: string) =>
        [...text.matchAll(new RegExp(`^solar_central_village_${name}\\{village="(\\w+)"\\} (\\S+)$`, 'gm'))].map(
          ([, id, value]) => `${id} ${value}`,
        );
      expect(shown('lost_documents')).to.deep.equal(['full 2', 'gaps 0']);
      expect(shown('quarantined_documents')).to.deep.equal(['full 3', 'gaps 0']);
      expect(shown('unexplained_documents')).to.deep.equal(['full 0', 'gaps 3']);
      expect(shown('store_used_ratio')).to.deep.equal(['full 0.75']);
    });
  });
}

if (STORES.includes('couchdb')) {
  describe('alerts at two gateways before one CouchDB', () => {
    it('are told to webhooks once, whichever looks first, and however often they do at the same time', async () => {
      let passedMs = 0;
      const clock: Clock = { now: () => START_MS + passedMs, monotonic: () => performance.now() + passedMs };
      const receiver = await WebhookReceiver.start();
      const one = await Centre.start('couchdb', { clock, config: { webhooks: webhookTargets.parse(receiver.url) } });
      const other = await one.second();
      try {
        const ids = ['v1', 'v2', 'v3', 'v4'];
        const logins = [];
        for (const id of ids) logins.push(await one.addVillage(id));
        passedMs = 27 * HOUR_MS;
        for (let n = 0; n < 3; n++) await Promise.all([one.lookAtAlerts(), other.lookAtAlerts()]);
        await waitFor(() => receiver.events.length >= 4, { what: 'the webhook to be told' });
        for (const login of logins) await other.push(login, [reading(login.id, 0)]);
        for (let n = 0; n < 3; n++) await Promise.all([one.lookAtAlerts(), other.lookAtAlerts()]);
        await waitFor(() => receiver.events.length >= 8, { what: 'the webhook to be told' });
        const expected = ids.flatMap((id) => [`cleared ${id} silent`, `raised ${id} silent`]);
        expect([...receiver.events].sort()).to.deep.equal(expected.sort());
      } finally {
        await other.stop();
        await one.stop();
        await receiver.stop();
      }
    });
  });
}
