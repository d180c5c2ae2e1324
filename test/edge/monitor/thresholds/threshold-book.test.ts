import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ThresholdBook } from '../../../../edge/monitor/thresholds/threshold-book.js';
import type { ThresholdNews } from '../../../../edge/monitor/thresholds/threshold-records.js';
import { rulesOf } from '../../../../edge/monitor/thresholds/threshold-rules.js';
import type { RegistryView } from '../../../../shared/registry/registry-view.js';
import { formatInstant } from '../../../../shared/time.js';

const START = Date.parse('2026-03-01T12:00:00Z');
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 86_400 * SECOND;

function threshold(id: string, fields: object): RegistryView {
  const view = { _id: `threshold:${id}`, _rev: '1-a', type: 'threshold', id, author: 'admin', schemaVersion: 1 };
  return { ...view, editedAt: '2026-02-01T00:00:00.000Z', ...fields };
}

const HIGH = threshold('high', { field: 'voltageV', high: 250 });

/** A book whose readings come at once: `after` seconds from the start, with the clock at the same time or `nowMs`. */
function bookOf(...views: RegistryView[]) {
  const book = new ThresholdBook();
  book.apply(rulesOf(views), START);
  return using(book);
}

function using(book: ThresholdBook) {
  return {
    book,
    read(afterS: number, voltageV: unknown, more: { device?: string; nowMs?: number; isUnsure?: boolean } = {}) {
      const { device = 'm1', nowMs = START + afterS * SECOND, isUnsure = false } = more;
      const fields = { device, at: formatInstant(START + afterS * SECOND), voltageV };
      book.take([{ type: 'reading', fields }], { isUnsure, nowMs });
      return book;
    },
    apply(...changed: RegistryView[]) {
      book.apply(rulesOf(changed), START);
    },
    told(): string[] {
      return book.untold.map(textOf);
    },
    open(): string[] {
      return book.openSeries().map(({ threshold: id, device, value, limit }) => `${id} ${device} ${value}>${limit}`);
    },
  };
}

function textOf({ state, threshold: id, device, value, at, reason }: ThresholdNews): string {
  const after = (Date.parse(at) - START) / SECOND;
  return `${state} ${id} ${device} ${value} at ${after}${reason === undefined ? '' : ` (${reason})`}`;
}

/** What a program would know that ended and was started again. */
function restarted(book: ThresholdBook) {
  return using(new ThresholdBook(JSON.parse(JSON.stringify(book.record))));
}

describe('a threshold', () => {
  it('raises with the first reading beyond it and clears with the first within, the limit itself included', () => {
    const { read, told, book } = bookOf(HIGH);
    for (const [after, value] of [250, 250.1, 260, 250].entries()) read(after, value);
    expect(told()).to.deep.equal(['raised high m1 250.1 at 1', 'cleared high m1 250 at 3 (within)']);
    const [raised] = book.untold;
    expect(raised).to.deep.equal({
      ...{ state: 'raised', threshold: 'high', device: 'm1', field: 'voltageV' },
      ...{ value: 250.1, bound: 'high', limit: 250, since: '2026-03-01T12:00:01.000Z', at: '2026-03-01T12:00:01.000Z' },
    });
  });

  it('has a lower limit as well, of which zero is one', () => {
    const { read, told } = bookOf(threshold('t', { field: 'voltageV', low: 0, high: 250 }));
    for (const [after, value] of [0, -1, 0, 251].entries()) read(100 * after, value);
    expect(told()).to.deep.equal(['raised t m1 -1 at 100', 'cleared t m1 0 at 200 (within)', 'raised t m1 251 at 300']);
  });

  it('raises only after readings have been beyond for its time, by their own times, without one within', () => {
    const { read, told } = bookOf(threshold('t', { field: 'voltageV', high: 250, forS: 60 }));
    for (const after of [0, 30, 59]) read(after, 300);
    read(59.5, 200);
    for (const after of [61, 120, 120.999]) read(after, 300);
    expect(told()).to.deep.equal([]);
    read(121, 300);
    expect(told()).to.deep.equal(['raised t m1 300 at 121']);
  });

  it('is for every device, or for the one it names, and for numbers of its field alone', () => {
    const one = threshold('one', { field: 'voltageV', high: 250, device: 'm2' });
    const { read, told } = bookOf(HIGH, one);
    for (const value of ['300', true, null, undefined, Number.NaN]) read(0, value);
    expect(told()).to.deep.equal([]);
    read(1, 300);
    read(1, 300, { device: 'm2' });
    expect(told()).to.have.members(['raised high m1 300 at 1', 'raised high m2 300 at 1', 'raised one m2 300 at 1']);
  });

  it('is not applied to predictions', () => {
    const { book, told } = bookOf(HIGH);
    const fields = { model: 'm', device: 'm1', at: formatInstant(START), voltageV: 300 };
    book.take([{ type: 'prediction', fields }], { isUnsure: false, nowMs: START });
    expect(told()).to.deep.equal([]);
  });
});

describe('readings that come late', () => {
  it('change nothing when a newer one of the series has been seen, beyond or within', () => {
    const { read, told } = bookOf(HIGH);
    read(100, 200);
    read(50, 300);
    expect(told()).to.deep.equal([]);
    read(200, 300);
    read(150, 200);
    read(200, 200);
    expect(told()).to.deep.equal(['raised high m1 300 at 200']);
  });

  it('change nothing after a restart either', () => {
    const { read, book } = bookOf(HIGH);
    read(100, 200);
    const again = restarted(book);
    again.apply(HIGH);
    again.read(50, 300);
    expect(again.told()).to.deep.equal([]);
    again.read(101, 300);
    expect(again.told()).to.deep.equal(['raised high m1 300 at 101']);
  });

  it('raise nothing when they are more than a day old, but end what a newer one has ended', () => {
    const { read, told } = bookOf(HIGH);
    read(0, 300, { nowMs: START + DAY + 1 });
    expect(told()).to.deep.equal([]);
    read(1, 300, { nowMs: START + DAY });
    expect(told()).to.deep.equal(['raised high m1 300 at 1']);
    read(2, 200, { nowMs: START + 2 * DAY });
    expect(told().at(-1)).to.equal('cleared high m1 200 at 2 (within)');
  });

  it('are taken after one from a device whose clock was far ahead', () => {
    const { read, told } = bookOf(HIGH);
    read(10 * 365 * 86_400, 300, { nowMs: START });
    read(1, 200);
    expect(told().map((text) => text.split(' ')[0])).to.deep.equal(['raised', 'cleared']);
    read(100, 300);
    expect(told().at(-1)).to.equal('raised high m1 300 at 100');
  });
});

describe('a reading dated in the future', () => {
  const AHEAD_S = 10 * 365 * 86_400;

  it('leaves no alert open for longer than any other when its device falls silent', () => {
    const { read, told, book, open } = bookOf(HIGH);
    read(AHEAD_S, 300, { nowMs: START });
    expect(open()).to.have.length(1);
    book.closeSilent(START + DAY - 1);
    expect(open()).to.have.length(1);
    book.closeSilent(START + DAY + 1);
    expect(open()).to.deep.equal([]);
    expect(told()[0]).to.equal(`raised high m1 300 at ${AHEAD_S}`);
    expect(told()[1]).to.match(/\(silent\)$/);
  });

  it('keeps no later reading back, also after a restart, and does not fill the time of a threshold', () => {
    const { read, told, book } = bookOf(threshold('t', { field: 'voltageV', high: 250, forS: 60 }));
    read(0, 300);
    read(AHEAD_S, 300, { nowMs: START + SECOND });
    expect(told()).to.deep.equal([]);
    const again = restarted(book);
    again.apply(threshold('t', { field: 'voltageV', high: 250, forS: 60 }));
    again.read(60, 300);
    expect(again.told()).to.deep.equal(['raised t m1 300 at 60']);
  });

  it('is taken in its order where the device is always ahead, at the same moment as well', () => {
    const { read, told } = bookOf(HIGH);
    for (const value of [300, 200]) read(AHEAD_S + value, value, { nowMs: START });
    expect(told().map((text) => text.split(' ')[0])).to.deep.equal(['raised', 'cleared']);
  });
});

describe('a village clock that is unsure', () => {
  const LONG_AGO = -20 * 365 * 86_400;

  it('keeps no threshold from being applied, whatever times it gives', () => {
    const { read, told } = bookOf(HIGH);
    read(0, 200);
    read(LONG_AGO, 300, { isUnsure: true });
    read(LONG_AGO + 1, 200, { isUnsure: true });
    expect(told()).to.deep.equal([
      `raised high m1 300 at ${LONG_AGO}`,
      `cleared high m1 200 at ${LONG_AGO + 1} (within)`,
    ]);
  });

  it('leaves open what is open, which a reading of the right time ends, and counts no time across the change', () => {
    const lasting = threshold('lasting', { field: 'voltageV', high: 250, forS: 60 });
    const { read, told, book } = bookOf(HIGH, lasting);
    read(LONG_AGO, 300, { isUnsure: true });
    read(0, 300);
    book.closeSilent(START + MINUTE);
    expect(told()).to.deep.equal([`raised high m1 300 at ${LONG_AGO}`]);
    read(59, 300);
    read(60, 300);
    expect(told().slice(1)).to.deep.equal(['raised lasting m1 300 at 60']);
    read(61, 200);
    expect(told().slice(2)).to.have.length(2);
  });

  it('orders readings anew after it was set back', () => {
    const { read, told, book } = bookOf(HIGH);
    read(0, 200, { isUnsure: true });
    book.take([{ type: 'event', fields: { event: 'clock-step' } }], { isUnsure: true, nowMs: START });
    read(LONG_AGO, 300, { isUnsure: true });
    expect(told()).to.deep.equal([`raised high m1 300 at ${LONG_AGO}`]);
  });
});

describe('a series that flaps', () => {
  it('raises once a minute at most, and is raised then if it is still beyond', () => {
    const { read, told } = bookOf(HIGH);
    for (let second = 0; second < 600; second++) read(second, second % 2 === 0 ? 300 : 200);
    const raised = told().filter((text) => text.startsWith('raised'));
    expect(raised).to.have.length(10);
    expect(told()).to.have.length(20);
    expect(raised[1]).to.equal('raised high m1 300 at 60');
  });

  it('raises no more often after a restart', () => {
    const { read, book } = bookOf(HIGH);
    read(0, 300);
    read(1, 200);
    const again = restarted(book);
    again.apply(HIGH);
    again.read(2, 300);
    expect(again.told()).to.have.length(2);
    again.read(60, 300);
    expect(again.told()).to.have.length(3);
  });
});

describe('alerts of thresholds', () => {
  it('survive a restart and are not raised twice', () => {
    const { read, book } = bookOf(HIGH);
    read(0, 300);
    const again = restarted(book);
    again.apply(HIGH);
    again.read(100, 301);
    expect(again.open()).to.deep.equal(['high m1 301>250']);
    expect(again.told()).to.deep.equal(['raised high m1 300 at 0']);
  });

  it('are told once, though a crash came between the event and what is remembered', () => {
    const { book } = bookOf(HIGH);
    const record = restarted(book).book;
    const { read } = using(book);
    read(0, 300);
    const [news] = book.untold;
    const replay = using(record);
    replay.apply(HIGH);
    replay.read(0, 300);
    expect(replay.told()).to.have.length(1);
    record.take([{ type: 'event', fields: { event: 'threshold', ...news } }], { isUnsure: false, nowMs: START });
    expect(replay.told()).to.deep.equal([]);
    expect(replay.open()).to.have.length(1);
  });

  it('end when the threshold is deleted, is for something else, or lets the last reading pass', () => {
    for (const [change, reason] of [
      [[], 'deleted'],
      [[threshold('high', { field: 'currentA', high: 250 })], 'edited'],
      [[threshold('high', { field: 'voltageV', high: 250, device: 'm2' })], 'edited'],
      [[threshold('high', { field: 'voltageV', high: 300 })], 'edited'],
      [[threshold('high', { field: 'voltageV', low: 250, high: 250 })], 'ignored'],
    ] as const) {
      const { read, told, apply, open } = bookOf(HIGH);
      read(0, 300);
      apply(...change);
      expect(told().at(-1), reason).to.equal(`cleared high m1 300 at 0 (${reason})`);
      expect(open()).to.deep.equal([]);
    }
  });

  it('stay under an edited limit that the last reading is beyond as well, and tell that limit', () => {
    const { read, told, apply, open } = bookOf(HIGH);
    read(0, 300);
    apply(threshold('high', { field: 'voltageV', high: 260, forS: 600 }));
    expect([told().length, open()]).to.deep.equal([1, ['high m1 300>260']]);
  });

  it('end after a day without a reading of the series', () => {
    const { read, told, book } = bookOf(HIGH);
    read(0, 300);
    read(60, 300);
    book.closeSilent(START + MINUTE + DAY);
    expect(told()).to.have.length(1);
    book.closeSilent(START + MINUTE + DAY + 1);
    expect(told().at(-1)).to.equal(`cleared high m1 300 at ${60 + 86_400.001} (silent)`);
  });

  it('and what is known of quiet series take bounded room, however many devices there are', () => {
    const book = new ThresholdBook(undefined, { devices: 10, beyond: 5, untold: 7 });
    book.apply(rulesOf([HIGH]), START);
    const { read } = using(book);
    for (let n = 0; n < 100; n++) read(n, n % 2 === 0 ? 300 : 200, { device: `m${n}` });
    const { newest, rules, untold } = book.record;
    expect([newest.length, rules[0]?.[1].length, untold.length]).to.deep.equal([10, 5, 5]);
    expect(book.unfollowed).to.equal(45);
  });

  it('are of devices with any name', () => {
    const { read, book } = bookOf(HIGH);
    for (const device of ['__proto__', 'constructor', 'm.1']) read(0, 300, { device });
    const again = restarted(book);
    again.apply(HIGH);
    expect(again.open()).to.have.length(3);
  });
});

describe('thresholds that come and go', () => {
  it('leave what is known of the others as it is', () => {
    const current = threshold('current', { field: 'currentA', high: 10 });
    const { read, told, apply, book } = bookOf(current, HIGH);
    read(100, 200);
    apply(HIGH);
    read(50, 300);
    apply(threshold('power', { field: 'powerW', high: 1 }), HIGH);
    read(60, 300);
    apply(threshold('power', { field: 'powerW', high: 1 }), HIGH, current);
    read(70, 300);
    expect(told()).to.deep.equal([]);
    const fields = { device: 'm1', at: formatInstant(START + 50 * SECOND), currentA: 11 };
    book.take([{ type: 'reading', fields }], { isUnsure: false, nowMs: START });
    expect(told()).to.deep.equal(['raised current m1 11 at 50']);
  });
});

describe('thresholds that make no sense', () => {
  it('are ignored, each for a reason that is told, and keep no other from being applied', () => {
    const broken = [
      { field: 'voltageV', low: 250, high: 250 },
      { field: 'voltageV' },
      { field: 7, high: 1 },
      { field: 'voltageV', high: 'much' },
      { field: 'voltageV', low: Number.NaN },
      { field: 'voltageV', high: 1, forS: -1 },
      { field: 'voltageV', high: 1, device: {} },
    ].map((fields, n) => threshold(`b${n}`, fields));
    const { read, told, book } = bookOf(...broken, HIGH);
    read(0, 300);
    expect(told()).to.deep.equal(['raised high m1 300 at 0']);
    expect(book.ignored.map(({ id }) => id)).to.deep.equal(broken.map(({ id }) => id));
    expect(book.ignored[0]?.reason).to.equal('low (250) is not less than high (250)');
  });
});
