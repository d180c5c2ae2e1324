import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import type { Alert } from '../../../edge/monitor/alerts/alert.js';
import { AlertBook, type KeptAlerts } from '../../../edge/monitor/alerts/alert-book.js';
import { silentLogger } from '../../../shared/logger.js';
import { SettableClock } from '../../support/settable-clock.js';

const START = Date.parse('2026-03-01T00:00:00Z');
const SINCE = '2026-02-28T23:00:00.000Z';

function alertOf(code: Alert['code'], changes: Partial<Alert> = {}): Alert {
  return { code, severity: 'warning', since: SINCE, message: `about ${code}`, ...changes };
}

describe('the book of alerts', () => {
  let clock: SettableClock;
  let written: KeptAlerts[];
  let failure: Error | undefined;
  const open = (alerts: KeptAlerts = {}) => {
    const writeAlerts = async (kept: KeptAlerts) => {
      if (failure) throw failure;
      written.push(kept);
    };
    return new AlertBook({ state: { alerts, writeAlerts }, clock, log: silentLogger() });
  };

  beforeEach(() => {
    clock = new SettableClock(START);
    written = [];
    failure = undefined;
  });

  it('has what has gone in its history, once, with the time it went', async () => {
    const book = open();
    await book.note([alertOf('lost'), alertOf('clock')]);
    clock.pass(60_000);
    await book.note([alertOf('lost')]);
    await book.note([alertOf('lost')]);
    expect(book.open).to.deep.equal([alertOf('lost')]);
    expect(book.history).to.deep.equal([{ ...alertOf('clock'), clearedAt: '2026-03-01T00:01:00.000Z' }]);
  });

  it('is the same after a restart, and raises nothing again', async () => {
    const book = open();
    await book.note([alertOf('lost'), alertOf('clock')]);
    clock.pass(60_000);
    await book.note([alertOf('lost')]);
    const again = open(written.at(-1));
    expect([again.open, again.history]).to.deep.equal([book.open, book.history]);
    const writes = written.length;
    clock.pass(60_000);
    await again.note([alertOf('lost')]);
    expect(written.length).to.equal(writes);
  });

  it('tells series apart, and a new message from a new alert', async () => {
    const book = open();
    const series = ['a', 'b'].map((subject) => alertOf('threshold', { subject, message: `${subject} is 250` }));
    await book.note(series);
    await book.note(series.map((one) => ({ ...one, message: `${one.subject} is 251` })));
    expect(book.history).to.deep.equal([]);
    await book.note(series.slice(1));
    expect(book.history.map(({ subject }) => subject)).to.deep.equal(['a']);
  });

  it('has a further loss as another alert, and remembers over a restart what was told of losses', async () => {
    const book = open();
    const loss = { count: 3, days: ['2026-03-01'] };
    await book.note([alertOf('lost', { subject: '3' })], loss);
    clock.pass(60_000);
    await book.note([alertOf('lost', { subject: '5' })], { ...loss, count: 5 });
    expect(book.history.map(({ subject }) => subject)).to.deep.equal(['3']);
    clock.pass(60_000);
    const older = { count: 5, days: ['2026-03-01', '2026-03-02'] };
    await book.note([alertOf('lost', { subject: '5' })], older);
    expect(open(written.at(-1)).loss).to.deep.equal(older);
    const writes = written.length;
    clock.pass(60_000);
    await book.note([alertOf('lost', { subject: '5' })], older);
    expect(written.length).to.equal(writes);
  });

  it('is written at most once a minute, however alerts come and go, and what is left at the end', async () => {
    const book = open();
    for (let n = 0; n < 24; n++) {
      await book.note(n % 2 === 0 ? [alertOf('clock')] : []);
      clock.pass(5_000);
    }
    expect(written.length).to.equal(2);
    await book.write();
    expect(written.at(-1)?.history?.length).to.equal(12);
  });

  it('keeps the last hundred', async () => {
    const book = open();
    for (let n = 0; n < 240; n++) await book.note(n % 2 === 0 ? [alertOf('clock', { message: `${n}` })] : []);
    expect(book.history.length).to.equal(100);
    expect(book.history[0]?.message).to.equal('238');
  });

  it('is written later where it cannot be written now', async () => {
    const book = open();
    failure = new Error('the disk is full');
    await book.note([alertOf('storage')]);
    failure = undefined;
    await book.note([alertOf('storage')]);
    expect(written).to.deep.equal([]);
    clock.pass(60_000);
    await book.note([alertOf('storage')]);
    expect(written).to.deep.equal([{ open: [alertOf('storage')], history: [] }]);
  });
});
