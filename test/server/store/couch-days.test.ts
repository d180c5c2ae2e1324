/** What counting readings by day asks of a CouchDB, and what is told while it cannot tell. */
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import type { CouchAnswer, CouchClient, CouchRequest } from '../../../server/store/couch-client.js';
import { CouchDays } from '../../../server/store/couch-days.js';
import type { CouchSetup } from '../../../server/store/couch-setup.js';
import { AppError } from '../../../shared/app-error.js';
import { SettableClock } from '../../support/settable-clock.js';

const MARCH = { from: '2026-03-01', to: '2026-04-01' };

describe('readings by day in a CouchDB', () => {
  /** By day and village. */
  let held: Record<string, Record<string, number>>;
  let asked: string[];
  let answer: ((request: CouchRequest) => unknown) | undefined;
  let clock: SettableClock;
  let days: CouchDays;

  beforeEach(() => {
    held = { '2026-03-01': { jos: 3, kano: 5 }, '2026-03-02': { kano: 7 } };
    asked = [];
    answer = undefined;
    clock = new SettableClock(0);
    const request = async ({ qs = {}, ...rest }: CouchRequest): Promise<CouchAnswer<unknown>> => {
      if (answer) return { status: 200, body: answer({ qs, ...rest }) };
      expect(qs).to.not.have.any.keys('update', 'stale', 'stable');
      const [day = ''] = qs.start_key as string[];
      asked.push(qs.group_level === 1 ? 'days' : day);
      const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
      const rows =
        qs.group_level === 1
          ? Object.entries(held).map(([key, counts]) => ({ key: [key], value: sum(counts) }))
          : Object.entries(held[day] ?? {}).map(([village, value]) => ({ key: [day, village], value }));
      return { status: 200, body: { rows } };
    };
    const setup = { again: () => new AppError('unavailable', 'gone') } as unknown as CouchSetup;
    days = new CouchDays({ request } as unknown as CouchClient, setup, clock);
  });

  const read = async () => {
    asked = [];
    const found = await days.readings(MARCH);
    return Object.fromEntries([...found].sort().map(([village, counts]) => [village, Object.fromEntries(counts)]));
  };

  it('asks again for the villages of those days alone that hold another number of readings', async () => {
    const kano = { '2026-03-01': 5, '2026-03-02': 7 };
    expect(await read()).to.deep.equal({ jos: { '2026-03-01': 3 }, kano });
    expect([...asked].sort()).to.deep.equal(['2026-03-01', '2026-03-02', 'days']);
    expect(await read()).to.deep.equal({ jos: { '2026-03-01': 3 }, kano });
    expect(asked).to.deep.equal(['days']);
    held = { ...held, '2026-03-02': { kano: 8 } };
    expect((await read()).kano).to.deep.equal({ ...kano, '2026-03-02': 8 });
    expect(asked).to.deep.equal(['days', '2026-03-02']);
  });

  it('asks for all again after ten minutes: one may have been deleted for each that came', async () => {
    await read();
    held = { ...held, '2026-03-01': { jos: 4, kano: 4 } };
    clock.pass(601_000);
    expect((await read()).jos).to.deep.equal({ '2026-03-01': 4 });
  });

  it('is asked for once by many who ask at the same time', async () => {
    asked = [];
    const all = await Promise.all(Array.from({ length: 10 }, () => days.readings(MARCH)));
    expect(new Set(all.map((found) => found.get('kano')?.get('2026-03-02')))).to.deep.equal(new Set([7]));
    expect(asked.filter((what) => what !== 'days')).to.have.length(2);
  });

  it('is unavailable, with a time to try again, where CouchDB does not tell, and never a wrong number', async () => {
    const failures = [
      () => {
        throw new AppError('unavailable', 'no answer within 12 s');
      },
      () => ({ rows: 'none' }),
      () => ({ rows: [{ key: ['2026-03-01'], value: null }] }),
      () => ({ rows: [{ key: 'x', value: 1 }] }),
      () => ({}),
    ];
    for (const failing of failures) {
      answer = failing;
      for (const range of [MARCH, { ...MARCH, village: 'kano' }]) {
        const error: unknown = await days.readings(range).then(
          (found) => found,
          (reason: unknown) => reason,
        );
        expect(error).to.be.instanceOf(AppError).with.property('code', 'unavailable');
        expect(error).to.have.property('retryAfterS', 10);
      }
    }
    answer = undefined;
    expect((await read()).kano).to.deep.equal({ '2026-03-01': 5, '2026-03-02': 7 });
  });
});
