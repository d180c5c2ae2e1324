import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ContactLog } from '../../../server/gateway/contact-log.js';
import type { CentralStore, VillageRecord } from '../../../server/store/contract.js';
import { AppError } from '../../../shared/app-error.js';
import { silentLogger } from '../../../shared/logger.js';
import { SettableClock } from '../../support/settable-clock.js';

const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const SUCCESS = { succeeded: true, documents: false };
const REFUSED = { succeeded: false, documents: false, status: 401 };

/** A store of one village that counts its writes, and as many logs over it as the test asks for. */
function storeOf() {
  const state = { writes: 0, fails: false };
  let record: VillageRecord = { id: 'kano', credentialHash: '', createdAt: '' };
  const villages = {
    update: async (_id: string, change: (before: VillageRecord) => VillageRecord) => {
      if (state.fails) throw new AppError('unavailable', 'the database is down');
      state.writes++;
      record = change(record);
      return record;
    },
  };
  const clock = new SettableClock(START_MS);
  const store = () => ({ villages }) as unknown as CentralStore;
  const log = () => new ContactLog({ store, clock, log: silentLogger(), writeIntervalMs: 300_000 });
  return { state, clock, log, kept: () => record };
}

describe('the contacts of villages', () => {
  it('are written at most once in five minutes, however often a village asks, and known here at once', async () => {
    const { state, clock, log, kept } = storeOf();
    const contacts = log();
    for (let minute = 0; minute < 30; minute++) {
      for (let n = 0; n < 20; n++) contacts.note('kano', SUCCESS);
      await contacts.flushDue();
      clock.pass(60_000);
    }
    expect(state.writes).to.equal(6);
    expect(contacts.complete(kept()).lastContactAt).to.equal('2026-03-01T00:29:00.000Z');
    await contacts.flush();
    expect(kept().lastContactAt).to.equal('2026-03-01T00:29:00.000Z');
  });

  it('tell the last attempt, the last success and the failures apart', async () => {
    const { clock, log, kept } = storeOf();
    const contacts = log();
    contacts.note('kano', { succeeded: true, documents: true });
    clock.pass(1_000);
    contacts.note('kano', REFUSED);
    contacts.note('kano', { ...REFUSED, status: 503 });
    await contacts.flush();
    expect(kept()).to.deep.include({
      lastAttemptAt: '2026-03-01T00:00:01.000Z',
      lastContactAt: '2026-03-01T00:00:00.000Z',
      lastDocumentAt: '2026-03-01T00:00:00.000Z',
      lastFailureAt: '2026-03-01T00:00:01.000Z',
      lastFailureStatus: 503,
      failures: 2,
    });
  });

  it('of two gateways come together: the latest times, and the failures of both', async () => {
    const { clock, log, kept } = storeOf();
    const [one, other] = [log(), log()];
    one.note('kano', REFUSED);
    clock.pass(1_000);
    other.note('kano', REFUSED);
    other.note('kano', SUCCESS);
    await other.flush();
    await one.flush();
    expect(kept()).to.include({ failures: 2, lastFailureAt: '2026-03-01T00:00:01.000Z' });
    expect(kept().lastContactAt).to.equal('2026-03-01T00:00:01.000Z');
    one.note('kano', REFUSED);
    await one.flush();
    await other.flush();
    expect(kept().failures).to.equal(3);
  });

  it('that could not be written stay for the next time, and are counted once', async () => {
    const { state, log, kept } = storeOf();
    const contacts = log();
    contacts.note('kano', REFUSED);
    state.fails = true;
    await contacts.flush();
    contacts.note('kano', REFUSED);
    expect(contacts.complete(kept()).failures).to.equal(2);
    state.fails = false;
    const writing = contacts.flush();
    contacts.note('kano', REFUSED);
    await writing;
    await contacts.flush();
    expect(kept().failures).to.equal(3);
    expect(contacts.complete(kept()).failures).to.equal(3);
  });
});
