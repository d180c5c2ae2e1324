/** How much of each day is there, and how much is missing. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { completenessOf, type VillageCompleteness } from '../../../server/analyst/completeness.js';
import { SettableClock } from '../../support/settable-clock.js';
import { waitFor } from '../../support/wait-for.js';
import { Centre, type VillageLogin } from '../support/centre.js';
import { event, prediction, readingAt } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

const DAY_MS = 86_400_000;
const FIRST_MS = Date.parse('2026-03-01T00:00:00.000Z');
const DAYS = ['2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04'];
const RANGE = 'from=2026-03-01&to=2026-03-05';

interface Completeness {
  from: string;
  to: string;
  items: VillageCompleteness[];
}

/** So many a day from the first day on, numbered in order of time. */
function daysOf(village: string, perDay: number, days: number) {
  return Array.from({ length: perDay * days }, (_, n) => readingAt(village, n + 1, FIRST_MS + (n * DAY_MS) / perDay));
}

for (const kind of STORES) {
  describe(`completeness by day on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    const clock = new SettableClock(FIRST_MS + 3.5 * DAY_MS);
    let centre: Centre;

    before(async () => {
      centre = await Centre.start(kind, { clock });
    });
    after(() => centre.stop());

    const ask = async (query = RANGE) => {
      const response = await centre.analyst(`/v1/completeness?${query}`);
      expect(response.status, await response.clone().text()).to.equal(200);
      return (await response.json()) as Completeness;
    };
    /** About all villages a question waits a moment only; what is not looked at by then, a later one tells. */
    const askLooked = () => {
      const isLooked = ({ items }: Completeness) =>
        items.every(({ days }) => days.every((day) => day.missing !== null));
      const what = 'the numbers of all villages to be looked at';
      return waitFor(async () => [await ask()].find(isLooked), { what, timeoutMs: 20_000 });
    };
    const askOne = async (village: string) => {
      const { items } = await ask(`${RANGE}&village=${village}`);
      expect(items).to.have.length(1);
      return items[0];
    };
    const refusal = async (query: string) => {
      const response = await centre.analyst(`/v1/completeness?${query}`);
      const { error } = (await response.json()) as { error: { message: string } };
      return [response.status, error.message];
    };

    it('counts the readings of each day, and shows the days without any', async () => {
      const login = await centre.addVillage('Holes');
      const documents = daysOf('holes', 24, 4).filter(({ at }) => !String(at).startsWith(DAYS[1] ?? ''));
      await centre.push(login, [...documents, prediction('holes', 500), event('holes', 501)]);
      await centre.addVillage('empty');
      const { from, to, items } = await askLooked();
      expect({ from, to }).to.deep.equal({ from: '2026-03-01', to: '2026-03-05' });
      const [holes, empty] = ['holes', 'empty'].map((id) => items.find(({ village }) => village === id));
      expect(holes?.days.map(({ day, readings }) => [day, readings])).to.deep.equal([
        ['2026-03-01', 24],
        ['2026-03-02', 0],
        ['2026-03-03', 24],
        ['2026-03-04', 24],
      ]);
      expect(empty).to.deep.equal({
        ...{ village: 'empty', typicalPerDay: null },
        days: DAYS.map((day) => ({ day, readings: 0, missing: 0 })),
      });
      expect((await ask(`${RANGE}&village=Holes`)).items).to.deep.equal([holes]);
    });

    it('tells on which days the numbers were given that are missing', async () => {
      const login = await centre.addVillage('gaps');
      // 10 within the first day; from noon of the second day to noon of the third, 24 of them.
      const documents = daysOf('gaps', 24, 4).filter(({ seq }) => !((seq > 5 && seq <= 15) || (seq > 36 && seq <= 60)));
      await centre.push(login, documents);
      const found = await askOne('gaps');
      expect(found?.days.map(({ missing }) => missing)).to.deep.equal([10, 12, 12, 0]);
      expect(found?.days.map(({ readings }) => readings)).to.deep.equal([14, 12, 12, 24]);
      await centre.push(login, daysOf('gaps', 24, 4));
      const whole = await askOne('gaps');
      expect(whole?.days.map(({ missing }) => missing)).to.deep.equal([0, 0, 0, 0]);
      expect(whole?.days.map(({ readings }) => readings)).to.deep.equal([24, 24, 24, 24]);
    });

    it('takes what the node told as lost for missing, and what it told as void for none', async () => {
      const login = await centre.addVillage('told');
      const told = { event: 'numbers', of: 'node1', from: 1, to: 40, lost: [[10, 12]], void: [[13, 14]] };
      const documents = daysOf('told', 24, 2).filter(({ seq }) => seq < 10 || seq > 14);
      await centre.push(login, [...documents, event('told', 100, { seq: 49, ...told })]);
      expect((await askOne('told'))?.days.map(({ missing }) => missing)).to.deep.equal([3, 0, 0, 0]);
    });

    it('asks neither imported documents nor an unsure clock when something was given', async () => {
      const login = await centre.addVillage('imported');
      const booted = (seq: number, atMs: number) =>
        event('imported', seq, { seq, at: new Date(atMs).toISOString(), event: 'boot' });
      const day = (n: number) => FIRST_MS + n * DAY_MS;
      const documents = [
        readingAt('imported', 1, day(0)),
        booted(2, day(2) + 1000),
        readingAt('imported', 3, day(-300)),
        // 4 to 6 are missing.
        readingAt('imported', 7, day(-299)),
        booted(8, day(2) + 2000),
        readingAt('imported', 9, day(-5), { clock: 'unsure' }),
        // 10 is missing.
        readingAt('imported', 11, day(2) + 3000),
      ];
      await centre.push(login, documents);
      expect((await askOne('imported'))?.days.map(({ missing }) => missing)).to.deep.equal([0, 0, 4, 0]);
    });

    it('refuses what is no range of days, and a village there is not', async () => {
      expect(await refusal('from=2026-03-01')).to.deep.equal([400, 'the parameter to is missing']);
      expect(await refusal('from=2026-02-30&to=2026-03-05')).to.deep.equal([
        ...[400, 'the parameter from must be a day in UTC such as 2026-03-01'],
      ]);
      expect(await refusal('from=2026-03-05&to=2026-03-05')).to.deep.equal([
        ...[400, 'the parameter from must be before to'],
      ]);
      expect(await refusal('from=2026-01-01&to=2026-04-04')).to.deep.equal([
        ...[400, 'from and to are more than 92 days apart; ask for less at a time'],
      ]);
      expect(await refusal(`${RANGE}&villages=kano`)).to.have.property('0', 400);
      expect(await refusal(`${RANGE}&village=nowhere`)).to.deep.equal([404, 'there is no village "nowhere"']);
    });

    it('counts on from where it was after a restart', async () => {
      const login: VillageLogin = await centre.addVillage('restarted');
      await centre.push(login, daysOf('restarted', 10, 3));
      const before = await askOne('restarted');
      await centre.restart();
      expect(await askOne('restarted')).to.deep.equal(before);
      await centre.push(login, daysOf('restarted', 10, 4));
      expect((await askOne('restarted'))?.days.map(({ readings }) => readings)).to.deep.equal([10, 10, 10, 10]);
    });
  });
}

describe('what a whole day of a village usually holds', () => {
  const days = Array.from({ length: 20 }, (_, n) => `2026-03-${String(n + 1).padStart(2, '0')}`);
  const typical = (counts: readonly number[], today = '2026-04-01') => {
    const readings = new Map(counts.map((count, n) => [days[n] ?? '', count]));
    return completenessOf('kano', { readings, missing: undefined }, { days }, today).typicalPerDay;
  };

  it('is what nine of ten days with readings do not exceed, whatever few days have too many', () => {
    expect(typical([...Array(17).fill(100), 0, 0, 5000])).to.equal(100);
    expect(typical([90, 100, 95])).to.equal(100);
    expect(typical([0, 0, 0, 0, 50, 60, 70, 40])).to.equal(70);
  });

  it('is not known of fewer than three days, and today tells nothing', () => {
    expect(typical([100, 100])).to.equal(null);
    expect(typical([100, 100, 100], '2026-03-03')).to.equal(null);
    expect(typical([])).to.equal(null);
  });

  it('leaves what is missing unknown where it is not known', () => {
    const { days: found } = completenessOf('kano', { readings: undefined, missing: undefined }, { days }, '2026-04-01');
    expect(found[0]).to.deep.equal({ day: '2026-03-01', readings: 0, missing: null });
  });
});
