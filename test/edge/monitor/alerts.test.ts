import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type AlertInputs, AlertMonitor } from '../../../edge/monitor/alerts.js';

const START = Date.parse('2026-03-01T00:00:00Z');
const MINUTE = 60_000;
const QUIET: AlertInputs = {
  pending: 0,
  usedPct: 0,
  quarantined: 0,
  lost: 0,
  link: 'online',
  linkMessage: undefined,
  clockSure: true,
  noRoom: undefined,
};

describe('alerts', () => {
  const monitor = () => new AlertMonitor({ pending: 100, pendingMs: 30 * MINUTE, fullPct: 90, quarantined: 10 });

  it('are none while all is well, at each threshold too', () => {
    expect(monitor().evaluate({ ...QUIET, pending: 100, usedPct: 90, quarantined: 10 }, START)).to.deep.equal([]);
  });

  it('tell of pending documents only when too many have been pending for too long, and since when', () => {
    const alerts = monitor();
    const behind = { ...QUIET, pending: 101 };
    expect(alerts.evaluate(behind, START)).to.deep.equal([]);
    expect(alerts.evaluate(behind, START + 30 * MINUTE - 1)).to.deep.equal([]);
    const [alert, ...others] = alerts.evaluate({ ...behind, pending: 250 }, START + 30 * MINUTE);
    expect(others).to.deep.equal([]);
    expect(alert).to.include({ code: 'pending', severity: 'warning', since: '2026-03-01T00:00:00.000Z' });
    expect(alert?.message).to.contain('250');
  });

  for (const [what, setMs] of [
    ['forward by years', 50 * 365 * 24 * 60 * MINUTE],
    ['back to 1970', -START],
  ] as const) {
    it(`come after as long as without it when the clock is set ${what}, and their time is told by the new clock`, () => {
      const alerts = monitor();
      const behind = { ...QUIET, pending: 101 };
      alerts.evaluate(behind, START, 500);
      expect(alerts.evaluate(behind, START + setMs + 29 * MINUTE, 500 + 29 * MINUTE)).to.deep.equal([]);
      const [alert] = alerts.evaluate(behind, START + setMs + 30 * MINUTE, 500 + 30 * MINUTE);
      expect(alert?.since).to.equal(new Date(START + setMs).toISOString());
      const [later] = alerts.evaluate(behind, START + setMs + 60 * MINUTE + 20, 500 + 60 * MINUTE);
      expect(later?.since).to.equal(alert?.since);
    });
  }

  it('begin anew when their reason had gone in between', () => {
    const alerts = monitor();
    const behind = { ...QUIET, pending: 101 };
    alerts.evaluate(behind, START);
    expect(alerts.evaluate(QUIET, START + 20 * MINUTE)).to.deep.equal([]);
    expect(alerts.evaluate(behind, START + 31 * MINUTE)).to.deep.equal([]);
    const [alert] = alerts.evaluate(behind, START + 61 * MINUTE);
    expect(alert?.since).to.equal('2026-03-01T00:31:00.000Z');
  });

  for (const [code, severity, inputs, words] of [
    ['storage', 'warning', { usedPct: 90.1 }, '90.1'],
    ['storage', 'warning', { usedPct: 100, spaceLevel: 'full' }, 'a larger BUFFER_MAX_MB'],
    ['storage', 'warning', { spaceLevel: 'warning' }, 'deleting other files on that disk'],
    ['storage', 'critical', { noRoom: 'the disk has less than 64 MB left' }, '64 MB'],
    ['quarantine', 'warning', { quarantined: 11 }, '11'],
    ['lost', 'critical', { lost: 1 }, '1'],
    ['blocked', 'critical', { link: 'blocked', linkMessage: 'the credential is wrong' }, 'the credential is wrong'],
    ['clock', 'warning', { clockSure: false }, 'clock'],
    ['stalled', 'critical', { stalled: 'the push stands still' }, 'stands still'],
  ] as const) {
    it(`tell of ${JSON.stringify(inputs)} at once, keep the time it began, and clear it when it has gone`, () => {
      const alerts = monitor();
      const given: AlertInputs = { ...QUIET, ...inputs };
      const since = '2026-03-01T00:00:00.000Z';
      for (const laterMs of [0, MINUTE]) {
        const [alert, ...others] = alerts.evaluate(given, START + laterMs);
        expect(others).to.deep.equal([]);
        expect(alert).to.include({ code, severity, since });
        expect(alert?.message).to.contain(words);
      }
      expect(alerts.evaluate(QUIET, START + 2 * MINUTE)).to.deep.equal([]);
      expect(alerts.evaluate(given, START + 3 * MINUTE)[0]?.since).to.equal('2026-03-01T00:03:00.000Z');
    });
  }

  it('tell of a full store as a warning while room is made, and as critical from when data is refused', () => {
    const alerts = monitor();
    const full: AlertInputs = { ...QUIET, usedPct: 100, spaceLevel: 'full' };
    const severities = [full, { ...full, noRoom: 'nothing is confirmed' }, full].map(
      (inputs, n) => alerts.evaluate(inputs, START + n * MINUTE)[0],
    );
    expect(severities.map((alert) => alert?.severity)).to.deep.equal(['warning', 'critical', 'warning']);
    expect(severities.map((alert) => alert?.since)).to.deep.equal(Array(3).fill('2026-03-01T00:00:00.000Z'));
  });

  it('do not hide one another, and an outage alone is none', () => {
    const codes = monitor()
      .evaluate({ ...QUIET, link: 'offline', lost: 1, clockSure: false, usedPct: 100 }, START)
      .map(({ code }) => code);
    expect(codes).to.have.members(['storage', 'lost', 'clock']);
  });
});
