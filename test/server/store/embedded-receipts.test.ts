/** Receipts of the embedded store when its index is behind, belongs to another state, or something is damaged. */
import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { CentralStore } from '../../../server/store/contract.js';
import { EmbeddedStore } from '../../../server/store/embedded-store.js';
import { keyIn, readEntries, writeEntries } from '../../../server/store/raw-entries.js';
import { AppError } from '../../../shared/app-error.js';
import { type Database, loadLeveldown, openDatabase } from '../../../shared/pouchdb.js';
import { addToReceipt, EMPTY_RECEIPT, type Receipt } from '../../../shared/receipt.js';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { incoming, reading, readings, type Sent } from '../support/documents.js';

const LAST = Number.MAX_SAFE_INTEGER;
const BODIES = 'by-sequence';
const INDEX = 'number-places';

const receiptOf = (documents: readonly Sent[]): Receipt =>
  documents.reduce((receipt, one) => addToReceipt(receipt, one._rev), EMPTY_RECEIPT);

type Callback = (error?: Error | null, ...rest: unknown[]) => void;
interface Raw {
  _batch(operations: unknown, options: { sync?: boolean }, callback: Callback): void;
  _iterator(options: unknown): { _next(callback: Callback): unknown };
}

/** leveldown whose writes that are not synced, or whose iterators, can be made to fail. */
function faultyLeveldown() {
  const real = loadLeveldown() as (location: string) => Raw;
  const faults = { unsyncedWrites: 0, iterators: 0 };
  const open = (location: string) => {
    const level = real(location);
    const { _batch: batch, _iterator: iterator } = level;
    level._batch = (operations, options, callback) => {
      if (options.sync || faults.unsyncedWrites === 0) return batch.call(level, operations, options, callback);
      faults.unsyncedWrites--;
      setImmediate(callback, new Error('IO error: No space left on device'));
    };
    level._iterator = (options) => {
      const opened = iterator.call(level, options);
      if (faults.iterators > 0) {
        faults.iterators--;
        opened._next = (callback) => setImmediate(callback, new Error('Corruption: block checksum mismatch'));
      }
      return opened;
    };
    return level;
  };
  return { faults, leveldown: Object.assign(open, real) };
}

describe('receipts of the embedded store', () => {
  let folder: string;
  let store: CentralStore | undefined;

  beforeEach(async () => {
    folder = await createTempFolder();
  });
  afterEach(async () => {
    await close();
    await removeFolder(folder);
  });

  const close = async () => {
    await store?.close();
    store = undefined;
  };
  const open = async (options: Parameters<typeof EmbeddedStore.open>[1] = {}) => {
    await close();
    store = await EmbeddedStore.open(folder, options);
    return store;
  };
  /** Works on the closed store's database. */
  const behindTheStore = async (work: (database: Database) => Promise<unknown>) => {
    await close();
    const database = await openDatabase(path.join(folder, 'telemetry'));
    await work(database);
    await database.close();
  };
  const receipt = (village = 'kano') => (store as CentralStore).receipt(village, 'node1', 1, LAST);
  const put =
    (name: string, value: string, where = BODIES) =>
    (database: Database) =>
      writeEntries(database, [{ type: 'put', key: keyIn(where, name), value }]);
  const bodies = (database: Database) => readEntries(database, { store: BODIES, to: '9', limit: 100_000 });
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('count what was stored before there was an index, and say that they cannot tell until they can', async () => {
    const documents = readings('kano', 6000);
    await behindTheStore((database) => database.bulkDocs(documents, { new_edits: false }));
    await open({ receipts: { catchUpWaitMs: 0 } });
    const error = await failure(receipt());
    expect(error).to.be.instanceOf(AppError);
    expect(error).to.include({ code: 'unavailable', retryAfterS: 10 });
    expect((error as AppError).message).to.match(/covers \d+ of 600\d documents/);
    expect(await waitFor(receipt, { what: 'a receipt' })).to.deep.equal(receiptOf(documents));
  });

  it('go on from wherever the index was left, as often as that happens', async () => {
    const documents = readings('kano', 1500);
    for (let start = 0; start < 1500; start += 300) {
      const part = documents.slice(start, start + 300);
      await behindTheStore((database) => database.bulkDocs(part.slice(0, 150), { new_edits: false }));
      await open();
      await store?.write(part.slice(150).map(incoming));
      if (start % 600 === 0) expect(await receipt()).to.deep.equal(receiptOf(documents.slice(0, start + 300)));
    }
    await open();
    expect(await receipt()).to.deep.equal(receiptOf(documents));
  });

  it('are not counted to the end when nobody waits for them any more', async () => {
    await open();
    const documents = readings('kano', 3000);
    await store?.write(documents.map(incoming));
    const leaving = new AbortController();
    const left = store?.receipt('kano', 'node1', 1, LAST, leaving.signal) ?? Promise.resolve();
    leaving.abort();
    expect(await failure(left)).to.include({ code: 'busy' });
    expect(await receipt()).to.deep.equal(receiptOf(documents));
  });

  it('are right again after the index could not be written, and are not given meanwhile', async () => {
    const documents = readings('kano', 40);
    await open();
    await store?.write(documents.slice(0, 20).map(incoming));
    await receipt();
    await behindTheStore((database) => database.bulkDocs(documents.slice(20), { new_edits: false }));
    const { faults, leveldown } = faultyLeveldown();
    await open({ leveldown });
    // The index has to follow what was stored behind its back, a step that is not synced.
    faults.unsyncedWrites = 1;
    expect(await failure(receipt())).to.include({ code: 'storage_failed', retryAfterS: 5 });
    expect(faults.unsyncedWrites).to.equal(0);
    expect(await receipt()).to.deep.equal(receiptOf(documents));
  });

  it('are not given while something cannot be read', async () => {
    const { faults, leveldown } = faultyLeveldown();
    await open({ leveldown });
    const documents = readings('kano', 40);
    await store?.write(documents.map(incoming));
    await receipt();
    for (const failing of [1, 2]) {
      faults.iterators = failing;
      expect(await failure(receipt())).to.include({ code: 'storage_failed', retryAfterS: 5 });
      faults.iterators = 0;
      expect(await receipt()).to.deep.equal(receiptOf(documents));
    }
  });

  it('follow a database that was restored from an older backup and went another way', async () => {
    const [before, lost, other] = [readings('kano', 500), readings('kano', 700, 500), readings('kano', 900, 1200)];
    await open();
    await store?.write(before.map(incoming));
    await receipt();
    await close();
    const backup = `${folder}-backup`;
    await cp(folder, backup, { recursive: true });
    try {
      await open();
      await store?.write(lost.map(incoming));
      expect(await receipt()).to.deep.equal(receiptOf([...before, ...lost]));
      await close();
      await rm(folder, { recursive: true });
      await cp(backup, folder, { recursive: true });
    } finally {
      await removeFolder(backup);
    }
    await open();
    expect(await receipt()).to.deep.equal(receiptOf(before));
    await store?.write(other.map(incoming));
    expect(await receipt()).to.deep.equal(receiptOf([...before, ...other]));
  });

  it('do not trust an index that ended at another document, whatever is in it', async () => {
    const documents = readings('kano', 50);
    await open();
    await store?.write(documents.map(incoming));
    await receipt();
    await behindTheStore(async (database) => {
      const index = await readEntries(database, { store: INDEX, to: '~', limit: 1000 });
      const stretches = index.filter(([name]) => name.startsWith('place:'));
      expect(stretches).to.not.have.length(0);
      for (const [name] of stretches) await writeEntries(database, [{ type: 'del', key: keyIn(INDEX, name) }]);
      const progress = JSON.parse(index.find(([name]) => name === 'progress')?.[1] ?? '');
      await put('progress', JSON.stringify({ ...progress, rev: '1-0000' }), INDEX)(database);
    });
    await open();
    expect(await receipt()).to.deep.equal(receiptOf(documents));
  });

  it('are given again after the index itself was damaged', async () => {
    const documents = readings('kano', 50);
    await open();
    await store?.write(documents.map(incoming));
    await receipt();
    for (const value of ['{', '"x"', '-1', '1e15']) {
      await behindTheStore(async (database) => {
        const [stretch] = await readEntries(database, { store: INDEX, from: 'place:', to: 'place:~', limit: 1 });
        await put(stretch?.[0] ?? '', value, INDEX)(database);
      });
      await open();
      expect(await failure(receipt())).to.include({ code: 'unavailable', retryAfterS: 10 });
      expect(await receipt()).to.deep.equal(receiptOf(documents));
    }
    await behindTheStore(put('progress', '{', INDEX));
    await open();
    expect(await receipt()).to.deep.equal(receiptOf(documents));
  });

  it('leave out a document whose body is damaged, gone or another one, and no other', async () => {
    const documents = readings('kano', 30);
    await open();
    await store?.write(documents.map(incoming));
    await receipt();
    const left = new Map(documents.map((one) => [one._id, one]));
    const damages = [
      (text: string) => text.slice(0, -9),
      (text: string) => text.replace('"powerW":', '"powerW:'),
      (text: string) => text.replace('"node":"node1"', '"node":"node2"'),
      (text: string) => text.replace('"_id":"kano:', '"_id":"kanu:'),
      (text: string) => text.replace(/"seq":\d+/, '"seq":0'),
      () => 'null',
    ];
    for (const [n, damage] of damages.entries()) {
      await behindTheStore(async (database) => {
        const [name = '', text = ''] = (await bodies(database))[3 * n] ?? [];
        left.delete(JSON.parse(text)._id);
        await put(name, damage(text))(database);
      });
      await open();
      expect(await receipt(), String(n)).to.deep.equal(receiptOf([...left.values()]));
    }
    await behindTheStore(async (database) => {
      const [name = '', text = ''] = (await bodies(database))[25] ?? [];
      left.delete(JSON.parse(text)._id);
      await writeEntries(database, [{ type: 'del', key: keyIn(BODIES, name) }]);
    });
    await open();
    expect(await receipt()).to.deep.equal(receiptOf([...left.values()]));
  });

  it('keep forty villages apart that send one document at a time in turn', async () => {
    await open();
    const names = Array.from({ length: 40 }, (_, n) => `village${n}`);
    for (let n = 0; n < 30; n++) {
      await Promise.all(names.map((village) => store?.write([incoming(reading(village, n))])));
    }
    for (const village of names) expect(await receipt(village)).to.deep.equal(receiptOf(readings(village, 30)));
  });

  it('let other requests have their turn while many documents are counted', async () => {
    const documents = readings('kano', 10_000);
    await open();
    await store?.write(documents.map(incoming));
    await receipt();
    let turns = 0;
    let isCounting = true;
    const count = () => {
      turns++;
      if (isCounting) setImmediate(count);
    };
    setImmediate(count);
    expect(await receipt()).to.deep.equal(receiptOf(documents));
    isCounting = false;
    expect(turns).to.be.above(30);
  });

  it('count nothing twice where the index claims too much, in however many stretches', async () => {
    const documents = readings('kano', 12_000);
    await open();
    await store?.write(documents.map(incoming));
    await receipt();
    const claim = (node: string, bucket: number, stretches: number) => async (database: Database) => {
      const prefix = `place:kano:${node}:${String(bucket).padStart(13, '0')}:`;
      const there = await readEntries(database, { store: INDEX, from: prefix, to: `${prefix}~` });
      const taken = new Set(there.map(([name]) => name));
      const names = Array.from({ length: stretches }, (_, n) => `${prefix}${String(n).padStart(16, '0')}`);
      await writeEntries(
        database,
        names.flatMap((name, n) =>
          taken.has(name) ? [] : [{ type: 'put' as const, key: keyIn(INDEX, name), value: String(n + 3) }],
        ),
      );
    };
    // Of every bucket the index says that its numbers are everywhere, of some in more stretches than are read at once.
    await behindTheStore(async (database) => {
      await claim('node1', 0, 3000)(database);
      await claim('node1', 1, 11_500)(database);
      await claim('node1', 2, 6000)(database);
      await claim('node9', 2 ** 40, 11_000)(database);
    });
    await open();
    expect(await receipt()).to.deep.equal(receiptOf(documents));
    expect(await store?.receipt('kano', 'node1', 4000, 8200)).to.deep.equal(receiptOf(documents.slice(3999, 8200)));
    expect(await store?.receipt('kano', 'node9', 1, LAST)).to.deep.equal(EMPTY_RECEIPT);
  });
});
