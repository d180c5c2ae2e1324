import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { AppError } from '../../shared/app-error.js';
import { listTelemetry, parseTelemetryQuery, streamTelemetry } from '../../shared/telemetry-list.js';
import { MemoryReader } from './memory-reader.js';
import { documents, expectedIds, instant, queries, telemetry, types } from './random-telemetry.js';

const stores = fc.array(fc.array(documents, { maxLength: 60 }), { minLength: 1, maxLength: 3 });

describe('telemetry list', () => {
  it('gives, page after page, every matching document once and in order, from any number of readers', async () => {
    await fc.assert(
      fc.asyncProperty(stores, types, queries, async (held, kind, asked) => {
        const readers = held.map((one) => new MemoryReader(one));
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const parsed = cursor === undefined ? {} : { cursor: parseTelemetryQuery({ cursor }).cursor };
          const page = await listTelemetry(readers, 'kano', kind, { ...asked, ...parsed });
          expect(page.items.length).to.be.at.most(asked.limit);
          if (page.next !== undefined) expect(page.items).to.have.length(asked.limit);
          seen.push(...page.items.map((one) => one._id));
          cursor = page.next;
        } while (cursor !== undefined);
        expect(seen).to.deep.equal(expectedIds(held.flat(), kind, asked));
      }),
      { numRuns: 600 },
    );
  });

  it('keeps many issue times of one forecast time in order, over the edges of pages', async () => {
    const held = Array.from({ length: 50 }, (_, n) =>
      telemetry('kano', 'prediction', { model: 'pv', at: instant(n), for: instant(100 + Math.floor(n / 25)) }, n),
    );
    for (const order of ['asc', 'desc'] as const) {
      const seen: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await listTelemetry([new MemoryReader(held)], 'kano', 'prediction', {
          ...parseTelemetryQuery({ order, limit: '7', ...(cursor === undefined ? {} : { cursor }) }),
        });
        seen.push(...page.items.map((one) => one.seq));
        cursor = page.next;
      } while (cursor !== undefined);
      const wanted = Array.from({ length: 50 }, (_, n) => n);
      expect(seen).to.deep.equal(order === 'asc' ? wanted : wanted.reverse());
    }
  });

  it('reads few documents of each series at a time, however long the series are', async () => {
    const held = Array.from({ length: 4000 }, (_, n) =>
      telemetry('kano', 'reading', { device: `m${n % 40}`, at: instant(n) }, n),
    );
    const reader = new MemoryReader(held);
    const seen: number[] = [];
    for await (const one of streamTelemetry([reader], 'kano', 'reading', parseTelemetryQuery({}), 400))
      seen.push(one.seq);
    expect(seen).to.deep.equal(held.map((one) => one.seq));
    expect(reader.longestRead).to.be.at.most(12);
    // About ten at a time to the end, and not the fewest there may be: 41 calls to find the series, a dozen for each.
    expect(reader.calls).to.be.at.most(41 + 40 * 12);
  });

  it('names the parameter that is wrong or unknown', () => {
    const messageOf = (parameters: Record<string, unknown>) => {
      try {
        parseTelemetryQuery(parameters);
      } catch (error) {
        return error instanceof AppError ? error.message : error;
      }
      return undefined;
    };
    for (const limit of ['0', '1001', 'x', '1.5']) {
      expect(messageOf({ limit })).to.equal('the parameter limit must be a whole number from 1 to 1000');
    }
    expect(messageOf({ ordr: 'asc' })).to.equal('the parameter ordr is not known here');
    for (const name of ['device', 'from', 'limit', 'order', 'cursor']) {
      expect(messageOf({ [name]: ['a', 'b'] })).to.equal(`the parameter ${name} must be given once`);
    }
    expect(messageOf({ cursor: 'bm9wZQ' })).to.equal('the parameter cursor is not a cursor this program gave');
  });
});
