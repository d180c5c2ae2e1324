import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { AlertInputs } from '../../../edge/monitor/alerts/alert-findings.js';
import { AlertMonitor } from '../../../edge/monitor/alerts/alert-monitor.js';

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
  const thresholds = { pending: 100, pendingMs: 30 * MINUTE, fullPct: 90, quarantined: 10 };
  const monitor = () => new AlertMonitor({ ...thresholds, noForcedSyncMs: 26 * 60 * MINUTE });

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
    ['clock', 'warning', { clockAheadMs: 2 * 86_400_000 }, 'is 48 h ahead of the centre'],
    ['clock', 'warning', { clockAheadMs: -61_000 }, 'is 1 min behind the centre'],
    ['stalled', 'critical', { stalled: 'the push stands still' }, 'stands still'],
    ['refusals', 'critical', { link: 'blocked', linkMessage: 'no', refusesInFloods: true }, 'tried again by itself'],
    ['registry', 'critical', { registry: { blocked: true, refused: 0 } }, 'registry'],
    ['registry', 'warning', { registry: { blocked: false, refused: 2 } }, 'refused 2 documents'],
    ['no-forced-sync', 'warning', { forcedMs: START - 26 * 60 * MINUTE - 1 }, '26 h'],
    [
      'tls-clock',
      'critical',
      { link: 'offline', linkTag: 'TLS_ERROR', linkMessage: 'is not yet valid' },
      'set the clock',
    ],
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

  it('blame the clock for a passed certificate only where it cannot be believed', () => {
    const passed: AlertInputs = {
      ...QUIET,
      link: 'offline',
      linkTag: 'TLS_ERROR',
      linkMessage: 'certificate has expired',
    };
    expect(monitor().evaluate(passed, START)).to.deep.equal([]);
    const codes = monitor()
      .evaluate({ ...passed, clockSure: false }, START)
      .map(({ code }) => code);
    expect(codes).to.have.members(['tls-clock', 'clock']);
  });

  it('say nothing of a forced run that is not late, nor expected, nor where the clock cannot tell', () => {
    const late = { ...QUIET, forcedMs: START - 100 * 60 * MINUTE };
    expect(monitor().evaluate({ ...late, forcedMs: START - 26 * 60 * MINUTE }, START)).to.deep.equal([]);
    expect(monitor().evaluate({ ...late, forcedMs: undefined }, START)).to.deep.equal([]);
    expect(new AlertMonitor(thresholds).evaluate(late, START)).to.deep.equal([]);
    const [alert, ...others] = monitor().evaluate({ ...late, clockSure: false }, START);
    expect([alert?.code, others]).to.deep.equal(['clock', []]);
  });

  it('go on after a restart with the time they began, and without another wait', () => {
    const before = monitor();
    const behind = { ...QUIET, pending: 101 };
    before.evaluate(behind, START, 0);
    const open = before.evaluate(behind, START + 30 * MINUTE, 30 * MINUTE);
    const after = monitor();
    after.restore(open, START + 40 * MINUTE, 700);
    expect(after.evaluate(behind, START + 40 * MINUTE, 700)).to.deep.equal(open);
    expect(after.evaluate(QUIET, START + 41 * MINUTE, 700 + MINUTE)).to.deep.equal([]);
  });

  it('of the centre stay as they are after a restart until the link tells', () => {
    const blocked: AlertInputs = { ...QUIET, link: 'blocked', linkMessage: 'wrong credential' };
    const open = monitor().evaluate(blocked, START, 0);
    const after = monitor();
    after.restore(open, START + MINUTE, 0);
    expect(after.evaluate({ ...QUIET, link: 'unknown' }, START + MINUTE, 0)).to.deep.equal(open);
    expect(after.evaluate(blocked, START + MINUTE, 0)).to.deep.equal(open);
    expect(after.evaluate(QUIET, START + MINUTE, 0)).to.deep.equal([]);
  });

  const DAY = 1_440 * MINUTE;
  const told = (alerts: AlertMonitor, inputs: Partial<AlertInputs>, nowMs: number, monotonicMs = nowMs) =>
    alerts
      .evaluate({ ...QUIET, ...inputs }, nowMs, monotonicMs)
      .filter(({ code }) => code === 'lost')
      .map(({ since, message, subject }) => [since, message.split(' ')[0], subject]);
  const iso = (ms: number) => new Date(ms).toISOString();
  /** What a node goes on with that is started at a time. */
  const restartedAt = (nowMs: number, before: AlertMonitor, inputs: AlertInputs, beforeMs: number) => {
    const after = monitor();
    after.restore(before.evaluate(inputs, beforeMs, 0), nowMs, 0, before.loss);
    return after;
  };

  it('tell of a further loss as of another one, at most once an hour, and not of fewer lost', () => {
    const alerts = monitor();
    expect(told(alerts, { lost: 3 }, START)).to.deep.equal([[iso(START), '3', '3']]);
    expect(told(alerts, { lost: 5 }, START + 59 * MINUTE)).to.deep.equal([[iso(START), '5', '3']]);
    const later = START + 60 * MINUTE;
    expect(told(alerts, { lost: 7 }, later)).to.deep.equal([[iso(later), '7', '7']]);
    const fewer = told(alerts, { lost: 6 }, later + DAY);
    expect(fewer.map(([since, count]) => [since, count])).to.deep.equal([[iso(later), '6']]);
  });

  it('tell of a loss for seven days, over restarts too, and of an old one again only when there is more', () => {
    let alerts = monitor();
    const lost = { ...QUIET, lost: 3 };
    for (const day of [0, 1, 2, 3, 4, 5, 6, 7, 8, 400]) {
      const nowMs = START + day * DAY;
      if (day > 0) alerts = restartedAt(nowMs, alerts, lost, nowMs - DAY);
      const expected = day < 7 ? [[iso(START), '3', '3']] : [];
      expect(told(alerts, lost, nowMs, 0), `day ${day}`).to.deep.equal(expected);
    }
    const late = START + 401 * DAY;
    expect(told(alerts, { lost: 4 }, late, 0)).to.deep.equal([[iso(late), '4', '4']]);
  });

  it('tell of a loss whatever the clock says: one that is set or unsure neither ends nor repeats it', () => {
    let alerts = monitor();
    const lost = { ...QUIET, lost: 3 };
    for (const [nowMs, clockSure] of [
      [0, false],
      [START, true],
      [START + 20_000 * DAY, true],
      ...Array.from({ length: 20 }, (_, day) => [day * DAY, false] as const),
      [START + DAY, true],
    ] as const) {
      const [alert, ...others] = told(alerts, { ...lost, clockSure }, nowMs, 0);
      expect([alert?.[2], others], `at ${iso(nowMs)}`).to.deep.equal(['3', []]);
      alerts = restartedAt(nowMs, alerts, { ...lost, clockSure }, nowMs);
    }
  });

  it('tell of a repair for a day, over a restart too', () => {
    const alerts = monitor();
    const [alert] = alerts.evaluate({ ...QUIET, repairs: 1 }, START, 0);
    expect(alert).to.include({ code: 'repaired', severity: 'warning' });
    const HOUR = 60 * MINUTE;
    expect(alerts.evaluate({ ...QUIET, repairs: 1 }, START + 23 * HOUR, 23 * HOUR)).to.deep.equal([alert]);
    const after = monitor();
    after.restore(
      [alert].flatMap((one) => one ?? []),
      START + 23 * HOUR,
      0,
    );
    expect(after.evaluate({ ...QUIET, repairs: 0 }, START + 23.5 * HOUR, HOUR / 2)).to.deep.equal([alert]);
    expect(after.evaluate({ ...QUIET, repairs: 0 }, START + 24 * HOUR, HOUR)).to.deep.equal([]);
  });
});
