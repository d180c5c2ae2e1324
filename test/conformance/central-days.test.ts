/** What every store promises of the readings it counts by village and day. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { AskedDays, CentralStore } from '../../server/store/contract.js';
import { event, incoming, prediction, readingAt, readings, type Sent } from '../server/support/documents.js';
import { createPlace, openIn, type Place, SKIPPED_COUCHDB, STORES, writeDirectly } from '../server/support/stores.js';
import { itWithSeed } from '../support/seeds.js';

const MS_PER_DAY = 86_400_000;
const FIRST_MS = Date.parse('2026-03-01T00:00:00.000Z');
const MARCH = { from: '2026-03-01', to: '2026-04-01' };

/** Of a day in March, from 0; told apart by `n`. */
function readingOn(village: string, day: number, n: number): Sent {
  return readingAt(village, day * 100_000 + n + 1, FIRST_MS + day * MS_PER_DAY + n * 1000);
}

for (const kind of STORES) {
  describe(`readings by day in the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let place: Place;
    let store: CentralStore;

    before(async () => {
      place = await createPlace(kind);
      store = await openIn(place);
    });
    after(async () => {
      await store.close();
      await place.remove();
    });

    let villages = 0;
    const newVillage = () => `days${++villages}`;
    const write = async (documents: Sent[]) => {
      for (const outcome of await store.write(documents.map(incoming))) expect(outcome.ok).to.equal(true);
    };
    /** Of one village, asked for alone and among all: both must say the same. */
    const countsOf = async (village: string, range: Pick<AskedDays, 'from' | 'to'> = MARCH) => {
      const alone = (await store.days.readings({ ...range, village })).get(village) ?? new Map<string, number>();
      const among = (await store.days.readings(range)).get(village) ?? new Map<string, number>();
      expect(Object.fromEntries(among)).to.deep.equal(Object.fromEntries(alone));
      return Object.fromEntries(alone);
    };

    it('counts readings by their own day, and nothing else', async () => {
      const village = newVillage();
      expect(await countsOf(village)).to.deep.equal({});
      await write([...readings(village, 50), prediction(village, 60), event(village, 61)]);
      await write([readingOn(village, 2, 0), readingOn(`${village}-b`, 2, 0)]);
      expect(await countsOf(village)).to.deep.equal({ '2026-03-01': 50, '2026-03-03': 1 });
      expect(await countsOf(village, { from: '2026-03-02', to: '2026-03-03' })).to.deep.equal({});
      expect(await countsOf(village, { from: '2026-03-03', to: '2026-03-04' })).to.deep.equal({ '2026-03-03': 1 });
      await write([readingOn(village, 2, 1)]);
      expect(await countsOf(village)).to.deep.equal({ '2026-03-01': 50, '2026-03-03': 2 });
    });

    itWithSeed('counts each reading once, however it comes, over restarts too', async (random) => {
      const village = newVillage();
      const days = 9;
      const expected: Record<string, number> = {};
      const sent: Sent[] = [];
      for (let round = 0; round < 12; round++) {
        const fresh = Array.from({ length: random.integer(1, 200) }, (_, n) =>
          readingOn(village, random.integer(0, days - 1), round * 1000 + n),
        );
        for (const { at } of fresh) {
          const day = String(at).slice(0, 10);
          expected[day] = (expected[day] ?? 0) + 1;
        }
        sent.push(...fresh);
        const again = sent.filter(() => random.chance(0.1));
        await Promise.all([write(fresh), write(again)]);
        if (random.chance(0.4)) expect(await countsOf(village)).to.deep.equal(expected);
        if (!random.chance(0.25)) continue;
        await store.close();
        store = await openIn(place);
      }
      expect(await countsOf(village)).to.deep.equal(expected);
    });

    it('counts what was stored by somebody else, and does not count what an operator has deleted', async () => {
      const village = newVillage();
      await write([0, 1, 2].map((n) => readingOn(village, 4, n)));
      expect(await countsOf(village)).to.deep.equal({ '2026-03-05': 3 });
      const [, deleted] = [0, 1].map((n) => readingOn(village, 4, n));
      const { _rev = '', ...fields } = deleted ?? {};
      const [generation, hash] = _rev.split('-');
      const revisions = { start: Number(generation) + 1, ids: ['dead', hash] };
      const others = [readingOn(village, 5, 0), readingOn(village, 5, 1)];
      store = await writeDirectly(place, store, [{ ...fields, _deleted: true, _revisions: revisions }, ...others]);
      expect(await countsOf(village)).to.deep.equal({ '2026-03-05': 2, '2026-03-06': 2 });
      const again = { ...fields, _revisions: { start: Number(generation) + 2, ids: ['beef', 'dead', hash] } };
      store = await writeDirectly(place, store, [again]);
      expect(await countsOf(village)).to.deep.equal({ '2026-03-05': 3, '2026-03-06': 2 });
    });

    it('is empty with a new database', async () => {
      const village = newVillage();
      await write([readingOn(village, 7, 0)]);
      await store.close();
      await place.empty();
      store = await openIn(place);
      expect(await store.days.readings(MARCH)).to.deep.equal(new Map());
      await write([readingOn(village, 7, 1)]);
      expect(await countsOf(village)).to.deep.equal({ '2026-03-08': 1 });
    });
  });
}
