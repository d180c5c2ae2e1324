import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { type PostedType, parseTelemetryId, type TelemetryDocument } from '../../shared/documents.js';
import { ReaderGone, type TimeSpan } from '../../shared/range-reader.js';
import {
  listTelemetry,
  parseTelemetryQuery,
  streamTelemetry,
  type TelemetryQuery,
} from '../../shared/telemetry-list.js';
import { MemoryReader, spanOf } from './memory-reader.js';
import { documents, expectedIds, instant, queries, telemetry, types } from './random-telemetry.js';

type Spans = TimeSpan | readonly TimeSpan[] | 'none' | undefined;

/** All true, from knowing nothing to knowing every instant. */
const SPANS: Record<string, (held: readonly TelemetryDocument[], type: PostedType) => Spans> = {
  anything: () => undefined,
  one: spanOf,
  tooWide: () => ({ oldest: instant(-5), newest: instant(20) }),
  overlapping: (held, type) => [...halves(held, type), ...spansOf([held], type)],
  several: (held, type) => halves(held, type),
};

/** Of the documents up to an instant, and of those behind it. */
function halves(held: readonly TelemetryDocument[], type: PostedType): TimeSpan[] {
  const isEarly = (one: TelemetryDocument) => (parseTelemetryId(one._id)?.time ?? '') <= instant(2);
  const late = held.filter((one) => !isEarly(one));
  return spansOf([held.filter(isEarly), late], type);
}

/** One span for each group that holds any. */
function spansOf(groups: readonly (readonly TelemetryDocument[])[], type: PostedType): TimeSpan[] {
  return groups.map((group) => spanOf(group, type)).filter((span) => span !== 'none');
}

const stores = fc.array(
  fc.record({ held: fc.array(documents, { maxLength: 25 }), spans: fc.constantFrom(...Object.keys(SPANS)) }),
  { minLength: 1, maxLength: 8 },
);

/** `count` readers, each of `size` readings of one device a second, one after the other in time. */
function consecutive(count: number, size: number): { readers: MemoryReader[]; held: TelemetryDocument[] } {
  const stored = Array.from({ length: count }, (_, reader) =>
    Array.from({ length: size }, (_, n) =>
      telemetry('kano', 'reading', { device: `m${n % 20}`, at: instant(reader * size + n) }),
    ),
  );
  const readers = stored.map((held) => {
    const span = spanOf(held, 'reading');
    return new MemoryReader(held, () => span);
  });
  return { readers, held: stored.flat() };
}

const idsOf = (items: readonly TelemetryDocument[]) => items.map(({ _id }) => _id);
const entered = (readers: readonly MemoryReader[]) => readers.filter(({ calls }) => calls > 0).length;

async function streamed(readers: readonly MemoryReader[], query: TelemetryQuery, bufferedDocuments?: number) {
  const ids: string[] = [];
  for await (const { _id } of streamTelemetry(readers, 'kano', 'reading', query, bufferedDocuments)) ids.push(_id);
  return ids;
}

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('list over many readers', () => {
  it('gives every matching document once and in order, page after page, whatever true spans the readers name', async () => {
    await fc.assert(
      fc.asyncProperty(stores, types, queries, async (given, type, asked) => {
        const readers = given.map(({ held, spans }) => new MemoryReader(held, (kind) => SPANS[spans]?.(held, kind)));
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const parsed = cursor === undefined ? {} : { cursor: parseTelemetryQuery({ cursor }).cursor };
          const page = await listTelemetry(readers, 'kano', type, { ...asked, ...parsed });
          if (page.next !== undefined) expect(page.items).to.have.length(asked.limit);
          seen.push(...idsOf(page.items));
          cursor = page.next;
        } while (cursor !== undefined);
        const held = given.flatMap((one) => one.held);
        expect(seen).to.deep.equal(expectedIds(held, type, asked));
      }),
      { numRuns: 400 },
    );
  });

  it('touches a reader only when the list has come to its span, and never one outside of what is asked', async () => {
    await fc.assert(
      fc.asyncProperty(stores, types, queries, async (given, type, asked) => {
        const readers = given.map(({ held }) => ({
          span: spanOf(held, type),
          reader: new MemoryReader(held, () => spanOf(held, type)),
        }));
        const touched = () =>
          readers.flatMap(({ span, reader }) => (span === 'none' || reader.calls === 0 ? [] : [span]));
        for await (const { _id } of streamTelemetry(
          readers.map(({ reader }) => reader),
          'kano',
          type,
          asked,
        )) {
          const time = parseTelemetryId(_id)?.time ?? '';
          for (const { oldest, newest } of touched()) {
            if (asked.order === 'asc') expect(oldest <= time, `${oldest} after ${time}`).to.equal(true);
            else expect(newest >= time, `${newest} before ${time}`).to.equal(true);
          }
        }
        for (const { oldest, newest } of touched()) {
          if (asked.from !== undefined) expect(newest >= asked.from).to.equal(true);
          if (asked.to !== undefined) expect(oldest < asked.to).to.equal(true);
        }
        for (const { reader, span } of readers) if (span === 'none') expect(reader.calls).to.equal(0);
      }),
      { numRuns: 400 },
    );
  });

  it('enters at most two of fifty consecutive readers for a page of 100, wherever the page begins', async () => {
    const { readers, held } = consecutive(50, 110);
    for (const order of ['asc', 'desc'] as const) {
      const wanted = expectedIds(held, 'reading', parseTelemetryQuery({ order }));
      let cursor: string | undefined;
      for (let start = 0; start < wanted.length; start += 100) {
        for (const reader of readers) reader.calls = 0;
        const query = parseTelemetryQuery({ order, ...(cursor === undefined ? {} : { cursor }) });
        const page = await listTelemetry(readers, 'kano', 'reading', query);
        expect(idsOf(page.items)).to.deep.equal(wanted.slice(start, start + 100));
        expect(entered(readers)).to.be.within(1, 2);
        cursor = page.next;
      }
      expect(cursor).to.equal(undefined);
    }
    for (const reader of readers) reader.calls = 0;
    await listTelemetry(readers, 'kano', 'reading', parseTelemetryQuery({ from: instant(25 * 110 + 7) }));
    expect(entered(readers)).to.equal(1);
  });

  it('is not slowed down by a clock that was decades behind for a moment, when the reader names both spans', async () => {
    const stored = Array.from({ length: 10 }, (_, day) => [
      telemetry('kano', 'reading', { device: 'm0', at: `1970-01-01T00:00:0${day}.000Z` }),
      ...Array.from({ length: 60 }, (_, n) =>
        telemetry('kano', 'reading', { device: 'm0', at: instant(day * 60 + n) }),
      ),
    ]);
    const readers = stored.map(
      ([odd, ...held]) =>
        new MemoryReader(odd ? [odd, ...held] : held, (type) => spansOf([odd ? [odd] : [], held], type)),
    );
    const query = parseTelemetryQuery({ from: instant(5 * 60), limit: '50' });
    const page = await listTelemetry(readers, 'kano', 'reading', query);
    expect(idsOf(page.items)).to.deep.equal(expectedIds(stored.flat(), 'reading', query).slice(0, 50));
    expect(entered(readers)).to.equal(1);
  });

  it('holds few documents in memory, however many readers overlap', async () => {
    const bufferedDocuments = 600;
    const stored = Array.from({ length: 12 }, (_, reader) =>
      Array.from({ length: 900 }, (_, n) =>
        telemetry('kano', 'reading', { device: `m${reader}-${n % 5}`, at: instant(reader * 10 + n) }),
      ),
    );
    const read = new Set<string>();
    const readers = stored.map((held) => new MemoryReader(held, (type) => spanOf(held, type)));
    for (const reader of readers) reader.onRead = (id) => read.add(id);
    let listed = 0;
    let mostHeld = 0;
    const query = parseTelemetryQuery({});
    for await (const _ of streamTelemetry(readers, 'kano', 'reading', query, bufferedDocuments)) {
      mostHeld = Math.max(mostHeld, read.size - ++listed);
    }
    expect(listed).to.equal(12 * 900);
    // Beyond the bound each of the 60 series may hold the fewest that are ever read at once.
    expect(mostHeld).to.be.at.most(bufferedDocuments + 60 * 6);
  });

  it('reads several series of a reader at the same time, but no more than eight', async () => {
    const { readers } = consecutive(3, 100);
    await streamed(readers, parseTelemetryQuery({}));
    expect(Math.max(...readers.map(({ mostUnderWay }) => mostUnderWay))).to.be.within(2, 8);
  });

  it('keeps its order when a document is written behind it into a reader it has not come to', async () => {
    const { readers, held } = consecutive(3, 50);
    const seen: string[] = [];
    for await (const { _id } of streamTelemetry(readers, 'kano', 'reading', parseTelemetryQuery({}))) {
      if (seen.push(_id) === 40) readers[2]?.insert(telemetry('kano', 'reading', { device: 'm3', at: instant(0.5) }));
    }
    expect(seen).to.deep.equal(expectedIds(held, 'reading', parseTelemetryQuery({})));
  });

  it('fails when a reader fails, at whichever call: a list is never shorter without a word', async () => {
    const { readers: counted } = consecutive(3, 100);
    await streamed(counted, parseTelemetryQuery({}), 100);
    const calls = counted[1]?.calls ?? 0;
    expect(calls).to.be.above(40);
    for (let failing = 0; failing < calls; failing++) {
      const { readers } = consecutive(3, 100);
      const failure = new Error(`call ${failing}`);
      for (const reader of readers.slice(1, 2))
        reader.beforeCall = (call) => {
          if (call >= failing) throw failure;
        };
      expect(await rejection(streamed(readers, parseTelemetryQuery({}), 100))).to.equal(failure);
    }
  });

  it('passes over a reader that is gone, at whichever call, and gives all of the others', async () => {
    const { readers: counted, held } = consecutive(3, 100);
    const all = await streamed(counted, parseTelemetryQuery({}), 100);
    const calls = counted[1]?.calls ?? 0;
    const others = idsOf([...held.slice(0, 100), ...held.slice(200)]);
    for (let gone = 0; gone < calls; gone++) {
      const { readers } = consecutive(3, 100);
      for (const reader of readers.slice(1, 2))
        reader.beforeCall = (call) => {
          if (call >= gone) throw new ReaderGone('segment 2 was deleted');
        };
      const seen = await streamed(readers, parseTelemetryQuery({}), 100);
      expect(seen).to.include.members(others);
      expect(seen).to.deep.equal(all.filter((id) => seen.includes(id)));
      if (gone === 0) expect(seen).to.have.length(others.length);
    }
  });
});
