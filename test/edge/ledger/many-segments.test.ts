import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { PostedDocument } from '../../../shared/documents.js';
import { listTelemetry } from '../../../shared/telemetry-list.js';
import { formatInstant } from '../../../shared/time.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { openStore, type Store, upTo } from './store-under-test.js';

const EPOCH = Date.parse('2026-03-01T00:00:00.000Z');
const SEGMENTS = 30;
const PER_SEGMENT = 8;
/** One is written to, and four more may stay open. */
const A_HANDFUL = 5;

/** Two meters, ten minutes apart. */
const reading = (n: number): PostedDocument => ({
  type: 'reading',
  fields: { device: `m${n % 2}`, at: formatInstant(EPOCH + n * 600_000), powerW: n },
});

describe('a store of many segments', () => {
  const folder = useTempFolder();
  const open = () => openStore({ folder: folder.path, segmentMaxDocs: PER_SEGMENT });
  const fewAreOpen = (store: Store) =>
    waitFor(() => store.ledger.openDatabases <= A_HANDFUL, { what: 'databases not needed to be closed' });

  const filled = async (): Promise<Store> => {
    const store = await open();
    for (let n = 0; n < SEGMENTS * PER_SEGMENT; n += PER_SEGMENT) {
      await store.ingest.submit(
        upTo(PER_SEGMENT).map((k) => reading(n + k - 1)),
        false,
      );
    }
    return store;
  };

  it('opens a handful of them, however it is used', async () => {
    const store = await filled();
    try {
      expect(store.ledger.segments.length).to.be.at.least(SEGMENTS);
      await fewAreOpen(store);
      for (const segment of store.ledger.segments) expect(await segment.entriesAfter(0, 1)).to.have.length.at.most(1);
      await fewAreOpen(store);
      await store.ledger.revisions(store.ledger.segments.map((_, n) => `kano:r:m0:${formatInstant(EPOCH + n * 1e6)}`));
      await fewAreOpen(store);
    } finally {
      await store.close();
    }
  });

  it('lists across them in order of time, both ways, and finds a duplicate wherever it is still kept', async () => {
    await (await filled()).close();
    const store = await open();
    try {
      for (const order of ['asc', 'desc'] as const) {
        const found: unknown[] = [];
        for (let cursor: string | undefined = ''; cursor !== undefined; ) {
          const query = { order, limit: 50, ...(cursor ? { cursor: cursorOf(cursor) } : {}) };
          const page = await listTelemetry(store.ledger.segments, 'kano', 'reading', query);
          found.push(...page.items.map(({ powerW }) => powerW));
          cursor = page.next;
        }
        const expected = upTo(SEGMENTS * PER_SEGMENT).map((n) => n - 1);
        expect(found).to.deep.equal(order === 'asc' ? expected : expected.reverse());
      }
      for (const n of [0, 1, 77, 120, SEGMENTS * PER_SEGMENT - 1]) {
        expect(await store.ingest.submit([reading(n)], false)).to.include({ accepted: 0, duplicates: 1 });
        const other = { ...reading(n), fields: { ...reading(n).fields, powerW: -1 } };
        const refusal = await store.ingest.submit([other], false).catch((error: { code: string }) => error.code);
        expect(refusal).to.equal('conflict');
      }
      await fewAreOpen(store);
    } finally {
      await store.close();
    }
  });

  it('opens only what the first page of a list needs', async () => {
    await (await filled()).close();
    const store = await open();
    try {
      await fewAreOpen(store);
      const touched = new Set<number>();
      const readers = store.ledger.segments.map((segment) => ({
        span: (type: 'reading' | 'prediction') => segment.span(type),
        readRange: (range: Parameters<typeof segment.readRange>[0]) => {
          touched.add(segment.number);
          return segment.readRange(range);
        },
        firstId: (startId: string, endId: string) => {
          touched.add(segment.number);
          return segment.firstId(startId, endId);
        },
      }));
      const page = await listTelemetry(readers, 'kano', 'reading', { order: 'asc', limit: 10 });
      expect(page.items.map(({ powerW }) => powerW)).to.deep.equal(upTo(10).map((n) => n - 1));
      // The two that hold it, and the newest, whose times are not known before it is sealed.
      expect(touched.size).to.be.at.most(3);
    } finally {
      await store.close();
    }
  });
});

/** What `parseTelemetryQuery` makes of a cursor. */
function cursorOf(cursor: string): { time: string; id: string } {
  const id = Buffer.from(cursor, 'base64url').toString('utf8');
  return { time: id.slice(-24), id };
}
