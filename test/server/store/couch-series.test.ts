import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { likelySeries, seriesBelow } from '../../../server/store/couch-series.js';
import { KnownSeries } from '../../../server/store/known-series.js';
import { MemoryReader, TogetherReader } from '../../shared/memory-reader.js';
import { instant, telemetry } from '../../shared/random-telemetry.js';

const TIMES = ['0001-01-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'];

/** The series of these devices, each with readings so far apart that a cut may go between them, with the first of them. */
function readerOf(devices: readonly string[]): { reader: TogetherReader; expected: [string, string][] } {
  const names = [...new Set(devices)];
  const of = (device: string) => TIMES.map((at) => telemetry('kano', 'reading', { device, at }));
  const prefixes = names.map((device): [string, string] => [`kano:r:${device}:`, `kano:r:${device}:${TIMES[0]}`]);
  return {
    reader: new TogetherReader(names.flatMap(of)),
    expected: prefixes.sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

async function found(reader: TogetherReader, scope = 'kano:r:'): Promise<[string, string][]> {
  return (await reader.seriesBelow(scope)).map(({ prefix, first }) => [prefix, first._id]);
}

describe('the search for series with questions asked together', () => {
  it('finds every series with its first document, whatever the devices are called', async () => {
    const name = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9._-]{1,4}$/),
      fc.stringMatching(/^b[9z]{0,3}$/),
      fc.nat(3000).map((n) => `meter-${n}`),
      fc.nat(60).map((n) => `house.block-7.meter_${String(n).padStart(6, '0')}`),
      fc.constantFrom('z'.repeat(64), `${'z'.repeat(63)}-`, '-', '_', '.'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(name, { maxLength: 150 }), async (devices) => {
        const { reader, expected } = readerOf(devices);
        expect(await found(reader)).to.deep.equal(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('finds every series also where others were known before, some of them gone', async () => {
    const name = fc.stringMatching(/^[a-c.-]{1,3}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(name), fc.uniqueArray(name), async (devices, before) => {
        const { reader, expected } = readerOf(devices);
        const known = likelySeries(
          'kano:r:',
          before.map((device) => `kano:r:${device}:`),
          [],
        );
        const series = await seriesBelow((ranges) => reader.readRanges(ranges), 'kano:r:', known);
        expect(series.map(({ prefix, first }) => [prefix, first._id])).to.deep.equal(expected);
      }),
      { numRuns: 300 },
    );
    const { reader, expected } = readerOf(Array.from({ length: 500 }, (_, n) => `m${n}`));
    const known = expected.map(([prefix]) => ({ prefix }));
    expect(await seriesBelow((ranges) => reader.readRanges(ranges), 'kano:r:', known)).to.have.length(500);
    // One for each, and two behind them all.
    expect(reader.calls).to.equal(502);
  });

  it('finds every series whatever document is guessed to be the last of which, and names as the last only what is', async () => {
    const name = fc.stringMatching(/^[a-c.-]{1,3}$/);
    const guess = fc.tuple(name, fc.constantFrom(...TIMES, instant(7)));
    await fc.assert(
      fc.asyncProperty(fc.array(name), fc.array(guess), fc.array(name), async (devices, guesses, before) => {
        const { reader, expected } = readerOf(devices);
        const ids = guesses.map(([device, at]) => `kano:r:${device}:${at}`);
        const prefixes = before.map((device) => `kano:r:${device}:`);
        const series = await seriesBelow(
          (ranges) => reader.readRanges(ranges),
          'kano:r:',
          likelySeries('kano:r:', prefixes, [...ids, 'kano:p:a:b:c', 'kano:r:!', '']),
        );
        expect(series.map(({ prefix, first }) => [prefix, first._id])).to.deep.equal(expected);
        for (const { prefix, last } of series) expect([undefined, prefix + TIMES[2]]).to.include(last?._id);
      }),
      { numRuns: 500 },
    );
  });

  it('takes one question for each series whose last document is guessed, and then knows it', async () => {
    const { reader, expected } = readerOf(Array.from({ length: 500 }, (_, n) => `m${n}`));
    const likely = expected.map(([prefix]) => ({ prefix, lastId: prefix + TIMES[2] }));
    const series = await seriesBelow((ranges) => reader.readRanges(ranges), 'kano:r:', likely);
    expect(series.map(({ prefix, first }) => [prefix, first._id])).to.deep.equal(expected);
    expect(series.map(({ last }) => last?._id)).to.deep.equal(likely.map(({ lastId }) => lastId));
    // And two for the part before the first of them and the end of the last one.
    expect(reader.calls).to.be.at.most(502);
    expect(reader.longestRead).to.equal(2);
    expect(reader.questions).to.equal(1);
  });

  it('remembers what was asked for last, and no more than it may', () => {
    const remembered = new KnownSeries(5);
    remembered.keep('a', ['1', '2']);
    remembered.keep('b', ['1', '2', '3']);
    remembered.keep('a', ['1', '2', '4']);
    expect(remembered.below('a')).to.deep.equal(['1', '2', '4']);
    expect(remembered.below('b')).to.deep.equal([]);
    remembered.keep('c', ['1', '2', '3', '4', '5', '6']);
    expect([remembered.below('a'), remembered.below('c')]).to.deep.equal([[], []]);
  });

  it('is not led astray by ids that are no telemetry', async () => {
    const { reader, expected } = readerOf(Array.from({ length: 40 }, (_, n) => `m${n}`));
    for (const id of ['kano:r:', 'kano:r:!', 'kano:r:m1', 'kano:r:m10:x', 'kano:r:m3/', 'kano:r:~']) {
      reader.insert({ ...telemetry('kano', 'reading', { device: 'a', at: instant(1) }), _id: id });
    }
    expect(await found(reader)).to.deep.equal(expected);
  });

  it('takes little more than a question for each series, in few requests', async () => {
    const numbered = Array.from({ length: 500 }, (_, n) => `meter-${String(n + 1).padStart(4, '0')}`);
    const clustered = [...numbered.slice(0, 450).map((name) => `house.block-7.${name}`), ...numbered.slice(0, 50)];
    for (const devices of [numbered, clustered, Array.from({ length: 500 }, () => randomUUID())]) {
      const { reader } = readerOf(devices);
      expect(await found(reader)).to.have.length(500);
      expect(reader.calls, 'questions').to.be.below(900);
      expect(reader.questions, 'requests').to.be.below(40);
    }
    const { reader } = readerOf(['only']);
    await found(reader);
    expect(reader.calls, 'questions for one device').to.equal(2);
  });

  it('asks no more than a bounded number of ranges at once', async () => {
    const { reader } = readerOf(Array.from({ length: 2000 }, (_, n) => `m${n}`));
    expect(await found(reader)).to.have.length(2000);
    expect(reader.mostUnderWay).to.be.at.most(2 * 48);
  });

  it('is empty where there is nothing', async () => {
    expect(await new TogetherReader([]).seriesBelow('kano:r:')).to.deep.equal([]);
    expect(new MemoryReader([])).not.to.have.property('readRanges');
  });
});
