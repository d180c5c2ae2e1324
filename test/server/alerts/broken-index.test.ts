/** That a village whose numbers can never be told again costs no other one its alerts. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { AlertWatch } from '../../../server/alerts/alert-watch.js';
import { NumbersMemory } from '../../../server/alerts/numbers-memory.js';
import type { CentralStore } from '../../../server/store/contract.js';
import { EmbeddedStore } from '../../../server/store/embedded-store.js';
import { formatInstant } from '../../../shared/time.js';
import { capturedLog } from '../../support/captured-log.js';
import { SettableClock } from '../../support/settable-clock.js';
import { useTempFolder } from '../../support/temp-folder.js';

const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;
const VILLAGES = 12;
const BROKEN = 'v00';

describe('an index that cannot be read for one village, for good', () => {
  let store: EmbeddedStore;
  afterEach(() => store.close());
  const folder = useTempFolder();
  beforeEach(async () => {
    store = await EmbeddedStore.open(folder.path);
  });

  it('keeps no village from being raised as silent, and none of the others from having its numbers looked at', async () => {
    const clock = new SettableClock(START_MS);
    const ids = Array.from({ length: VILLAGES }, (_, n) => `v${String(n).padStart(2, '0')}`);
    for (const id of ids) {
      await store.villages.create({ id, credentialHash: '', createdAt: formatInstant(START_MS) });
    }
    const nodes = async (village: string) => {
      if (village === BROKEN) throw new Error('a block of the index is damaged');
      return store.numbers.nodes(village);
    };
    const broken: CentralStore = Object.create(store, { numbers: { value: { nodes } } });
    const contacts = { complete: <T>(record: T) => record, arrivalsOf: () => 0 };
    const shared = { store: () => broken, clock, contacts, silentAfterHours: 26 };
    const { log, lines } = capturedLog();
    const memory = new NumbersMemory({ ...shared, log });
    const watch = new AlertWatch({ ...shared, memory, log, times: { graceMs: 0 } });
    clock.pass(27 * HOUR_MS);
    for (let n = 0; n < 3; n++) {
      await watch.look();
      clock.pass(60_000);
    }
    const silent = watch.villages.filter(({ kept }) => kept?.open.some(({ code }) => code === 'silent'));
    expect(silent.map(({ view }) => view.id)).to.deep.equal(ids);
    expect(ids.filter((id) => !memory.lookedAt(id))).to.deep.equal([BROKEN]);
    expect(lines.filter((line) => JSON.stringify(line).includes('a block of the index is damaged'))).to.have.length(1);
  });
});
