/** That webhooks are told of every alert at least once, whichever gateway ends when. */
import { expect } from 'chai';
import { after, before, beforeEach, describe, it } from 'mocha';
import { AlertWatch, type VillageNews } from '../../../server/alerts/alert-watch.js';
import { NumbersMemory } from '../../../server/alerts/numbers-memory.js';
import { CLAIM_MS, claimNews, type UntoldNews } from '../../../server/alerts/untold-news.js';
import type { CentralStore, VillageRecord } from '../../../server/store/contract.js';
import { formatInstant } from '../../../shared/time.js';
import { capturedLog } from '../../support/captured-log.js';
import { SettableClock } from '../../support/settable-clock.js';
import { createPlace, openIn, type Place, SKIPPED_COUCHDB, STORES } from '../support/stores.js';

const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;

for (const kind of STORES) {
  describe(`news of alerts over gateways that end, in the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let place: Place;
    let store: CentralStore;
    let clock: SettableClock;
    let village: string;
    let villages = 0;

    before(async () => {
      place = await createPlace(kind);
      store = await openIn(place);
    });
    after(async () => {
      await store.close();
      await place.remove();
    });
    beforeEach(async () => {
      clock = new SettableClock(START_MS);
      village = `news${++villages}`;
      await store.villages.create({ id: village, credentialHash: '', createdAt: formatInstant(START_MS) });
      clock.pass(27 * HOUR_MS);
    });

    /** A gateway: what it was asked to tell, which ends as the test says, and what it alone knows of the village. */
    const gatewayOf = (tell: (() => Promise<boolean>) | undefined, heard: Partial<VillageRecord> = {}) => {
      const told: VillageNews[] = [];
      const contacts = {
        complete: (record: VillageRecord) => ({ ...record, ...(record.id === village && heard) }),
        arrivalsOf: () => 0,
      };
      const shared = { store: () => store, clock, log: capturedLog().log, silentAfterHours: 26 };
      const watch = new AlertWatch({
        ...shared,
        contacts,
        memory: new NumbersMemory({ ...shared, contacts }),
        times: { graceMs: 0 },
        ...(tell && {
          tell: (news: readonly VillageNews[]) => {
            told.push(...news.filter((one) => one.village === village));
            return tell();
          },
        }),
      });
      return { watch, look: () => watch.look(), ids: () => told.map(({ id }) => id), told };
    };
    const never = () => new Promise<boolean>(() => {});
    const untold = async () => (await store.villages.get(village))?.keptAlerts?.untold ?? [];

    it('another gateway tells what one claimed that was killed before it had, under the same id', async () => {
      const killed = gatewayOf(never);
      await killed.look();
      expect(killed.told.map(({ event, alert }) => [event, alert.code])).to.deep.equal([['raised', 'silent']]);
      const other = gatewayOf(async () => true);
      await other.look();
      clock.pass(CLAIM_MS - 1_000);
      await other.look();
      expect(other.ids()).to.deep.equal([]);
      clock.pass(2_000);
      const third = gatewayOf(async () => true);
      await Promise.all([other.look(), third.look()]);
      expect([...other.ids(), ...third.ids()]).to.deep.equal(killed.ids());
      await Promise.all([other.look(), third.look()]);
      expect(await untold()).to.deep.equal([]);
      clock.pass(2 * CLAIM_MS);
      await Promise.all([other.look(), third.look()]);
      expect([...other.ids(), ...third.ids()]).to.deep.equal(killed.ids());
    });

    it('a village is silent that was heard of last by a gateway killed before it had written that down', async () => {
      const open = async () => ((await store.villages.get(village))?.keptAlerts?.open ?? []).map(({ code }) => code);
      const next = gatewayOf(undefined);
      await next.look();
      expect(await open()).to.deep.equal(['silent']);
      await gatewayOf(undefined, { lastContactAt: formatInstant(clock.now()) }).look();
      expect(await open()).to.deep.equal([]);
      clock.pass(25 * HOUR_MS);
      await next.look();
      expect(await open()).to.deep.equal([]);
      clock.pass(2 * HOUR_MS);
      await next.look();
      expect(await open()).to.deep.equal(['silent']);
    });

    it('nobody tells what a gateway is still telling, however long that takes', async () => {
      let end: (isDone: boolean) => void = () => {};
      const slow = gatewayOf(
        () =>
          new Promise((resolve) => {
            end = resolve;
          }),
      );
      const other = gatewayOf(async () => true);
      for (let minute = 0; minute < 60; minute++) {
        await slow.look();
        await other.look();
        clock.pass(60_000);
      }
      expect([slow.ids().length, other.ids().length]).to.deep.equal([1, 0]);
      end(true);
      await slow.look();
      expect(await untold()).to.deep.equal([]);
    });

    it('what was not told before the end is told by the next one, what was told is not', async () => {
      const telling = gatewayOf(async () => true);
      await telling.look();
      await telling.watch.stop();
      expect(await untold()).to.deep.equal([]);
      await store.villages.update(village, (record) => ({ ...record, lastContactAt: formatInstant(clock.now()) }));
      const stopped = gatewayOf(async () => false);
      await stopped.look();
      await stopped.watch.stop();
      expect(stopped.told.map(({ event }) => event)).to.deep.equal(['cleared']);
      clock.pass(CLAIM_MS);
      const next = gatewayOf(async () => true);
      await next.look();
      expect(next.ids()).to.deep.equal(stopped.ids());
    });

    it('nothing is kept for webhooks where there are none', async () => {
      await gatewayOf(undefined).look();
      const kept = (await store.villages.get(village))?.keptAlerts;
      expect(kept?.open.map(({ code }) => code)).to.deep.equal(['silent']);
      expect(kept).to.not.have.property('untold');
    });
  });
}

describe('news that wait to be told', () => {
  const news = (id: string, until: number): UntoldNews => ({
    ...{ id, by: 'other', until: formatInstant(until), event: 'raised' },
    alert: { code: 'silent', severity: 'warning', message: '', raisedAt: formatInstant(START_MS) },
  });
  const claiming = { by: 'me', nowMs: START_MS, telling: new Set<string>(), done: new Set<string>() };
  const kept = (untold: UntoldNews[]) => ({ open: [], history: [], untold });

  it('are bounded: the oldest go', () => {
    const many = Array.from({ length: 100 }, (_, n) => news(`n${n}`, START_MS + 1_000));
    const { kept: then } = claimNews(kept(many), [news('fresh', 0)], claiming);
    expect(then.untold).to.have.length(30);
    expect(then.untold?.at(-1)).to.include({ id: 'fresh', by: 'me' });
  });

  it('are not claimed for ever by a gateway whose clock was ahead', () => {
    const { news: taken } = claimNews(kept([news('ahead', START_MS + 1_000 * HOUR_MS)]), [], claiming);
    expect(taken.map(({ id }) => id)).to.deep.equal(['ahead']);
  });
});
