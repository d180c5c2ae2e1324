import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { type Figures, type KeptStats, NO_FIGURES, StatsBook } from '../../../edge/monitor/stats/stats-book.js';
import { silentLogger } from '../../../shared/logger.js';
import { SettableClock } from '../../support/settable-clock.js';

const DAY = 86_400_000;

describe("a node's figures by day", () => {
  let clock: SettableClock & { sure: boolean };
  let counted: Figures;
  let written: KeptStats[];
  const open = (stats: KeptStats = {}) => {
    const writeStats = async (kept: KeptStats) => void written.push(kept);
    return new StatsBook({ state: { stats, writeStats }, counted: () => counted, clock, log: silentLogger() });
  };

  beforeEach(() => {
    clock = Object.assign(new SettableClock(Date.parse('2026-03-01T12:00:00Z')), { sure: true });
    counted = NO_FIGURES;
    written = [];
  });

  it('add up to the totals, over restarts and midnight', async () => {
    const first = open();
    counted = { ...NO_FIGURES, acknowledged: 5, attempts: { ok: 1 } };
    await first.look();
    clock.pass(DAY);
    counted = { ...NO_FIGURES, acknowledged: 7, sent: 4, attempts: { ok: 1, TIMEOUT: 2 } };
    await first.write();
    counted = NO_FIGURES;
    const second = open(written.at(-1));
    counted = { ...NO_FIGURES, sent: 3, attempts: { TIMEOUT: 1 } };
    second.count();
    expect(second.kept).to.deep.equal({
      since: '2026-03-01T12:00:00.000Z',
      totals: { ...NO_FIGURES, acknowledged: 7, sent: 7, attempts: { ok: 1, TIMEOUT: 3 } },
      days: {
        '2026-03-01': { ...NO_FIGURES, acknowledged: 5, attempts: { ok: 1 } },
        '2026-03-02': { ...NO_FIGURES, acknowledged: 2, sent: 7, attempts: { TIMEOUT: 3 } },
      },
    });
  });

  it('are kept for sixty days with something in them', () => {
    const book = open();
    for (let n = 1; n <= 100; n++) {
      counted = { ...NO_FIGURES, sent: n };
      book.count();
      clock.pass(DAY);
    }
    const days = Object.keys(book.kept.days);
    expect(days.length).to.equal(60);
    expect([days[0], days.at(-1)]).to.deep.equal(['2026-04-10', '2026-06-08']);
    expect(book.kept.totals.sent).to.equal(100);
  });

  it('of an unsure clock are of no day, nor are those of a future that was believed', () => {
    const book = open();
    counted = { ...NO_FIGURES, sent: 1 };
    clock.wallMs = Date.parse('2099-01-01T00:00:00Z');
    book.count();
    clock.wallMs = 0;
    clock.sure = false;
    counted = { ...NO_FIGURES, sent: 3 };
    book.count();
    clock.wallMs = Date.parse('2026-03-01T12:00:00Z');
    clock.sure = true;
    counted = { ...NO_FIGURES, sent: 6 };
    book.count();
    expect(book.kept.days).to.deep.equal({
      '2026-03-01': { ...NO_FIGURES, sent: 3 },
      unsure: { ...NO_FIGURES, sent: 3 },
    });
  });

  it('are written every ten minutes, and only when there is something new', async () => {
    const book = open();
    for (let n = 1; n <= 360; n++) {
      clock.pass(5_000);
      if (n <= 180) counted = { ...NO_FIGURES, sent: n };
      await book.look();
    }
    expect(written.length).to.equal(2);
    expect(written.at(-1)?.totals?.sent).to.equal(180);
  });
});
