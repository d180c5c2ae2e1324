import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { VillageWithNumbers } from '../../../server/analyst/village-view.js';
import type { Clock } from '../../../shared/time.js';
import { systemClock } from '../../../shared/time.js';
import { Centre } from '../support/centre.js';
import { event, reading, readings } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;
const NONE = { lost: 0, quarantined: 0, released: 0, void: 0, notYetSent: 0, unexplained: 0 };

for (const kind of STORES) {
  describe(`the numbers of a village on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let nowMs = START_MS + HOUR_MS;
    const clock: Clock = { now: () => nowMs, monotonic: systemClock.monotonic };
    let centre: Centre;

    before(async () => {
      centre = await Centre.start(kind, { clock });
    });
    after(() => centre.stop());

    const view = async (id: string) => {
      const response = await centre.analyst(`/v1/villages/${id}`);
      expect(response.status).to.equal(200);
      return (await response.json()) as VillageWithNumbers;
    };
    const alertsOf = async (id: string) => {
      const { items } = (await (await centre.analyst('/v1/alerts')).json()) as { items: Record<string, string>[] };
      return items.filter(({ village }) => village === id);
    };

    it('are complete where everything has come, and nothing where nothing has', async () => {
      const login = await centre.addVillage('whole');
      expect((await view('whole')).numbers).to.deep.equal({ held: 0, missing: NONE, nodes: [] });
      await centre.push(login, readings('whole', 300));
      expect((await view('whole')).numbers).to.deep.equal({
        held: 300,
        missing: NONE,
        nodes: [{ node: 'node1', held: 300, highest: 300, missing: NONE, gaps: [] }],
      });
      expect(await alertsOf('whole')).to.deep.equal([]);
    });

    it('that are missing are told apart by what the node says of them', async () => {
      const login = await centre.addVillage('told');
      const missing = [
        [10, 12],
        [50, 50],
        [80, 89],
        [100, 101],
        [150, 160],
      ] as const;
      const documents = readings('told', 200).filter(
        ({ seq }) => !missing.some(([from, to]) => from <= seq && seq <= to) && seq !== 199,
      );
      const numbers = {
        ...{ event: 'numbers', of: 'node1', from: 1, to: 190 },
        ...{
          void: [[10, 12]],
          lost: [
            [50, 50],
            [185, 190],
          ],
          quarantined: [
            [80, 88],
            [100, 101],
          ],
          released: [[89, 89]],
        },
      };
      const withoutLost = documents.filter(({ seq }) => seq < 185 || seq > 190);
      await centre.push(login, [...withoutLost, event('told', 198, numbers)]);
      const { numbers: found } = await view('told');
      expect(found?.missing).to.deep.equal({
        ...{ void: 3, lost: 7, quarantined: 11, released: 1, notYetSent: 11, unexplained: 0 },
      });
      expect(found?.nodes[0]?.gaps).to.deep.equal([
        { from: 10, to: 12, kind: 'void' },
        { from: 50, to: 50, kind: 'lost' },
        { from: 80, to: 88, kind: 'quarantined' },
        { from: 89, to: 89, kind: 'released' },
        { from: 100, to: 101, kind: 'quarantined' },
        { from: 150, to: 160, kind: 'notYetSent' },
        { from: 185, to: 190, kind: 'lost' },
      ]);
      expect(await alertsOf('told')).to.deep.equal([
        {
          ...{ village: 'told', code: 'lost', severity: 'critical' },
          message: '7 documents are lost in the village before the centre had them',
        },
      ]);
      // A document that came out of quarantine is held, whatever was said of it before.
      await centre.push(login, readings('told', 2, 99));
      expect((await view('told')).numbers?.missing).to.include({ quarantined: 9, notYetSent: 11 });
      // Of a store that is gone its successor tells.
      const successor = { event: 'numbers', of: 'elder', from: 1, to: 5, void: [], lost: [[4, 5]], quarantined: [] };
      await centre.push(login, [event('told', 500, { ...successor, seq: 201 })]);
      expect((await view('told')).numbers?.nodes.map(({ node, held, highest }) => [node, held, highest])).to.deep.equal(
        [
          ['elder', 0, 5],
          ['node1', 170, 201],
        ],
      );
    });

    it('cost no more than so many nodes and spans, and what was left out is said', async () => {
      const login = await centre.addVillage('chatty');
      const told = (of: string, from: number, lost: number[]) => {
        return { event: 'numbers', of, from, to: from + 999, lost: lost.map((one) => [one, one]) };
      };
      const odd = (from: number) => Array.from({ length: 500 }, (_, n) => from + 2 * n);
      const ofOne = [1, 1_001, 2_001, 3_001, 4_001].map((from, n) =>
        event('chatty', 5_000 + n, told('node1', from, odd(from))),
      );
      const ofOthers = Array.from({ length: 25 }, (_, n) => event('chatty', 6_000 + n, told(`x${n}`, 1, [1])));
      const entries = await centre.push(login, [...ofOne, ...ofOthers]);
      expect(entries.filter(({ ok }) => ok !== true)).to.deep.equal([]);
      const { numbers } = await view('chatty');
      expect([numbers?.nodes.length, numbers?.moreNodes]).to.deep.equal([20, 6]);
      const node = numbers?.nodes.find((one) => one.node === 'node1');
      expect([node?.missing.lost, node?.lookedAtFrom]).to.deep.equal([2_000, 1_001]);
      const left = 'the village has or tells of more than is looked at';
      expect(numbers?.partly).to.equal(`${left}; left out are the numbers of node1 below 1001, 6 nodes`);
      const alerts = (await (await centre.analyst('/v1/alerts')).json()) as { numbersPartial: string[] };
      expect(alerts.numbersPartial).to.deep.equal(['chatty']);
      const { items } = (await (await centre.analyst('/v1/villages')).json()) as { items: VillageWithNumbers[] };
      const partly = items.filter(({ missingPartly }) => missingPartly !== undefined);
      expect(partly.map(({ id, missingPartly }) => [id, missingPartly])).to.deep.equal([['chatty', numbers?.partly]]);
    });

    it('are unexplained once a day of newer documents has come, and alert; an import does not make them so', async () => {
      const login = await centre.addVillage('late');
      const atHour = (hour: number) => new Date(START_MS + hour * HOUR_MS).toISOString();
      const numbered = (seq: number, hour: number) => reading('late', hour * 3600 + seq, { seq });
      nowMs = START_MS + HOUR_MS;
      await centre.push(login, [
        event('late', 0, { seq: 1, at: atHour(0) }),
        numbered(2, 0.5),
        numbered(6, 1),
        numbered(8, -50_000),
      ]);
      expect((await view('late')).numbers?.nodes[0]?.gaps).to.deep.equal([
        { from: 3, to: 5, kind: 'notYetSent' },
        { from: 7, to: 7, kind: 'notYetSent' },
      ]);
      // Silence explains nothing.
      nowMs += 100 * HOUR_MS;
      expect((await view('late')).numbers?.missing).to.include({ notYetSent: 4, unexplained: 0 });
      await centre.push(login, [numbered(9, 101)]);
      expect((await view('late')).numbers?.nodes[0]?.gaps).to.deep.equal([
        { from: 3, to: 5, kind: 'unexplained' },
        { from: 7, to: 7, kind: 'notYetSent' },
      ]);
      expect(await alertsOf('late')).to.deep.equal([
        {
          ...{ village: 'late', code: 'gaps', severity: 'warning' },
          message: '3 documents are missing although newer ones came, and the village has not said why',
        },
      ]);
      await centre.push(
        login,
        [3, 4, 5, 7].map((seq) => numbered(seq, 0.75)),
      );
      expect((await view('late')).numbers?.missing).to.deep.equal(NONE);
      expect(await alertsOf('late')).to.deep.equal([]);
    });

    it('are told of all villages when asked for, and of a silent one its alert says since when', async () => {
      await centre.addVillage('quiet');
      nowMs += 27 * HOUR_MS;
      const items = async (query: string) =>
        ((await (await centre.analyst(`/v1/villages${query}`)).json()) as { items: VillageWithNumbers[] }).items;
      expect((await items('')).some((one) => 'numbers' in one)).to.equal(false);
      const all = await items('?numbers=true');
      expect(all.every((one) => one.numbers !== undefined)).to.equal(true);
      expect((await centre.analyst('/v1/villages?numbers=yes')).status).to.equal(400);
      expect((await centre.analyst('/v1/villages?number=true')).status).to.equal(400);
      expect(await alertsOf('quiet')).to.deep.equal([
        {
          ...{ village: 'quiet', code: 'silent', severity: 'warning' },
          message: 'the village was never heard of, and is expected every 26 hours',
        },
      ]);
      await centre.admin('/v1/villages/quiet/disable', { method: 'POST' });
      expect(await alertsOf('quiet')).to.deep.equal([]);
    });
  });
}
