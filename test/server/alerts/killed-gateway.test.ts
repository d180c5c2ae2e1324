/** What alerts say of a village that is not heard of again after the gateway that heard it was killed. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { AlertWatch } from '../../../server/alerts/alert-watch.js';
import { NumbersMemory } from '../../../server/alerts/numbers-memory.js';
import { ContactLog } from '../../../server/gateway/contact-log.js';
import { EmbeddedStore } from '../../../server/store/embedded-store.js';
import { silentLogger } from '../../../shared/logger.js';
import { formatInstant } from '../../../shared/time.js';
import { SettableClock } from '../../support/settable-clock.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { event, incoming, readingAt, type Sent } from '../support/documents.js';

const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;

describe('alerts of a village that was heard of last by a gateway killed before it had written its contacts down', () => {
  let store: EmbeddedStore;
  let clock: SettableClock;
  afterEach(() => store.close());
  const folder = useTempFolder();
  beforeEach(async () => {
    store = await EmbeddedStore.open(folder.path);
    clock = new SettableClock(START_MS);
    await store.villages.create({ id: 'kano', credentialHash: '', createdAt: formatInstant(START_MS) });
  });

  /** Nothing it hears is written down by itself: at any time it is as good as killed. */
  const gatewayOf = () => {
    const shared = { store: () => store, clock, log: silentLogger(), silentAfterHours: 26 };
    const contacts = new ContactLog(shared);
    const memory = new NumbersMemory({ ...shared, contacts });
    const watch = new AlertWatch({ ...shared, contacts, memory, times: { graceMs: 0, numbersEveryMs: 0 } });
    return {
      look: () => watch.look(),
      take: async (...documents: Sent[]) => {
        await store.write(documents.map(incoming));
        contacts.note('kano', { succeeded: true, documents: true });
      },
    };
  };
  const numbered = (seq: number) => readingAt('kano', seq, clock.now());
  const codes = async () => (await store.villages.get('kano'))?.keptAlerts?.open.map(({ code }) => code) ?? [];

  /** A gap is known, of which one gateway alone knows how new it is. */
  const withGap = async () => {
    const killed = gatewayOf();
    await killed.take(numbered(1), numbered(5));
    clock.pass(30 * HOUR_MS);
    await killed.take(numbered(6));
    await killed.look();
    expect(await codes()).to.deep.equal(['gaps']);
    clock.pass(1_000);
    return killed;
  };

  it('gaps that were filled just before are cleared by the next one', async () => {
    const killed = await withGap();
    await killed.take(...[2, 3, 4].map(numbered));
    await gatewayOf().look();
    expect(await codes()).to.deep.equal([]);
  });

  it('gaps that are still there stay raised', async () => {
    await withGap();
    clock.pass(HOUR_MS);
    await gatewayOf().look();
    expect(await codes()).to.deep.equal(['gaps']);
  });

  it('losses that were told just before are raised by the next one', async () => {
    const killed = await withGap();
    await killed.take(event('kano', 6, { event: 'numbers', of: 'node1', from: 1, to: 6, lost: [[2, 4]] }));
    await gatewayOf().look();
    expect(await codes()).to.deep.equal(['lost']);
  });
});
