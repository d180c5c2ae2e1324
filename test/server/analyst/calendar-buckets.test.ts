import { expect } from 'chai';
import { describe, it } from 'mocha';
import { bucketsBetween, isTimeZone, localInstant, startOfDate } from '../../../server/analyst/calendar-buckets.js';

const HOUR_MS = 3_600_000;

function hoursOf(from: string, to: string, zone: string, step: 'hour' | 'day' = 'day'): number[] {
  const found = bucketsBetween(startOfDate(from, zone) ?? 0, startOfDate(to, zone) ?? 0, { step, zone }, 10_000);
  return found.map(({ startMs, endMs }) => (endMs - startMs) / HOUR_MS);
}

describe('hours and days of a time zone', () => {
  it('has days of 23 and 25 hours where clocks change, and of 24 elsewhere', () => {
    expect(hoursOf('2026-03-28', '2026-03-31', 'Europe/Berlin')).to.deep.equal([24, 23, 24]);
    expect(hoursOf('2026-10-24', '2026-10-27', 'Europe/Berlin')).to.deep.equal([24, 25, 24]);
    expect(hoursOf('2026-03-28', '2026-03-31', 'Africa/Douala')).to.deep.equal([24, 24, 24]);
    expect(hoursOf('2026-03-29', '2026-03-30', 'Europe/Berlin', 'hour')).to.deep.equal(Array(23).fill(1));
    expect(hoursOf('2026-10-25', '2026-10-26', 'Europe/Berlin', 'hour')).to.deep.equal(Array(25).fill(1));
  });

  it('follows zones that change at midnight, by half an hour, or are not whole hours away', () => {
    // 4 November 2018 begins at 01:00 in São Paulo.
    expect(hoursOf('2018-11-03', '2018-11-06', 'America/Sao_Paulo')).to.deep.equal([24, 23, 24]);
    expect(hoursOf('2026-04-04', '2026-04-07', 'Australia/Lord_Howe')).to.deep.equal([24, 24.5, 24]);
    for (const date of [
      ['2026-04-05', '2026-04-06', 24.5],
      ['2026-10-04', '2026-10-05', 23.5],
    ] as const) {
      const hours = hoursOf(date[0], date[1], 'Australia/Lord_Howe', 'hour');
      expect(hours.reduce((sum, one) => sum + one, 0)).to.equal(date[2]);
      expect(Math.min(...hours)).to.be.above(0);
    }
    expect(hoursOf('2026-01-01', '2026-01-02', 'Asia/Kathmandu', 'hour')).to.deep.equal(Array(24).fill(1));
  });

  it('begin a day with the first of two midnights, and without a midnight with what comes behind it', () => {
    const daysOf = (zone: string, from: string, middle: string, to: string) => [
      hoursOf(from, to, zone),
      hoursOf(from, middle, zone),
      hoursOf(middle, to, zone),
    ];
    // Clocks go from 01:00 back to 00:00.
    const azores = daysOf('Atlantic/Azores', '2026-10-23', '2026-10-25', '2026-10-27');
    expect(azores).to.deep.equal([
      [24, 24, 25, 24],
      [24, 24],
      [25, 24],
    ]);
    const havana = daysOf('America/Havana', '2026-10-30', '2026-11-01', '2026-11-03');
    expect(havana).to.deep.equal([
      [24, 24, 25, 24],
      [24, 24],
      [25, 24],
    ]);
    expect(hoursOf('2026-11-01', '2026-11-02', 'America/Havana', 'hour')).to.deep.equal(Array(25).fill(1));
    expect(localInstant(startOfDate('2026-11-01', 'America/Havana') ?? 0, 'UTC')).to.equal('2026-11-01T04:00:00.000Z');
    // Clocks go from 00:00 on to 01:00.
    const santiago = daysOf('America/Santiago', '2026-09-04', '2026-09-06', '2026-09-08');
    expect(santiago).to.deep.equal([
      [24, 24, 23, 24],
      [24, 24],
      [23, 24],
    ]);
    const beirut = daysOf('Asia/Beirut', '2026-03-27', '2026-03-29', '2026-03-31');
    expect(beirut).to.deep.equal([
      [24, 24, 23, 24],
      [24, 24],
      [23, 24],
    ]);
    // And from 24:00 back to 23:00.
    expect(hoursOf('2026-10-23', '2026-10-26', 'Asia/Beirut')).to.deep.equal([24, 25, 24]);
  });

  it('begins and ends where it is asked to, with whole ones in between', () => {
    const fromMs = Date.parse('2026-03-01T10:20:00Z');
    const found = bucketsBetween(fromMs, fromMs + 2 * HOUR_MS, { step: 'hour', zone: 'UTC' }, 10);
    expect(found.map(({ startMs }) => localInstant(startMs, 'Africa/Douala'))).to.deep.equal([
      '2026-03-01T11:20:00.000+01:00',
      '2026-03-01T12:00:00.000+01:00',
      '2026-03-01T13:00:00.000+01:00',
    ]);
    expect(found.at(-1)?.endMs).to.equal(fromMs + 2 * HOUR_MS);
  });

  it('stops counting when there are too many, and knows a zone from what is none', () => {
    expect(bucketsBetween(0, 1e15, { step: 'hour', zone: 'UTC' }, 10)).to.have.length(11);
    expect(['UTC', 'utc', 'Africa/Nairobi'].every(isTimeZone)).to.equal(true);
    expect(['', 'Mars/Base', '+01:00', 'UTC+1'].some(isTimeZone)).to.equal(false);
    expect(startOfDate('2026-02-30', 'UTC')).to.equal(undefined);
  });
});
