/** What alerts cost: how often the indexes of villages are asked. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { NumbersMemory } from '../../../server/alerts/numbers-memory.js';
import type { CentralStore, VillageRecord } from '../../../server/store/contract.js';
import { EmbeddedStore } from '../../../server/store/embedded-store.js';
import { AppError } from '../../../shared/app-error.js';
import { capturedLog } from '../../support/captured-log.js';
import { SettableClock } from '../../support/settable-clock.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { event, incoming } from '../support/documents.js';

const HOUR_MS = 3_600_000;
const AT = '2026-03-01T00:00:00.000Z';
const HOURLY = { maxAgeMs: HOUR_MS, budgetMs: 1_000 };

describe('what is remembered of the numbers of villages', () => {
  let store: EmbeddedStore;
  let asked: string[];
  let arrivals: Map<string, number>;
  let clock: SettableClock;
  let memory: NumbersMemory;
  let failure: Error | undefined;
  let lookMs: number;
  let lines: ReturnType<typeof capturedLog>['lines'];

  afterEach(() => store.close());
  const folder = useTempFolder();
  beforeEach(async () => {
    store = await EmbeddedStore.open(folder.path);
    asked = [];
    arrivals = new Map();
    clock = new SettableClock(Date.parse(AT));
    failure = undefined;
    lookMs = 0;
    const nodes = async (village: string) => {
      asked.push(village);
      clock.pass(lookMs);
      if (failure) throw failure;
      return store.numbers.nodes(village);
    };
    const { numbers } = store;
    const counts: typeof numbers.counts = (...asked) => numbers.counts(...asked);
    const besideGaps: typeof numbers.besideGaps = (...asked) => numbers.besideGaps(...asked);
    const counting: CentralStore = Object.create(store, { numbers: { value: { counts, besideGaps, nodes } } });
    const captured = capturedLog();
    lines = captured.lines;
    const { log } = captured;
    const contacts = { arrivalsOf: (village: string) => arrivals.get(village) ?? 0 };
    memory = new NumbersMemory({ store: () => counting, contacts, clock, log, silentAfterHours: 26 });
  });

  const villages = (count: number, changes: Partial<VillageRecord> = {}): VillageRecord[] =>
    Array.from({ length: count }, (_, n) => ({ id: `v${n}`, credentialHash: '', createdAt: AT, ...changes }));
  const refresh = async (records: readonly VillageRecord[], looking = HOURLY) => {
    asked = [];
    const current = await memory.refresh(records, looking);
    return { asked: [...asked].sort(), current: [...current].sort() };
  };

  it('is asked for once where nothing of a village comes, for a day', async () => {
    const records = villages(3);
    expect((await refresh(records)).asked).to.deep.equal(['v0', 'v1', 'v2']);
    clock.pass(23 * HOUR_MS);
    expect(await refresh(records)).to.deep.equal({ asked: [], current: ['v0', 'v1', 'v2'] });
    clock.pass(2 * HOUR_MS);
    expect((await refresh(records)).asked).to.deep.equal(['v0', 'v1', 'v2']);
  });

  it('is asked for again when something came, here or elsewhere, and no more often than wanted', async () => {
    await refresh(villages(3));
    arrivals.set('v1', 1);
    clock.pass(HOUR_MS / 2);
    expect(await refresh(villages(3))).to.deep.equal({ asked: [], current: ['v0', 'v2'] });
    clock.pass(HOUR_MS / 2);
    expect(await refresh(villages(3))).to.deep.equal({ asked: ['v1'], current: ['v0', 'v1', 'v2'] });
    clock.pass(HOUR_MS);
    const elsewhere = villages(2, { lastDocumentAt: '2026-03-01T02:00:00.000Z' });
    expect((await refresh(elsewhere)).asked).to.deep.equal(['v0', 'v1']);
  });

  it('is asked for as long as there is time, those first that waited longest, and all come to their turn', async () => {
    lookMs = 100;
    const records = villages(20);
    const seen: string[] = [];
    for (let round = 0; round < 2; round++) {
      const { asked: some } = await refresh(records);
      expect(some.length).to.be.within(1, 12);
      seen.push(...some);
    }
    expect(seen.sort()).to.deep.equal(records.map(({ id }) => id).sort());
  });

  it('is asked for once by however many ask at the same time', async () => {
    const records = villages(5);
    await Promise.all(Array.from({ length: 10 }, () => memory.refresh(records, { maxAgeMs: 0, budgetMs: 1_000 })));
    expect(asked.length).to.equal(5);
  });

  it('is said in the log, once, not to be all where a village tells of more than is looked at', async () => {
    const told = Array.from({ length: 2 }, (_, n) => {
      const lost = Array.from({ length: 1_100 }, (_, odd) => 2 * (1_200 * n + odd) + 1).map((one) => [one, one]);
      const range = { from: 2_400 * n + 1, to: 2_400 * (n + 1) };
      return incoming(event('v0', n, { event: 'numbers', of: 'node1', ...range, lost }));
    });
    await store.write(told);
    for (let round = 0; round < 3; round++) {
      clock.pass(25 * HOUR_MS);
      await refresh(villages(2));
    }
    const partly = memory.lookedAt('v0')?.partly;
    expect(partly).to.equal(
      'the village has or tells of more than is looked at; left out are the numbers of node1 below 401',
    );
    expect(lines.map(({ message, village, why }) => [message, village, why])).to.deep.equal([
      ['not all numbers of a village are looked at', 'v0', partly],
    ]);
  });

  it('is unknown while the index is behind, and asked for again', async () => {
    failure = new AppError('unavailable', 'the index is being built');
    expect((await refresh(villages(1), { ...HOURLY, maxAgeMs: 0 })).current).to.deep.equal([]);
    expect(memory.of('v0')).to.deep.equal({ unknown: 'the index is being built' });
    failure = undefined;
    expect((await refresh(villages(1), { ...HOURLY, maxAgeMs: 0 })).current).to.deep.equal(['v0']);
    memory.keepOnly([]);
    expect(memory.of('v0')).to.equal(undefined);
  });
});
