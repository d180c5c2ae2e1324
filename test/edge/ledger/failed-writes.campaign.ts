import { expect } from 'chai';
import { describe, it } from 'mocha';
import { StoreState } from '../../../edge/ledger/store-state.js';
import { AppError } from '../../../shared/app-error.js';
import type { PostedDocument } from '../../../shared/documents.js';
import { formatInstant } from '../../../shared/time.js';
import { createTempFolder, removeFolder, useTempFolder } from '../../support/temp-folder.js';
import { FaultyDisk } from './faulty-leveldown.js';
import { contentOf } from './ingest-model.js';
import { everything, numbersByNode, openStore, type Store, upTo } from './store-under-test.js';

const EPOCH = Date.parse('2026-03-01T00:00:00.000Z');
const REQUESTS = 8;

/** Two documents of different series, so that the order of ids is not the order of requests. */
function request(n: number): PostedDocument[] {
  const at = formatInstant(EPOCH + n * 1000);
  return ['m2', 'm1'].map((device) => ({ type: 'reading', fields: { device, at, powerW: n } }));
}

const expectedContent = (requests: readonly number[]): string[] =>
  requests.flatMap((n) => request(n).map(({ fields }) => contentOf(fields))).sort();

/** Posts, while writes fail as the disk says, and repeats what was refused; returns the codes of the refusals. */
async function postAll(store: Store, afterEach: (store: Store) => Promise<void>): Promise<string[]> {
  const codes: string[] = [];
  for (const n of upTo(REQUESTS)) {
    for (let acknowledged = false; !acknowledged; ) {
      try {
        const { accepted, duplicates } = await store.ingest.submit(request(n), false);
        expect(accepted + duplicates).to.equal(2);
        acknowledged = true;
      } catch (error) {
        expect(error).to.be.instanceOf(AppError);
        codes.push((error as AppError).code);
        expect(codes.length, 'the store does not heal').to.be.lessThan(20);
      }
    }
    await afterEach(store).catch(() => undefined);
  }
  return codes;
}

/** Everything acknowledged is in the folder, once, numbered without gaps; asked of the real leveldown. */
async function checkFolder(folder: string, segmentMaxDocs: number): Promise<void> {
  const store = await openStore({ folder, segmentMaxDocs });
  try {
    const documents = await everything(store.ledger);
    expect(documents.map(contentOf).sort()).to.deep.equal(expectedContent(upTo(REQUESTS)));
    expect(numbersByNode(documents)).to.deep.equal({ [store.state.node]: upTo(2 * REQUESTS) });
    await store.ingest.submit(request(REQUESTS + 1), false);
    expect(store.ledger.lastSeq).to.equal(2 * REQUESTS + 2);
  } finally {
    await store.close();
  }
}

/** Opens the store, again where the fault struck while opening. */
async function openDespiteFault(folder: string, disk: FaultyDisk, segmentMaxDocs: number): Promise<Store> {
  const open = () => openStore({ folder, segmentMaxDocs, leveldown: disk.leveldown });
  return open().catch(open);
}

describe('a write that fails', () => {
  for (const segmentMaxDocs of [200_000, 3]) {
    for (const lands of [false, true]) {
      const how = lands ? 'though it has reached the disk' : 'and does not reach the disk';
      it(`loses nothing acknowledged, repeats nothing and leaves no gap, whichever it is ${how} (rolls at ${segmentMaxDocs})`, async () => {
        let struck = true;
        let refusals = 0;
        for (let faulty = 0; struck; faulty++) {
          const folder = await createTempFolder();
          const disk = new FaultyDisk();
          disk.faultAt = (_, index) => (index === faulty ? { lands } : undefined);
          try {
            const store = await openDespiteFault(folder, disk, segmentMaxDocs);
            const codes = await postAll(store, async ({ ledger }) => {
              // What the push keeps in the segment being written must not spoil what is acknowledged after it.
              const segment = ledger.segments.at(-1);
              await segment?.writeDelivery({ ...segment.delivery, deliveredSeq: 0 });
            });
            expect(codes.filter((code) => code !== 'storage_failed')).to.deep.equal([]);
            refusals += codes.length;
            await store.close();
            struck = disk.writes.length > faulty;
            await checkFolder(folder, segmentMaxDocs);
          } finally {
            await removeFolder(folder);
          }
        }
        // At the least each write of documents was refused once.
        expect(refusals).to.be.at.least(REQUESTS);
      }).timeout(120_000);
    }
  }
});

describe('a disk that stays broken for a while', () => {
  const folder = useTempFolder();

  for (const segmentMaxDocs of [200_000, 3]) {
    it(`refuses every request until it heals, and then everything goes on by itself (rolls at ${segmentMaxDocs})`, async () => {
      const disk = new FaultyDisk();
      const store = await openStore({ folder: folder.path, segmentMaxDocs, leveldown: disk.leveldown });
      const { node } = store.state;
      await store.ingest.submit(request(1), false);
      await store.ingest.submit(request(2), false);
      disk.faultAt = () => ({ lands: false, message: 'IO error: /data/000003.log: No space left on device' });
      for (const n of [3, 4, 5]) {
        const error = await store.ingest.submit(request(n), false).catch((failure: unknown) => failure);
        expect(error).to.be.instanceOf(AppError).with.property('code', 'storage_full');
      }
      disk.faultAt = () => undefined;
      const codes = await postAll(store, async () => undefined);
      expect(codes).to.deep.equal([]);
      expect(store.state.node).to.equal(node);
      await store.close();
      await checkFolder(folder.path, segmentMaxDocs);
    });
  }
});

describe('what the store remembers of the clock, when it could not be written', () => {
  const folder = useTempFolder();

  for (const lands of [false, true]) {
    it(`is reported, and the next one is on the disk${lands ? ', also when the first had reached it' : ''}`, async () => {
      const disk = new FaultyDisk();
      const where = { folder: folder.path, village: 'kano', nowMs: EPOCH };
      const state = await StoreState.open({ ...where, database: { leveldown: disk.leveldown } });
      const { node } = state;
      const faulty = disk.writes.length;
      disk.faultAt = (_, index) => (index === faulty ? { lands } : undefined);
      const failure = await state.writeClock({ lastSeenMs: 5, unsure: [] }).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(Error);
      await state.writeClock({ lastSeenMs: 6, unsure: [] });
      await state.close();
      const again = await StoreState.open(where);
      expect([again.node, again.clock.lastSeenMs, again.boot]).to.deep.equal([node, 6, 2]);
      await again.close();
    });
  }
});
