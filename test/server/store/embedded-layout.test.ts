/** What the embedded store writes, held against PouchDB itself as its users install it: `pouchdb-node`. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { Database } from 'pouchdb-core';
import PouchDB from 'pouchdb-node';
import type { ReadingsByDay } from '../../../server/store/day-counts.js';
import { EmbeddedStore } from '../../../server/store/embedded-store.js';
import { UUID_KEY } from '../../../shared/pouchdb-layout.js';
import { addToReceipt, EMPTY_RECEIPT } from '../../../shared/receipt.js';
import { SeededRandom, seedFor } from '../../../sim/random.js';
import { dump } from '../../edge/ledger/raw-store.js';
import { itWithSeed } from '../../support/seeds.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { event, incoming, prediction, readings, type Sent } from '../support/documents.js';
import type { Acknowledged } from './writing-centre.js';

const WRITER = fileURLToPath(new URL('writing-centre.js', import.meta.url));
const LAST = Number.MAX_SAFE_INTEGER;
/** Stores that are killed, and how often each is: what is read after a kill grows with every one. */
const STORES = Math.ceil(Number(process.env.KILL_CYCLES ?? 10) / 10);
const KILLS = 2;

const byId = (a: { _id: string }, b: { _id: string }) => (a._id < b._id ? -1 : 1);
const receiptOf = (documents: readonly Sent[]) =>
  documents.reduce((receipt, one) => addToReceipt(receipt, one._rev), EMPTY_RECEIPT);

/** `_id` and `_rev` behind the fields, as nodes send them and PouchDB keeps them. */
function asStored({ _id, _rev, ...fields }: Sent): Sent {
  return { ...fields, _id, _rev } as Sent;
}

async function withStock<T>(folder: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = new PouchDB(folder, { adapter: 'leveldb' });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

interface Stock {
  documents: Sent[];
  /** By sequence. */
  changes: { id: string; seq: number }[];
}

/** Everything stock PouchDB finds, which must agree with itself. */
async function readByStock(database: Database): Promise<Stock> {
  const { doc_count: count, update_seq: newest } = await database.info();
  const { rows } = await database.allDocs({ include_docs: true });
  const documents = rows.map(({ doc }) => doc as Sent);
  const { results } = await database.changes({ since: 0, limit: count + 1, include_docs: true });
  expect([documents.length, results.length]).to.deep.equal([count, count]);
  expect(results.map(({ doc }) => doc as Sent).sort(byId)).to.deep.equal(documents);
  const changes = results.map(({ id, seq }) => ({ id, seq: Number(seq) }));
  expect(changes.at(-1)?.seq ?? 0).to.equal(newest);
  return { documents, changes };
}

/** Readings by village and day, counted one by one. */
function countsByDay(documents: readonly Sent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type, village, at } of documents) {
    const cell = `${village} ${String(at).slice(0, 10)}`;
    if (type === 'reading') counts[cell] = (counts[cell] ?? 0) + 1;
  }
  return counts;
}

function countsOf(readings: ReadingsByDay): Record<string, number> {
  const cells = [...readings].flatMap(([village, days]) => [...days].map(([day, n]) => [`${village} ${day}`, n]));
  return Object.fromEntries(cells);
}

describe('the layout of the embedded store', function () {
  this.timeout(120_000);
  const folder = useTempFolder();
  let store: EmbeddedStore | undefined;

  const telemetry = () => path.join(folder.path, 'telemetry');
  const open = async () => {
    store = await EmbeddedStore.open(folder.path);
    return store;
  };
  const close = async () => {
    await store?.close();
    store = undefined;
  };
  afterEach(close);

  it('is, key by key and byte by byte, what stock PouchDB writes for the same documents', async () => {
    const groups = [readings('kano', 30), [...readings('jos', 5, 30), prediction('jos', 1), event('jos', 2)]].map(
      (group) => group.map(asStored).sort(byId),
    );
    const opened = await open();
    for (const group of groups) await opened.write(group.map(incoming));
    await close();
    const stock = path.join(folder.path, 'stock');
    await withStock(stock, async (database) => {
      for (const group of groups) expect(await database.bulkDocs(group, { new_edits: false })).to.deep.equal([]);
    });
    const isOurs = (key: string) => key === UUID_KEY || /^\xff(number-places|local-store)\xff/.test(key);
    const theirs = [...(await dump(stock))].filter(([key]) => !isOurs(key));
    expect(theirs).to.have.length(2 * 37 + 2);
    expect([...(await dump(telemetry()))].filter(([key]) => !isOurs(key))).to.deep.equal(theirs);
  });

  it('keeps histories as stock PouchDB does, whatever order the fields come in', async () => {
    const [first, second, third] = readings('kano', 3) as [Sent, Sent, Sent];
    const [one, two, three] = ['aaa1', 'bbb2', 'ccc3'];
    const documents = [
      { ...first, _revisions: { start: 1, ids: [first._rev.slice(2)] } },
      { ...second, _rev: `3-${three}`, _revisions: { start: 3, ids: [three, two, one] } },
      { ...third, _rev: `7-${two}`, _revisions: { start: 7, ids: [two, one] } },
    ];
    await (await open()).write(documents.map(incoming));
    await close();
    const stock = path.join(folder.path, 'stock');
    const read = (database: Database) =>
      Promise.all(
        documents.map(({ _id }) => database.get(_id, { revs: true, revs_info: true, conflicts: true } as object)),
      );
    const theirs = await withStock(stock, async (database) => {
      await database.bulkDocs(documents, { new_edits: false });
      return read(database);
    });
    expect(await withStock(telemetry(), read)).to.deep.equal(theirs);
    expect((theirs[1] as unknown as { _revisions: object })._revisions).to.deep.equal(documents[1]?._revisions);
  });

  it('is read, replicated and written on by stock PouchDB, and by the store again behind it', async () => {
    const [ours, theirs, again] = [readings('kano', 40), readings('kano', 40, 40), readings('kano', 40, 80)];
    const opened = await open();
    await opened.write(ours.map(incoming));
    const rev = await opened.local.put('kano', 'checkpoint', { last: 40 }, undefined);
    await close();
    await withStock(telemetry(), async (database) => {
      const { documents, changes } = await readByStock(database);
      expect(documents).to.deep.equal([...ours].sort(byId));
      expect(changes).to.deep.equal(ours.map(({ _id: id }, n) => ({ id, seq: n + 1 })));
      for (const one of ours.slice(0, 5)) expect(await database.get(one._id)).to.deep.equal(one);
      expect(await database.get('_local/kano:checkpoint')).to.deep.include({ _rev: rev, last: 40 });
      await withStock(path.join(folder.path, 'copy'), async (copy) => {
        expect((await PouchDB.replicate(database, copy)).docs_written).to.equal(40);
        expect((await readByStock(copy)).documents).to.deep.equal(documents);
      });
      expect(await database.bulkDocs(theirs, { new_edits: false })).to.deep.equal([]);
      const { _id, _rev } = (await database.get(ours[0]?._id ?? '')) as Sent;
      await database.remove({ _id, _rev });
    });
    const reopened = await open();
    expect(await reopened.info()).to.include({ doc_count: 79, update_seq: 81 });
    const outcomes = await reopened.write([...ours.slice(0, 2), ...theirs.slice(0, 1), ...again].map(incoming));
    expect(outcomes.map(({ ok }) => ok)).to.deep.equal([false, ...Array.from({ length: 42 }, () => true)]);
    const all = [...ours.slice(1), ...theirs, ...again];
    expect(await reopened.receipt('kano', 'node1', 1, LAST)).to.deep.equal(receiptOf(all));
    expect(await reopened.info()).to.include({ doc_count: 119, update_seq: 121 });
    await close();
    await withStock(telemetry(), async (database) => {
      const { rows } = await database.allDocs({ include_docs: true });
      expect(rows.map(({ doc }) => doc)).to.deep.equal(all.sort(byId));
      expect(await database.info()).to.include({ doc_count: 119, update_seq: 121 });
    });
  });

  for (let store = 1; store <= STORES; store++) {
    itWithSeed(`is whole after a kill at any moment, the index of numbers with it, store ${store}`, async (_, seed) => {
      const random = new SeededRandom(seedFor(seed, `store ${store}`));
      const acknowledged = new Map<string, Sent[]>();
      let from = 0;
      for (let round = 0; round < KILLS; round++) {
        const sizes = [1, random.integer(2, 60), random.integer(100, 1500)];
        const writer = fork(WRITER, [folder.path, String(from), ...sizes.map(String)]);
        const gone = once(writer, 'exit');
        let groups = 0;
        writer.on('message', ({ village, first, count }: Acknowledged) => {
          groups++;
          acknowledged.set(village, [...(acknowledged.get(village) ?? []), ...readings(village, count, first)]);
          from = Math.max(from, first + count);
        });
        try {
          const enough = random.integer(3, 25);
          await waitFor(() => groups >= enough, { what: 'groups to be acknowledged', timeoutMs: 60_000 });
        } finally {
          writer.kill('SIGKILL');
          await gone;
        }
        // What was under way when it was killed may be there or not: the next round goes on behind it.
        from += 1500;
        const { documents, changes } = await withStock(telemetry(), readByStock);
        const sequences = changes.map(({ seq }) => seq);
        expect(sequences).to.deep.equal(sequences.map((_, n) => n + 1));
        const found = new Map(documents.map((one) => [one._id, one]));
        for (const one of [...acknowledged.values()].flat()) expect(found.get(one._id)).to.deep.equal(one);
        // Batches and their part of the index are one: nothing has to be made up for.
        const progress = JSON.parse((await dump(telemetry())).get('\xffnumber-places\xffprogress') ?? '{}');
        expect(progress.sequence).to.equal(documents.length);
        const opened = await open();
        const days = await opened.days.readings({ from: '2026-01-01', to: '2027-01-01' });
        expect(countsOf(days)).to.deep.equal(countsByDay(documents));
        for (const village of acknowledged.keys()) {
          const kept = documents.filter((one) => one.village === village);
          expect(await opened.receipt(village, 'node1', 1, LAST), village).to.deep.equal(receiptOf(kept));
        }
        await close();
      }
      await withStock(telemetry(), async (database) => {
        const { doc_count: before } = await database.info();
        await database.bulkDocs(readings('stock', 20), { new_edits: false });
        expect((await readByStock(database)).documents).to.have.length(before + 20);
      });
    });
  }
});
