/** How villages' contacts are counted by hour, kept for weeks, and told. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { ContactsView } from '../../../server/analyst/contact-routes.js';
import { ContactHistory } from '../../../server/gateway/contact-history.js';
import { countIn, type KeptHours, withHours } from '../../../server/gateway/contact-hours.js';
import type { CentralStore } from '../../../server/store/contract.js';
import { AppError } from '../../../shared/app-error.js';
import { formatInstant } from '../../../shared/time.js';
import { capturedLog } from '../../support/captured-log.js';
import { itWithSeed } from '../../support/seeds.js';
import { SettableClock } from '../../support/settable-clock.js';
import { Centre, type VillageLogin } from '../support/centre.js';
import { readings } from '../support/documents.js';
import { createPlace, openIn, type Place, SKIPPED_COUCHDB, STORES } from '../support/stores.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const START = START_MS / HOUR_MS;
/** What the docs say of a village's history at most. */
const MAX_BYTES = 12_000;

describe('the hours that are kept of a village', () => {
  itWithSeed('are what was counted, of today and the 31 days before it, in 12 kB at most', async (random) => {
    let kept: KeptHours | undefined;
    const counted = new Map<number, { succeeded: number; failed: number }>();
    let nowMs = START_MS;
    for (let step = 0; step < 3_000; step++) {
      nowMs += random.integer(1, 90) * 60_000;
      const hour = Math.floor(nowMs / HOUR_MS) - (random.chance(0.05) ? random.integer(0, 40) : 0);
      const added = { succeeded: random.integer(0, 900_000), failed: random.integer(0, 900_000) };
      const before = counted.get(hour) ?? { succeeded: 0, failed: 0 };
      counted.set(hour, {
        succeeded: Math.min(999_999, before.succeeded + added.succeeded),
        failed: Math.min(999_999, before.failed + added.failed),
      });
      kept = withHours(kept, new Map([[hour, added]]), nowMs);
      expect(Buffer.byteLength(JSON.stringify(kept))).to.be.below(MAX_BYTES);
    }
    const first = Math.floor(nowMs / DAY_MS - 31) * 24;
    for (let hour = first - 48; hour <= nowMs / HOUR_MS; hour++) {
      const expected = hour < first ? undefined : counted.get(hour);
      expect(countIn(kept, hour), formatInstant(hour * HOUR_MS)).to.deep.equal(expected ?? { succeeded: 0, failed: 0 });
    }
  });

  it('stay bounded when a clock was far ahead', () => {
    let kept: KeptHours | undefined;
    for (let day = 0; day < 100; day++) {
      kept = withHours(kept, new Map([[START + 24 * (day + 400), { succeeded: 1, failed: 0 }]]), START_MS);
    }
    expect(Object.keys(kept?.days ?? {})).to.have.length(32);
  });
});

for (const kind of STORES) {
  describe(`the history of contacts in the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let place: Place;
    let store: CentralStore;
    const clock = new SettableClock(START_MS);
    before(async () => {
      place = await createPlace(kind);
      store = await openIn(place);
    });
    after(async () => {
      await store.close();
      await place.remove();
    });

    const historyOf = (over: () => CentralStore = () => store) => {
      let writes = 0;
      const contactHours: CentralStore['contactHours'] = {
        get: (village) => over().contactHours.get(village),
        update: async (village, change) => {
          writes++;
          await over().contactHours.update(village, change);
        },
      };
      const counting: CentralStore = Object.create(over(), { contactHours: { value: contactHours } });
      const history = new ContactHistory({ store: () => counting, clock, log: capturedLog().log });
      return { history, writes: () => writes };
    };
    const told = async (history: ContactHistory, village: string, hours = 3) => {
      const from = Math.floor(START_MS / HOUR_MS);
      return (await history.between(village, from, from + hours)).map(({ succeeded, failed }) => [succeeded, failed]);
    };

    it('costs one write an hour however often a village asks, and is known here at once', async () => {
      clock.wallMs = START_MS;
      const { history, writes } = historyOf();
      for (let minute = 0; minute < 180; minute++) {
        history.note('often', true);
        history.note('often', minute % 10 > 0);
        await history.flush();
        clock.pass(60_000);
      }
      const expected = [1, 2, 3].map(() => [114, 6]);
      expect(writes()).to.equal(2);
      expect(await told(history, 'often')).to.deep.equal(expected);
      await history.flush(true);
      expect(await told(historyOf().history, 'often')).to.deep.equal(expected);
    });

    it('of several gateways comes together, and is left out of the list of villages', async () => {
      clock.wallMs = START_MS;
      const gateways = Array.from({ length: 3 }, () => historyOf().history);
      for (const [n, gateway] of gateways.entries()) for (let i = 0; i <= n; i++) gateway.note('shared', i > 0);
      await Promise.all(gateways.map((gateway) => gateway.flush(true)));
      expect(await told(historyOf().history, 'shared', 1)).to.deep.equal([[3, 3]]);
      expect(await store.villages.list()).to.deep.equal([]);
      expect(await store.villages.get('shared')).to.equal(undefined);
    });

    it('loses and doubles nothing while it cannot be written', async () => {
      clock.wallMs = START_MS;
      let fails = true;
      const failing: CentralStore = Object.create(store, {
        contactHours: {
          value: {
            get: async () => undefined,
            update: async (...given: Parameters<CentralStore['contactHours']['update']>) => {
              history.note('failing', false);
              if (fails) throw new AppError('unavailable', 'the database is down');
              await store.contactHours.update(...given);
            },
          },
        },
      });
      const history = new ContactHistory({ store: () => failing, clock, log: capturedLog().log });
      history.note('failing', true);
      await history.flush(true);
      await history.flush(true);
      expect(await told(history, 'failing', 1)).to.deep.equal([[1, 2]]);
      fails = false;
      await history.flush(true);
      await history.flush(true);
      expect(await told(historyOf().history, 'failing', 1)).to.deep.equal([[1, 3]]);
    });

    it('is there again after the store was opened again', async () => {
      clock.wallMs = START_MS;
      const { history } = historyOf();
      history.note('kept', true);
      await history.flush(true);
      await store.close();
      store = await openIn(place);
      expect(await told(historyOf().history, 'kept', 1)).to.deep.equal([[1, 0]]);
    });
  });

  describe(`contacts by hour at the centre on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    let login: VillageLogin;
    const clock = new SettableClock(START_MS + 30 * 60_000);
    before(async () => {
      centre = await Centre.start(kind, { clock });
      login = await centre.addVillage('kano');
    });
    after(() => centre.stop());

    const ask = async (query = '') => {
      const response = await centre.analyst(`/v1/villages/kano/contacts${query}`);
      return { status: response.status, view: (await response.json()) as ContactsView };
    };

    it('counts each request once, and each login that was refused', async () => {
      await centre.push(login, readings('kano', 5));
      await centre.as(login, '/telemetry');
      await centre.as({ ...login, password: 'wrong' }, '/telemetry');
      clock.pass(2 * HOUR_MS);
      await centre.as(login, '/telemetry/_local/none');
      const at = (n: number) => formatInstant(START_MS + n * HOUR_MS);
      const items = [
        { hour: at(0), succeeded: 2, failed: 1 },
        { hour: at(1), succeeded: 0, failed: 0 },
        { hour: at(2), succeeded: 1, failed: 0 },
      ];
      expect(await ask()).to.deep.equal({ status: 200, view: { village: 'kano', from: at(0), to: at(3), items } });
      await centre.restart();
      expect((await ask()).view.items).to.deep.equal(items);
      const part = await ask(`?from=${at(1)}&to=${formatInstant(START_MS + 2.5 * HOUR_MS)}`);
      expect(part.view).to.deep.equal({ village: 'kano', from: at(1), to: at(3), items: items.slice(1) });
      expect((await ask('?from=2025-01-01T00:00:00Z')).view).to.deep.include({ from: at(0), to: at(3) });
      expect((await ask('?from=2025-01-01T00:00:00Z&to=2025-02-01T00:00:00Z')).view.items).to.deep.equal([]);
    });

    it('refuses what is no time, and a village there is not', async () => {
      for (const query of ['?from=yesterday', '?to=2026-03-01', '?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z']) {
        expect((await ask(query)).status, query).to.equal(400);
      }
      expect((await centre.analyst('/v1/villages/nowhere/contacts')).status).to.equal(404);
    });
  });
}
