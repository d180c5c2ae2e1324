/** What nodes report of themselves, as analysts see it. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { VillageWithNumbers } from '../../../server/analyst/village-view.js';
import { type Clock, systemClock } from '../../../shared/time.js';
import { Centre } from '../support/centre.js';
import { reading } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';
import { VillageRegistry } from '../support/village-registry.js';

const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;
const instant = (ms: number) => new Date(ms).toISOString();

for (const kind of STORES) {
  describe(`the reports of nodes on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let nowMs = START_MS;
    const clock: Clock = { now: () => nowMs, monotonic: systemClock.monotonic };
    let centre: Centre;
    const opened: VillageRegistry[] = [];

    before(async () => {
      centre = await Centre.start(kind, { clock });
    });
    after(async () => {
      for (const one of opened) await one.close();
      await centre.stop();
    });

    const add = async (id: string) => {
      const login = await centre.addVillage(id);
      const village = await VillageRegistry.open({ centre, login, now: () => nowMs });
      opened.push(village);
      const report = async (fields: object, node = 'node1') => {
        await village.registry.putReport(node, { at: instant(nowMs), ...fields });
        await village.push();
      };
      return { login, report };
    };
    const view = async (id: string) =>
      (await (await centre.analyst(`/v1/villages/${id}`)).json()) as VillageWithNumbers;
    const alertsOf = async (id: string) => {
      const { items } = (await (await centre.analyst('/v1/alerts')).json()) as { items: Record<string, string>[] };
      return items.filter(({ village }) => village === id);
    };

    it('show backlog and alerts with the time they came, in the lists as well, over a restart', async () => {
      const { report } = await add('kano');
      expect(await view('kano')).to.not.include.any.keys('pending', 'alerts', 'report', 'reportedAt');
      const since = instant(nowMs - HOUR_MS);
      const alert = { code: 'storage', severity: 'critical', since };
      const fields = {
        pending: 1_200,
        oldestPendingAt: since,
        lastSeq: 5_000,
        version: '0.1.0',
        disk: { usedPct: 91 },
      };
      const at = instant(nowMs - 1_000);
      await report({ ...fields, at, alerts: [{ ...alert, message: 'the disk is nearly full' }, alert] });
      const shown = {
        ...{ reportedAt: instant(nowMs), pending: 1_200, oldestPendingAt: since },
        alerts: [{ ...alert, message: 'the disk is nearly full' }, alert],
        report: { node: 'node1', at, lastSeq: 5_000, version: '0.1.0', disk: { usedPct: 91 } },
      };
      expect(await view('kano')).to.deep.include(shown);
      await centre.restart();
      const { items } = (await (await centre.analyst('/v1/villages')).json()) as { items: VillageWithNumbers[] };
      expect(items.find(({ id }) => id === 'kano')).to.deep.include(shown);
      expect(await alertsOf('kano')).to.deep.equal([
        { village: 'kano', ...alert, message: 'the disk is nearly full', reportedAt: instant(nowMs) },
        {
          village: 'kano',
          ...alert,
          message: 'the node reports that the room for its data runs out',
          reportedAt: instant(nowMs),
        },
      ]);
    });

    it('give way to the next one, also to that of a new store whose clock is behind', async () => {
      const { report } = await add('kaduna');
      await report({ pending: 5, alerts: [{ code: 'pending', severity: 'warning' }] });
      nowMs += 60_000;
      await report({ pending: 0, alerts: [] });
      expect(await view('kaduna')).to.deep.include({ pending: 0, alerts: [], reportedAt: instant(nowMs) });
      nowMs += 60_000;
      await report({ at: instant(nowMs - 1_000 * HOUR_MS), pending: 2 }, 'node2');
      expect(await view('kaduna')).to.deep.include({ pending: 2, reportedAt: instant(nowMs) });
      expect((await view('kaduna')).report?.node).to.equal('node2');
      expect(await alertsOf('kaduna')).to.deep.equal([]);
    });

    it('are kept out of the registry documents people see', async () => {
      const answer = await centre.analyst('/v1/villages/kano/registry');
      expect(((await answer.json()) as { items: unknown[] }).items).to.deep.equal([]);
    });

    it('say of missing numbers whether they are still to be sent, and alert at once where they are not', async () => {
      const { login, report } = await add('late');
      const numbered = (seq: number) => reading('late', seq, { seq });
      await centre.push(login, [1, 2, 3, 7, 8].map(numbered));
      await report({ pending: 5, lastSeq: 10 });
      const { numbers } = await view('late');
      expect(numbers?.nodes).to.deep.equal([
        {
          ...{ node: 'node1', held: 5, highest: 8, lastSeq: 10 },
          missing: { lost: 0, quarantined: 0, released: 0, void: 0, notYetSent: 5, unexplained: 0 },
          gaps: [
            { from: 4, to: 6, kind: 'notYetSent' },
            { from: 9, to: 10, kind: 'notYetSent' },
          ],
        },
      ]);
      // A backlog of more than a day needs no explanation while the node says that it has it.
      nowMs += 30 * HOUR_MS;
      await report({ pending: 3, lastSeq: 10 });
      await centre.push(login, [9, 10].map(numbered));
      expect((await view('late')).numbers?.missing).to.include({ notYetSent: 3, unexplained: 0 });
      expect(await alertsOf('late')).to.deep.equal([]);
      nowMs += 60_000;
      await report({ pending: 0, lastSeq: 10 });
      expect((await view('late')).numbers?.missing).to.include({ notYetSent: 0, unexplained: 3 });
      expect((await alertsOf('late')).map(({ code }) => code)).to.deep.equal(['gaps']);
      await centre.push(login, [4, 5, 6].map(numbered));
      expect(await alertsOf('late')).to.deep.equal([]);
    });

    it('that are nonsense change nothing of what is shown', async () => {
      const { report } = await add('liar');
      await report({ pending: 7, lastSeq: 9 });
      nowMs += 60_000;
      await report({ at: 'now', pending: 1, silent: true, disabled: true });
      expect(await view('liar')).to.deep.include({ pending: 7, disabled: false, silent: false });
      await report({ pending: -3, lastSeq: 'many', alerts: [{ code: 'x'.repeat(500) }], credentialHash: 'x' });
      expect(await view('liar')).to.deep.include({ alerts: [], report: { node: 'node1', at: instant(nowMs) } });
      await report({ pending: 1, lastSeq: Number.MAX_SAFE_INTEGER });
      expect((await view('liar')).numbers?.missing.notYetSent).to.equal(Number.MAX_SAFE_INTEGER);
    });
  });
}
