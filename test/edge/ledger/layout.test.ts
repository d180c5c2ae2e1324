/** Held against PouchDB itself, as its users install it: `pouchdb-node`. */
import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import type { Database } from 'pouchdb-core';
import PouchDB from 'pouchdb-node';
import type { UnnumberedDocument } from '../../../edge/ledger/document-encoding.js';
import { RawLevel } from '../../../edge/ledger/raw-level.js';
import { SegmentDatabase } from '../../../edge/ledger/segment-database.js';
import type { TelemetryDocument } from '../../../shared/documents.js';
import { localDocumentOperation, UUID_KEY } from '../../../shared/pouchdb-layout.js';
import { itWithSeed } from '../../support/seeds.js';
import { createTempFolder, removeFolder, useTempFolder } from '../../support/temp-folder.js';
import { dump } from './raw-store.js';
import { batches, encode, parsed, readings } from './segment-documents.js';

const RUNS = 25;
const LOCAL = { node: 'abc123', ranges: [[1, 2]], text: 'ÿ"\n' };

const byId = (a: TelemetryDocument, b: TelemetryDocument) => (a._id < b._id ? -1 : 1);

function numbered(drawn: readonly UnnumberedDocument[][]) {
  let firstSeq = 1;
  return drawn.map((batch) => {
    const encoded = encode(batch, { firstSeq });
    firstSeq += batch.length;
    return encoded;
  });
}

async function writeOurs(folder: string, drawn: readonly UnnumberedDocument[][]): Promise<void> {
  const database = await SegmentDatabase.open(folder);
  for (const batch of numbered(drawn)) await database.write(batch);
  await database.writeLocal('segment', LOCAL);
  await database.close();
}

async function writeStock(folder: string, drawn: readonly UnnumberedDocument[][]): Promise<void> {
  await withStock(folder, async (database) => {
    for (const batch of numbered(drawn)) {
      expect(await database.bulkDocs(batch.map(parsed), { new_edits: false })).to.deep.equal([]);
    }
    await database.put({ ...LOCAL, _id: '_local/segment' });
  });
}

async function withStock<T>(folder: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = new PouchDB(folder, { adapter: 'leveldb' });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Stock PouchDB's view of a folder must be these documents, in this order. */
async function expectStockReads(folder: string, documents: readonly TelemetryDocument[], copy: string): Promise<void> {
  const sorted = [...documents].sort(byId);
  await withStock(folder, async (database) => {
    const { doc_count, update_seq } = await database.info();
    expect([doc_count, update_seq]).to.deep.equal([documents.length, documents.length]);
    const { rows } = await database.allDocs({ include_docs: true });
    expect(rows.map(({ doc }) => doc)).to.deep.equal(sorted);
    const { results } = await database.changes({ since: 0, limit: documents.length + 1, include_docs: true });
    expect(results.map(({ seq, doc }) => [seq, doc])).to.deep.equal(documents.map((one, i) => [i + 1, one]));
    for (const document of documents) expect(await database.get(document._id)).to.deep.equal(document);
    expect(await database.get('_local/segment')).to.deep.include(LOCAL);
    await withStock(copy, async (target) => {
      const { ok, docs_written } = await PouchDB.replicate(database, target);
      expect([ok, docs_written]).to.deep.equal([true, documents.length]);
      const copied = await target.allDocs({ include_docs: true });
      expect(copied.rows.map(({ doc }) => doc)).to.deep.equal(sorted);
    });
  });
}

async function expectWeRead(folder: string, documents: readonly TelemetryDocument[]): Promise<void> {
  const database = await SegmentDatabase.open(folder);
  try {
    expect(database.lastLocalSeq).to.equal(documents.length);
    const entries = await database.entriesAfter(0, documents.length, documents.length + 1);
    expect(entries.map(({ localSeq, document }) => ({ localSeq, document }))).to.deep.equal(
      documents.map((document, index) => ({ localSeq: index + 1, document })),
    );
    for (const { bytes } of entries) expect(bytes).to.be.greaterThan(0);
    const ids = documents.map(({ _id }) => _id);
    expect(await database.revisions([...ids, 'kano:r:nobody:x'])).to.deep.equal(
      new Map(documents.map(({ _id, _rev }) => [_id, _rev])),
    );
    const range = { startId: '', endId: '\uffff', limit: documents.length + 1 };
    const sorted = [...documents].sort(byId);
    expect(await database.readRange({ ...range, descending: false })).to.deep.equal(sorted);
    const backwards = { startId: '\uffff', endId: '', descending: true, limit: documents.length + 1 };
    expect(await database.readRange(backwards)).to.deep.equal(sorted.reverse());
    expect(await database.readLocal('segment')).to.deep.include(LOCAL);
  } finally {
    await database.close();
  }
}

/** Everything but the identity, which is random. */
async function content(folder: string): Promise<[string, string][]> {
  return [...(await dump(folder))].filter(([key]) => key !== UUID_KEY);
}

describe("the layout of a segment's database", () => {
  const folder = useTempFolder();

  const forRandomBatches = (seed: number, test: (drawn: UnnumberedDocument[][], root: string) => Promise<void>) =>
    fc.assert(
      fc.asyncProperty(batches, async (drawn) => {
        const root = await createTempFolder();
        try {
          await test(drawn, root);
        } finally {
          await removeFolder(root);
        }
      }),
      { seed, numRuns: RUNS },
    );

  itWithSeed('is, key by key and byte by byte, what stock PouchDB writes for the same documents', (_, seed) =>
    forRandomBatches(seed, async (drawn, root) => {
      const [ours, stock] = [path.join(root, 'ours'), path.join(root, 'stock')];
      await writeOurs(ours, drawn);
      await writeStock(stock, drawn);
      const documents = drawn.flat().length;
      const found = await content(ours);
      expect(found.length).to.be.greaterThan(2 * documents);
      expect(found).to.deep.equal(await content(stock));
    }),
  );

  itWithSeed('is read by stock PouchDB: info, lists, changes, single and _local documents, replication', (_, seed) =>
    forRandomBatches(seed, async (drawn, root) => {
      await writeOurs(path.join(root, 'ours'), drawn);
      await expectStockReads(path.join(root, 'ours'), numbered(drawn).flat().map(parsed), path.join(root, 'copy'));
    }),
  );

  itWithSeed('is read by us where stock PouchDB wrote it', (_, seed) =>
    forRandomBatches(seed, async (drawn, root) => {
      await writeStock(path.join(root, 'stock'), drawn);
      await expectWeRead(path.join(root, 'stock'), numbered(drawn).flat().map(parsed));
    }),
  );

  it('is written on by stock PouchDB and by us in turn, at sequences that go on', async () => {
    const documents = readings(1, 9);
    const database = await SegmentDatabase.open(folder.path);
    await database.write(documents.slice(0, 3));
    await database.writeLocal('segment', LOCAL);
    await database.close();
    await withStock(folder.path, (stock) => stock.bulkDocs(documents.slice(3, 6).map(parsed), { new_edits: false }));
    const again = await SegmentDatabase.open(folder.path);
    await again.write(documents.slice(6));
    await again.close();
    await expectWeRead(folder.path, documents.map(parsed));
    await expectStockReads(folder.path, documents.map(parsed), path.join(folder.path, 'copy'));
  });

  it('keeps places free where they are chosen, and stock PouchDB goes on behind the last', async () => {
    const documents = readings(1, 9);
    const database = await SegmentDatabase.open(folder.path);
    const at = (localSeq: number) => {
      const document = documents[localSeq - 1];
      if (!document) throw new Error(`there is no document ${localSeq}`);
      return [localSeq, document] as const;
    };
    await database.writeAt([at(2), at(5)]);
    await database.close();
    await withStock(folder.path, async (stock) => {
      await stock.bulkDocs(documents.slice(5, 6).map(parsed), { new_edits: false });
      const { doc_count, update_seq } = await stock.info();
      expect([doc_count, update_seq]).to.deep.equal([3, 6]);
      const { results } = await stock.changes({ since: 0, limit: 10 });
      expect(results.map(({ seq }) => seq)).to.deep.equal([2, 5, 6]);
    });
  });

  it('has _local documents as stock PouchDB puts them first', async () => {
    const [ours, stock] = [path.join(folder.path, 'ours'), path.join(folder.path, 'stock')];
    const level = await RawLevel.open(ours);
    await level.write([localDocumentOperation('a name/with ÿ', LOCAL)]);
    await level.close();
    await withStock(stock, (database) => database.put({ ...LOCAL, _id: '_local/a name/with ÿ' }));
    const [entry] = [...(await dump(ours))];
    expect([...(await dump(stock))]).to.deep.include(entry);
  });
});
