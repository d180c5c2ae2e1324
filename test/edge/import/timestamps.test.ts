import { expect } from 'chai';
import fc from 'fast-check';
import { DateTime, FixedOffsetZone } from 'luxon';
import { describe, it } from 'mocha';
import { parseTimeZone, WallClock } from '../../../edge/import/time-zones.js';
import { TimeReader } from '../../../edge/import/timestamps.js';
import { AppError } from '../../../shared/app-error.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

function read(texts: string[], timeZone = 'UTC', timeFormat?: string): string[] {
  const reader = new TimeReader({ timeZone, timeFormat });
  return texts.map((text) => {
    const time = reader.read(text);
    return 'at' in time ? time.at : time.problem;
  });
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The wall time an instant has by Intl, which is not what the code under test asks. */
function wallByIntl(instantMs: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (!format) {
    const [numeric, hourCycle] = ['numeric', 'h23'] as const;
    const units = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric };
    format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle, ...units });
    formats.set(timeZone, format);
  }
  const parts = format.formatToParts(instantMs);
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value);
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

const zones = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
/** Zones and days on which their clocks changed, by as little as 30 minutes and as much as a day. */
const changes = fc.constantFrom(
  ['America/Denver', '2022-03-13'],
  ['America/Denver', '2022-11-06'],
  ['Europe/Berlin', '2024-10-27'],
  ['Australia/Lord_Howe', '2023-04-02'],
  ['Australia/Lord_Howe', '2023-10-01'],
  ['Pacific/Apia', '2011-12-30'],
  ['Africa/Casablanca', '2024-03-10'],
  ['Antarctica/Troll', '2022-10-30'],
  ['America/St_Johns', '2010-11-07'],
);
const minutesSince1972 = fc.integer({ min: 2 * 365 * 24 * 60, max: 70 * 365 * 24 * 60 });

describe('local times', () => {
  it('are the instants at which clocks there show them, in any zone', () => {
    fc.assert(
      fc.property(zones, minutesSince1972, (zone, minutes) => {
        const instantMs = minutes * MINUTE_MS;
        const wallMs = wallByIntl(instantMs, zone);
        const found = new WallClock(parseTimeZone(zone)).instantsOf(wallMs);
        expect(found).to.include(instantMs);
        for (const each of found) expect(wallByIntl(each, zone)).to.equal(wallMs);
      }),
      { numRuns: 400 },
    );
  });

  it('are none or two where clocks change, exactly as trying every offset finds', () => {
    fc.assert(
      fc.property(changes, fc.integer({ min: -2 * 96, max: 3 * 96 }), ([zone = '', day = ''], quarters) => {
        const wallMs = Date.parse(day) + quarters * 15 * MINUTE_MS;
        const tried = Array.from({ length: 4 * 29 }, (_, n) => wallMs + (n - 60) * 15 * MINUTE_MS);
        const expected = tried.filter((instantMs) => wallByIntl(instantMs, zone) === wallMs);
        const clock = new WallClock(parseTimeZone(zone));
        expect(clock.instantsOf(wallMs)).to.deep.equal(expected);
        expect(clock.instantsOf(wallMs + 20 * DAY_MS)).to.have.length(1);
        expect(clock.instantsOf(wallMs)).to.deep.equal(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('follow the order of the file through the doubled hour, forwards and backwards, and again the same', () => {
    const quarters = Array.from({ length: 24 }, (_, n) => Date.parse('2022-11-06T05:00:00Z') + n * 15 * MINUTE_MS);
    const written = (ms: number) => DateTime.fromMillis(ms, { zone: 'America/Denver' }).toFormat('M/d/yyyy H:mm');
    const expected = quarters.map((ms) => new Date(ms).toISOString());
    expect(new Set(quarters.map(written)).size).to.equal(20);
    expect(read(quarters.map(written), 'America/Denver')).to.deep.equal(expected);
    expect(read(quarters.map(written), 'America/Denver')).to.deep.equal(expected);
    expect(read(quarters.map(written).reverse(), 'America/Denver')).to.deep.equal(expected.toReversed());
  });

  it('that never happen are a problem', () => {
    expect(read(['2022-03-13 02:30', '2022-03-13 03:00'], 'America/Denver')).to.deep.equal([
      '"2022-03-13 02:30" does not exist in America/Denver: clocks were put forward over it',
      '2022-03-13T09:00:00.000Z',
    ]);
  });

  it('take a zone by name or by offset, and no other', () => {
    for (const zone of ['UTC-7', 'utc-07:00', '-07:00', '-7', 'Etc/GMT+7', 'America/Phoenix']) {
      expect(read(['2022-01-01 00:00'], zone), zone).to.deep.equal(['2022-01-01T07:00:00.000Z']);
    }
    expect(read(['2022-01-01 00:00'], 'UTC+5:45')).to.deep.equal(['2021-12-31T18:15:00.000Z']);
    for (const zone of ['', 'Mars/Olympus', '+15:00', 'UTC+3:75', '7', 'local']) {
      expect(() => parseTimeZone(zone), zone).to.throw(AppError, '--tz');
    }
  });
});

describe('times in a file', () => {
  it('are read in the usual forms', () => {
    const cases: Record<string, string> = {
      '2022-03-18 04:33:00-07:00': '2022-03-18T11:33:00.000Z',
      '2022-03-18T04:33:00.123456+0545': '2022-03-17T22:48:00.123Z',
      '2022-03-18T04:33Z': '2022-03-18T04:33:00.000Z',
      '2022-03-18 04:33:05 UTC': '2022-03-18T04:33:05.000Z',
      '2022-03-18 04:33:05 +01': '2022-03-18T03:33:05.000Z',
      '2022-03-18 4:33': '2022-03-18T04:33:00.000Z',
      '2022-3-8': '2022-03-08T00:00:00.000Z',
      '2022/03/18 04:33': '2022-03-18T04:33:00.000Z',
      '1/2/2022 0:00': '2022-01-02T00:00:00.000Z',
      '12/31/2022 12:05 AM': '2022-12-31T00:05:00.000Z',
      '12/31/2022 12:05:07 pm': '2022-12-31T12:05:07.000Z',
      '2/29/2024': '2024-02-29T00:00:00.000Z',
      '18.3.2022 4:33': '2022-03-18T04:33:00.000Z',
      '2022-12-31 24:00': '2023-01-01T00:00:00.000Z',
      '1647603180': '2022-03-18T11:33:00.000Z',
      '1647603180.25': '2022-03-18T11:33:00.250Z',
      '1647603180123': '2022-03-18T11:33:00.123Z',
    };
    for (const [text, at] of Object.entries(cases)) expect(read([text]), text).to.deep.equal([at]);
  });

  it('are refused with a sentence when they are no time', () => {
    const cases: Record<string, string> = {
      '18/3/2022 4:33': '--time-format',
      '2/29/2022 0:00': 'calendar',
      '2022-13-01': 'calendar',
      '2022-01-01 24:01': 'calendar',
      '2022-01-01 10:60': 'calendar',
      '2022-01-01 13:00 PM': '12-hour',
      '2022-01-01T00:00:00+25:00': 'offset',
      '2022-01/01': 'recognised',
      '12:30': 'recognised',
      '164760318': 'recognised',
      now: 'recognised',
    };
    for (const [text, sentence] of Object.entries(cases)) {
      expect(read([text])[0], text)
        .to.contain(sentence)
        .and.to.contain(JSON.stringify(text));
    }
  });

  it('with an offset are that instant whatever the zone', () => {
    fc.assert(
      fc.property(minutesSince1972, fc.integer({ min: -14 * 4, max: 14 * 4 }), zones, (minutes, quarters, zone) => {
        const time = DateTime.fromMillis(minutes * MINUTE_MS, { zone: FixedOffsetZone.instance(quarters * 15) });
        const texts = [time.toISO() ?? '', time.toFormat('yyyy/MM/dd H:mm ZZ'), time.toFormat('M/d/yyyy h:mm a ZZZ')];
        const at = new Date(minutes * MINUTE_MS).toISOString();
        expect(read(texts, zone)).to.deep.equal([at, at, at]);
      }),
      { numRuns: 100 },
    );
  });

  it('are read in a format of their own, in the zone unless the format has an offset', () => {
    expect(read(['18/3/22 04:33', '3/18/22 04:33'], 'UTC-7', 'd/M/yy HH:mm')).to.deep.equal([
      '2022-03-18T11:33:00.000Z',
      '"3/18/22 04:33" is not written as --time-format "d/M/yy HH:mm" says',
    ]);
    expect(read(['18-Mar-2022 04.33 pm'], 'UTC', 'd-MMM-yyyy hh.mm a')).to.deep.equal(['2022-03-18T16:33:00.000Z']);
    expect(read(['20220318043300+0100'], 'UTC-7', 'yyyyMMddHHmmssZZZ')).to.deep.equal(['2022-03-18T03:33:00.000Z']);
    expect(read(['077 2022'], 'UTC-7', 'ooo yyyy')).to.deep.equal(['2022-03-18T07:00:00.000Z']);
    expect(read(['6.11.2022 1:30', '6.11.2022 1:30'], 'America/Denver', 'd.M.yyyy H:mm')).to.deep.equal([
      '2022-11-06T07:30:00.000Z',
      '2022-11-06T08:30:00.000Z',
    ]);
  });

  it('are not read in a format that cannot tell when they are', () => {
    for (const format of [
      '',
      'HH:mm',
      'd/M HH:mm',
      'M/yyyy',
      'd/M/yyyy hh:mm',
      'd/M/yyyy HH:mm a',
      'nonsense',
      'X',
      'd/M/yyyy z',
    ]) {
      expect(() => read([], 'UTC', format), format).to.throw(AppError, '--time-format');
    }
  });
});
