import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Need, needOf } from '../../../server/analyst/need.js';
import type { MissingCounts } from '../../../server/analyst/village-numbers.js';

const NONE: MissingCounts = { lost: 0, quarantined: 0, released: 0, void: 0, notYetSent: 0, unexplained: 0 };

type Viewed = Parameters<typeof needOf>[0];

const village = (changes: Partial<Viewed> = {}): Viewed => ({
  ...{ id: 'kano', createdAt: '2026-03-01T00:00:00.000Z', disabled: false, silent: false },
  lastContactAt: '2026-03-02T00:00:00.000Z',
  ...changes,
});
const unheard = (changes: Partial<Viewed> = {}): Viewed => {
  const { lastContactAt: _, ...others } = village(changes);
  return others;
};
const alerting = (...codes: string[]): Partial<Viewed> => ({
  alerts: codes.map((code) => ({ code, severity: 'warning' as const, since: '2026-03-01T00:00:00.000Z' })),
});
const lost = (missing: number | undefined, accounted: number, lostToldOf?: number): Partial<Viewed> => ({
  ...(missing === undefined ? {} : { missing: { ...NONE, lost: missing } }),
  report: { accounted: { lost: accounted } } as NonNullable<Viewed['report']>,
  ...(lostToldOf === undefined ? {} : { lostToldOf }),
});

describe('what a village needs', () => {
  it('is the greatest of everything it needs', () => {
    const needing: Partial<Record<Need, Partial<Viewed>>> = {
      disabled: { disabled: true },
      silent: { silent: true },
      losing: alerting('lost'),
      blocked: alerting('blocked'),
      behind: { pending: 101 },
      alerts: alerting('clock'),
    };
    const order = ['disabled', 'silent', 'losing', 'blocked', 'behind', 'alerts'] as const;
    for (const [n, greatest] of order.entries()) {
      const all = order.slice(n).map((need) => needing[need] ?? {});
      const alerts = all.flatMap((one) => one.alerts ?? []);
      expect(needOf(village({ ...Object.assign({}, ...all), alerts }))).to.equal(greatest);
      expect(needOf(village(needing[greatest]))).to.equal(greatest);
    }
    expect(needOf(village())).to.equal('none');
    expect(needOf(unheard())).to.equal('awaited');
    expect(needOf(unheard(needing.alerts))).to.equal('alerts');
    for (const heard of ['lastDocumentAt', 'reportedAt']) {
      expect(needOf(unheard({ [heard]: '2026-03-02T00:00:00.000Z' }))).to.equal('none');
    }
    expect(needOf(village({ pending: 100 }))).to.equal('none');
  });

  it('is losing while a loss is news, by what is missing here rather than what the node cannot prove it had delivered', () => {
    expect(needOf(village(lost(undefined, 2))), 'not looked at').to.equal('losing');
    expect(needOf(village(lost(3, 5)))).to.equal('losing');
    expect(needOf(village(lost(3, 5, 3))), 'told of').to.equal('none');
    expect(needOf(village(lost(4, 5, 3))), 'a further one').to.equal('losing');
    expect(needOf(village(lost(0, 2))), 'all of it is here').to.equal('none');
    expect(needOf(village({ ...lost(3, 3, 3), ...alerting('lost') })), 'the node says so').to.equal('losing');
  });
});
