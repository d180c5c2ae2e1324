import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { formatInstant, parseInstant, sleep } from '../../shared/time.js';
import { itWithSeed } from '../support/seeds.js';

const MIN_MS = Date.parse('0000-01-01T00:00:00.000Z');
const MAX_MS = Date.parse('9999-12-31T23:59:59.999Z');
const ms = fc.oneof(
  fc.integer({ min: MIN_MS, max: MAX_MS }),
  fc.integer({ min: Date.parse('1969-01-01T00:00:00Z'), max: Date.parse('2100-01-01T00:00:00Z') }),
  fc.constantFrom(MIN_MS, MAX_MS, 0, -1),
);
const two = (n: number): string => String(n).padStart(2, '0');

/** The instant written with an offset, as a clock on the wall there would show it. */
function withOffset(instantMs: number, offsetMinutes: number, fraction: string, separator: string): string | undefined {
  const local = instantMs + offsetMinutes * 60_000;
  if (local < MIN_MS || local > MAX_MS) return undefined;
  const [date, rest] = new Date(local).toISOString().split('T');
  const sign = offsetMinutes < 0 ? '-' : '+';
  const minutes = Math.abs(offsetMinutes);
  return `${date}${separator}${rest?.slice(0, 8)}${fraction}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

describe('instants', () => {
  itWithSeed('come back from their text as they were, and the text sorts by time', (_, seed) => {
    fc.assert(
      fc.property(ms, ms, (a, b) => {
        expect(parseInstant(formatInstant(a))).to.equal(a);
        expect(formatInstant(a)).to.have.length(24);
        expect(formatInstant(a) < formatInstant(b)).to.equal(a < b);
      }),
      { seed, numRuns: 2000 },
    );
  });

  itWithSeed('are the same in any offset and with any number of digits, cut off at milliseconds', (_, seed) => {
    const offset = fc.integer({ min: -(23 * 60 + 59), max: 23 * 60 + 59 });
    const digits = fc.stringMatching(/^\d{0,12}$/);
    fc.assert(
      fc.property(ms, offset, digits, fc.constantFrom('T', 't', ' '), (instantMs, minutes, fraction, separator) => {
        const second = Math.floor(instantMs / 1000) * 1000;
        const text = withOffset(second, minutes, fraction === '' ? '' : `.${fraction}`, separator);
        if (text === undefined) return;
        const wanted = second + Number(fraction.slice(0, 3).padEnd(3, '0'));
        expect(parseInstant(text), text).to.equal(wanted > MAX_MS ? undefined : wanted);
      }),
      { seed, numRuns: 2000 },
    );
  });

  itWithSeed('agree with Date on which days there are', (_, seed) => {
    const field = (max: number) => fc.integer({ min: 0, max });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9999 }),
        field(13),
        field(32),
        field(25),
        field(61),
        (year, month, day, hour, minute) => {
          const text = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:00Z`;
          const known = Date.parse(text);
          const exists = !Number.isNaN(known) && new Date(known).toISOString().startsWith(text.slice(0, 16));
          expect(parseInstant(text), text).to.equal(exists ? known : undefined);
        },
      ),
      { seed, numRuns: 3000 },
    );
  });
});

describe('sleep', () => {
  it('ends at once when it is called off, before or meanwhile', async () => {
    const began = performance.now();
    const leave = new AbortController();
    const sleeping = sleep(60_000, leave.signal);
    leave.abort();
    await sleeping;
    await sleep(60_000, leave.signal);
    expect(performance.now() - began).to.be.lessThan(5_000);
  });
});
