import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { OutageLog } from '../../../edge/push/outage-log.js';
import { type CapturedLog, capturedLog } from '../../support/captured-log.js';

const HOUR_MS = 3_600_000;

describe('the log of an outage', () => {
  let captured: CapturedLog;
  let nowMs: number;
  let outages: OutageLog;
  beforeEach(() => {
    captured = capturedLog();
    captured.log.level = 'verbose';
    nowMs = 5_000;
    outages = new OutageLog(captured.log, () => nowMs);
  });

  it('warns first, is quiet then, and is an error after an hour and at growing intervals', () => {
    const errorsAfterH: number[] = [];
    for (let minute = 0; minute <= 72 * 60; minute++) {
      nowMs = 5_000 + minute * 60_000;
      const before = captured.lines.length;
      outages.failed('no connection', { tag: 'CONNECTION_ERROR', pending: 7 });
      const level = captured.lines[before]?.level;
      if (level === 'error') errorsAfterH.push(minute / 60);
      else expect(level).to.equal(minute === 0 ? 'warn' : 'verbose');
    }
    expect(errorsAfterH).to.deep.equal([1, 3, 7, 15, 31, 55]);
    expect(captured.lines.find(({ level }) => level === 'error')).to.include({
      ...{ message: 'data has waited for 1 h: no connection', tag: 'CONNECTION_ERROR', pending: 7, attempts: 61 },
    });
  });

  it('tells of the recovery once, with what it took', () => {
    outages.failed('no connection', { pending: 7 });
    nowMs += 2 * HOUR_MS;
    outages.failed('no connection', { pending: 9 });
    nowMs += 90_000;
    const before = captured.lines.length;
    outages.recovered({ delivered: 5, pending: 4 });
    outages.recovered({ delivered: 4, pending: 0 });
    expect(captured.lines.slice(before)).to.deep.equal([
      {
        ...{ level: 'info', message: 'documents arrive at the centre again' },
        ...{ outageS: 7290, attempts: 2, delivered: 5, pending: 4 },
      },
    ]);
  });

  it('begins anew after a recovery', () => {
    outages.failed('no connection', { pending: 7 });
    outages.recovered({ delivered: 7, pending: 0 });
    nowMs += 2 * HOUR_MS;
    outages.failed('no connection', { pending: 1 });
    expect(captured.lines.at(-1)?.level).to.equal('warn');
  });

  it('says nothing of deliveries where there was no outage', () => {
    outages.recovered({ delivered: 7, pending: 0 });
    expect(captured.lines).to.deep.equal([]);
  });
});
