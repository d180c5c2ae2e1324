/** The embedded store when the disk fails under it. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EmbeddedStore } from '../../../server/store/embedded-store.js';
import { AppError } from '../../../shared/app-error.js';
import { loadLeveldown } from '../../../shared/pouchdb.js';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { incoming, readings } from '../support/documents.js';

type Callback = (error?: Error | null) => void;
interface Batching {
  _batch(operations: unknown, options: unknown, callback: Callback): void;
}

/** leveldown that tells of every batch of documents, synced or not, and holds it until it is let go. */
function holdingLeveldown() {
  const real = loadLeveldown() as (location: string) => Batching;
  const held: { isSynced: boolean; letGo(): void }[] = [];
  const open = (location: string) => {
    const database = real(location);
    const batch = database._batch.bind(database);
    database._batch = (operations, options, callback) => {
      const hasBodies = (operations as { key: unknown }[]).some(({ key }) => String(key).includes('by-sequence'));
      if (!hasBodies) return batch(operations, options, callback);
      const isSynced = (options as { sync?: boolean }).sync === true;
      held.push({ isSynced, letGo: () => batch(operations, options, callback) });
    };
    return database;
  };
  return { held, leveldown: Object.assign(open, real) };
}

/** leveldown whose next writes fail as on a full disk; counts how often a database is opened. */
function failingLeveldown() {
  const real = loadLeveldown() as (location: string) => Batching & { _open(...given: unknown[]): void };
  const state = { failures: 0, opened: 0 };
  const open = (location: string) => {
    const database = real(location);
    const batch = database._batch.bind(database);
    const openReal = database._open.bind(database);
    database._batch = (operations, options, callback) => {
      // The index of numbers follows the documents when it pleases, without syncing: what is acknowledged is synced.
      const isSynced = typeof options === 'object' && options !== null && 'sync' in options && options.sync === true;
      if (state.failures === 0 || !isSynced) return batch(operations, options, callback);
      state.failures--;
      setImmediate(callback, new Error('IO error: No space left on device'));
    };
    database._open = (...given) => {
      state.opened++;
      openReal(...given);
    };
    return database;
  };
  return { state, leveldown: Object.assign(open, real) };
}

describe('the embedded store on a failing disk', () => {
  let folder: string;
  let store: EmbeddedStore | undefined;

  beforeEach(async () => {
    folder = await createTempFolder();
  });
  afterEach(async () => {
    await store?.close();
    await removeFolder(folder);
  });

  it('answers after one synced batch is on the disk, and not before', async () => {
    const { held, leveldown } = holdingLeveldown();
    store = await EmbeddedStore.open(folder, { leveldown });
    let isAnswered = false;
    const writing = store.write(readings('kano', 300).map(incoming)).then((outcomes) => {
      isAnswered = true;
      return outcomes;
    });
    await waitFor(() => held.length > 0, { what: 'a batch' });
    expect([isAnswered, (await store.info()).doc_count]).to.deep.equal([false, 0]);
    expect(held.map(({ isSynced }) => isSynced)).to.deep.equal([true]);
    held[0]?.letGo();
    expect((await writing).every(({ ok }) => ok)).to.equal(true);
    expect([held.length, (await store.info()).doc_count]).to.deep.equal([1, 300]);
  });

  it('claims nothing, reopens its database before the next write, and keeps what it acknowledged', async () => {
    const { state, leveldown } = failingLeveldown();
    store = await EmbeddedStore.open(folder, { leveldown });
    const documents = readings('kano', 30).map(incoming);
    await store.write(documents.slice(0, 10));
    const openedBefore = state.opened;
    state.failures = 1;
    const failure = await store.write(documents.slice(10, 20)).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(AppError);
    expect(failure).to.include({ code: 'storage_failed', retryAfterS: 5 });
    const again = await store.write(documents.slice(10));
    expect(again.every((outcome) => outcome.ok)).to.equal(true);
    expect(state.opened).to.be.above(openedBefore);
    await store.close();
    store = await EmbeddedStore.open(folder);
    expect((await store.info()).doc_count).to.equal(30);
  });

  it('tells the log where the database is, and nobody who asks over the network', async () => {
    const { state, leveldown } = failingLeveldown();
    const { registry, write } = await opened(leveldown);
    for (const failing of [write, registry]) {
      state.failures = 1;
      const failure = await failing().catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(AppError).and.include({ code: 'storage_failed' });
      expect((failure as AppError).message).to.contain(folder);
      expect((failure as AppError).told)
        .to.match(/database of the centre/)
        .and.not.contain(folder);
    }
  });

  async function opened(leveldown: unknown) {
    const open = await EmbeddedStore.open(folder, { leveldown });
    store = open;
    await open.registry('kano').write([{ _id: 'device:m1', _rev: '1-aa' }]);
    return {
      write: () => open.write(readings('kano', 1).map(incoming)),
      registry: () => open.registry('kano').write([{ _id: 'device:m2', _rev: '1-aa' }]),
    };
  }
});
