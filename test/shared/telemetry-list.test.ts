import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { AppError } from '../../shared/app-error.js';
import { parseTelemetryId, type TelemetryDocument, telemetryId } from '../../shared/documents.js';
import type { RangeReader } from '../../shared/range-reader.js';
import {
  listTelemetry,
  parseTelemetryQuery,
  streamTelemetry,
  type TelemetryQuery,
} from '../../shared/telemetry-list.js';
import { formatInstant } from '../../shared/time.js';

/** Reads from an array; remembers the longest answer, to show that chunks stay small. */
class MemoryReader implements RangeReader {
  readonly #documents: TelemetryDocument[];
  longestRead = 0;

  constructor(documents: TelemetryDocument[]) {
    this.#documents = [...documents].sort((a, b) => (a._id < b._id ? -1 : 1));
  }

  async readRange({ startId, endId, descending, limit }: Parameters<RangeReader['readRange']>[0]) {
    const [low, high] = descending ? [endId, startId] : [startId, endId];
    const within = this.#documents.filter(({ _id: id }) => id >= low && id <= high);
    const found = (descending ? within.reverse() : within).slice(0, limit);
    this.longestRead = Math.max(this.longestRead, found.length);
    return found;
  }

  async firstId(startId: string, endId: string) {
    return this.#documents.find(({ _id: id }) => id >= startId && id <= endId)?._id;
  }
}

const EPOCH = Date.parse('2026-03-01T00:00:00.000Z');
const instant = (step: number) => formatInstant(EPOCH + step * 1000);
const timeStep = fc.integer({ min: 0, max: 6 });
/** Names that sort on both sides of one another's prefixes: the traps of prefix order. */
const name = fc.constantFrom('a', 'a-b', 'a.b', 'a0', 'A', 'ab', 'b', '_');
const village = fc.constantFrom('kano', 'kano-2');

const document = fc
  .record({ village, isReading: fc.boolean(), name, device: fc.option(name), at: timeStep, for: fc.option(timeStep) })
  .map((given): TelemetryDocument => {
    const type = given.isReading ? 'reading' : 'prediction';
    const fields = given.isReading
      ? { device: given.name, at: instant(given.at) }
      : {
          model: given.name,
          at: instant(given.at),
          ...(given.device === null ? {} : { device: given.device }),
          ...(given.for === null ? {} : { for: instant(given.for) }),
        };
    return {
      _id: telemetryId(given.village, type, fields),
      _rev: '1-a',
      type,
      village: given.village,
      node: 'abcd',
      seq: 1,
      boot: 0,
      ...fields,
    };
  });

const query = fc
  .record({
    device: fc.option(name, { nil: undefined }),
    model: fc.option(name, { nil: undefined }),
    from: fc.option(timeStep, { nil: undefined }),
    to: fc.option(timeStep, { nil: undefined }),
    order: fc.constantFrom('asc' as const, 'desc' as const),
    limit: fc.integer({ min: 1, max: 9 }),
  })
  .map(
    (given): TelemetryQuery => ({
      ...given,
      from: given.from === undefined ? undefined : instant(given.from),
      to: given.to === undefined ? undefined : instant(given.to),
    }),
  );

/** What a list must give, by looking at every document. */
function expected(documents: TelemetryDocument[], type: 'reading' | 'prediction', asked: TelemetryQuery): string[] {
  const unique = new Map(documents.map((one) => [one._id, one]));
  const matching = [...unique.values()].filter((one) => {
    const time = parseTelemetryId(one._id)?.time ?? '';
    if (one.village !== 'kano' || one.type !== type) return false;
    if (asked.device !== undefined && one.device !== asked.device) return false;
    if (asked.model !== undefined && one.model !== asked.model) return false;
    return time >= (asked.from ?? '') && (asked.to === undefined || time < asked.to);
  });
  const key = (id: string) => `${parseTelemetryId(id)?.time} ${id}`;
  const ids = matching.map((one) => one._id).sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return asked.order === 'asc' ? ids : ids.reverse();
}

const stores = fc.array(fc.array(document, { maxLength: 60 }), { minLength: 1, maxLength: 3 });
const type = fc.constantFrom('reading' as const, 'prediction' as const);

describe('telemetry list', () => {
  it('gives, page after page, every matching document once and in order, from any number of readers', async () => {
    await fc.assert(
      fc.asyncProperty(stores, type, query, async (held, kind, asked) => {
        const readers = held.map((documents) => new MemoryReader(documents));
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
        expect(seen).to.deep.equal(expected(held.flat(), kind, asked));
      }),
      { numRuns: 600 },
    );
  });

  it('keeps many issue times of one forecast time in order, over the edges of pages', async () => {
    const documents = Array.from({ length: 50 }, (_, n) => {
      const fields = { model: 'pv', at: instant(n), for: instant(100 + Math.floor(n / 25)) };
      const _id = telemetryId('kano', 'prediction', fields);
      return {
        _id,
        _rev: '1-a',
        type: 'prediction' as const,
        village: 'kano',
        node: 'abcd',
        seq: n,
        boot: 0,
        ...fields,
      };
    });
    for (const order of ['asc', 'desc'] as const) {
      const seen: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await listTelemetry([new MemoryReader(documents)], 'kano', 'prediction', {
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
    const documents = Array.from({ length: 4000 }, (_, n) => {
      const fields = { device: `m${n % 40}`, at: instant(n) };
      const _id = telemetryId('kano', 'reading', fields);
      return { _id, _rev: '1-a', type: 'reading' as const, village: 'kano', node: 'abcd', seq: n, boot: 0, ...fields };
    });
    const reader = new MemoryReader(documents);
    const seen: number[] = [];
    for await (const one of streamTelemetry([reader], 'kano', 'reading', parseTelemetryQuery({}), 400))
      seen.push(one.seq);
    expect(seen).to.deep.equal(documents.map((one) => one.seq));
    expect(reader.longestRead).to.be.at.most(12);
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
