/** What the store remembers of itself, when its files are damaged. */
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { StoreState } from '../../../edge/ledger/store-state.js';
import { AppError } from '../../../shared/app-error.js';
import { loadLeveldown } from '../../../shared/pouchdb.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { listAll, post } from '../api/node-client.js';
import { useNodes } from '../api/node-under-test.js';

const NOW = Date.UTC(2026, 5, 1);
const CLOCK = { lastSeenMs: NOW, unsure: [[5, 10] as [number, number]] };
const SYNC = { lastAttemptAt: '2026-06-01T00:00:00.000Z', docsSent: 7, bytesSent: 8, bytesReceived: 9 };

describe('what a store knows of itself', () => {
  const nodes = useNodes();
  let state: StoreState | undefined;
  afterEach(() => state?.close());
  const folder = useTempFolder();

  beforeEach(() => {
    state = undefined;
  });

  const open = async (database: { leveldown?: unknown } = {}) => {
    await state?.close();
    state = await StoreState.open({ folder: folder.path, village: 'kano', nowMs: NOW, database });
    return state;
  };

  async function fill(): Promise<StoreState> {
    for (let n = 0; n < 3; n++) await open();
    const filled = await open();
    await filled.writeClock(CLOCK);
    await filled.writeSyncHistory(SYNC);
    await filled.noteDropped({
      end: { number: 3, node: 'abc123', seq: 9 },
      lost: 2,
      confirmed: 7,
      checkpoints: ['_local/a'],
    });
    await filled.close();
    state = undefined;
    return filled;
  }

  const fileOf = async (pattern: RegExp) => {
    const names = (await readdir(path.join(folder.path, 'state'))).filter((name) => pattern.test(name)).sort();
    return path.join(folder.path, 'state', names.at(-1) ?? 'none');
  };

  it('is read back as it was written', async () => {
    const filled = await fill();
    const again = await open();
    expect([again.node, again.boot, again.clock]).to.deep.equal([filled.node, 5, CLOCK]);
    const ends = [{ number: 3, node: 'abc123', seq: 9 }];
    expect(again.dropped).to.deep.equal({ lost: 2, confirmed: 7, checkpoints: ['_local/a'], ends });
    expect(await again.syncHistory()).to.deep.equal(SYNC);
  });

  for (const [what, damage] of Object.entries({
    'CURRENT is gone': async () => rm(await fileOf(/^CURRENT/)),
    'the MANIFEST is empty': async () => truncate(await fileOf(/^MANIFEST/), 0),
  })) {
    it(`is all there when ${what}, under a new name, with a clock that must be proven`, async () => {
      const filled = await fill();
      await damage();
      const mended = await open();
      expect(mended.node).to.not.equal(filled.node);
      expect([mended.boot, mended.createdAt]).to.deep.equal([5, filled.createdAt]);
      expect(mended.clock).to.deep.equal({ ...CLOCK, unproven: true });
      expect(mended.dropped.lost).to.equal(2);
      const { node } = mended;
      expect((await open()).node).to.equal(node);
    });
  }

  it('begins anew when nothing can be read, and believes no clock', async () => {
    const filled = await fill();
    const stateFolder = path.join(folder.path, 'state');
    for (const name of await readdir(stateFolder)) await writeFile(path.join(stateFolder, name), 'nothing');
    const mended = await open();
    expect(mended.node).to.not.equal(filled.node);
    expect([mended.village, mended.boot]).to.deep.equal(['kano', 1]);
    expect(mended.clock).to.deep.equal({ lastSeenMs: 0, unsure: [], unproven: true });
    expect(await mended.syncHistory()).to.deep.equal({ docsSent: 0, bytesSent: 0, bytesReceived: 0 });
    expect(await readdir(path.join(folder.path, 'damaged'))).to.have.length(1);
  });

  it('still belongs to its village after a repair', async () => {
    await fill();
    await rm(await fileOf(/^CURRENT/));
    const where = { folder: folder.path, village: 'kaduna', nowMs: NOW };
    const failure = await StoreState.open(where).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(AppError).with.property('code', 'usage');
  });

  it('loses nothing, its name neither, when the files fail while it is open', async () => {
    const filled = await fill();
    const real = loadLeveldown() as (location: string) => Record<string, unknown>;
    let isUnreadable = false;
    const leveldown = Object.assign(
      (location: string) => {
        const level = real(location);
        const get = level._get as (...given: unknown[]) => void;
        level._get = (key: unknown, options: unknown, callback: (error: Error) => void) => {
          if (!isUnreadable) return get.call(level, key, options, callback);
          setImmediate(callback, new Error('Corruption: block checksum mismatch'));
        };
        return level;
      },
      { ...real },
    );
    const store = await open({ leveldown });
    isUnreadable = true;
    const failure = await store.writeSyncHistory({ ...SYNC, docsSent: 8 }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(AppError).with.property('code', 'storage_failed');
    isUnreadable = false;
    // The files are lost altogether before they are looked at again.
    const table = await fileOf(/\.ldb$/);
    const bytes = await readFile(table);
    await writeFile(table, Buffer.alloc(bytes.length));
    await store.writeSyncHistory({ ...SYNC, docsSent: 9 });
    expect(store.node).to.equal(filled.node);
    const again = await open();
    expect([again.node, again.boot, again.clock]).to.deep.equal([filled.node, 6, CLOCK]);
    expect(await again.syncHistory()).to.deep.equal({ ...SYNC, docsSent: 9 });
  });

  it('damaged or not, the node keeps serving what it has, takes data, and numbers it under a new name', async () => {
    const first = await nodes.start(folder.path);
    const reading = (n: number) => ({ device: 'm1', at: new Date(NOW + n * 1000).toISOString(), powerW: n });
    await post(first.url, 'readings', [1, 2, 3].map(reading));
    const { node } = await first.status();
    await first.stop();
    await truncate(await fileOf(/\.log$/), 0);
    await truncate(await fileOf(/^CURRENT/), 0);
    const second = await nodes.start(folder.path);
    expect((await post(second.url, 'readings', [3, 4].map(reading))).body).to.include({ accepted: 1, duplicates: 1 });
    const status = await second.status();
    expect(status.node).to.not.equal(node);
    expect([status.clock, status.store.lost]).to.deep.equal(['unsure', 0]);
    expect((await listAll(second.url, 'readings')).map(({ powerW }) => powerW)).to.deep.equal([1, 2, 3, 4]);
  });
});
