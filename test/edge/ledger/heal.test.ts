import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { AppError } from '../../../shared/app-error.js';
import type { PostedDocument } from '../../../shared/documents.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { FaultyDisk } from './faulty-leveldown.js';
import { everything, openStore, type Store, upTo } from './store-under-test.js';

const reading = (n: number): PostedDocument => ({
  type: 'reading',
  fields: { device: 'm1', at: new Date(Date.UTC(2026, 2, 1) + n * 1000).toISOString(), powerW: n },
});

const numbers = async (store: Store) => (await everything(store.ledger)).map(({ seq }) => seq);

describe('a store on a full disk', () => {
  let disk: FaultyDisk;
  let isFull: boolean;
  let hasReserve: boolean;
  let store: Store;
  afterEach(() => store.close());
  const folder = useTempFolder();

  beforeEach(async () => {
    disk = new FaultyDisk();
    isFull = false;
    hasReserve = true;
    disk.faultAt = ({ operations }) => {
      // What the reserve leaves room for once it is given up: what PouchDB writes while it opens.
      const fits = !isFull || (!hasReserve && operations === 1);
      return fits ? undefined : { lands: false, message: 'IO error: No space left on device' };
    };
    const probeDisk = async () => {
      if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    };
    store = await openStore({
      ...{ folder: folder.path, segmentMaxDocs: 3, leveldown: disk.leveldown, probeDisk },
      makeRoom: async () => {
        hasReserve = false;
      },
    });
  });

  const refusal = async (n: number): Promise<string> => {
    try {
      await store.ingest.submit([reading(n)], false);
      return 'none';
    } catch (error) {
      return error instanceof AppError ? error.code : String(error);
    }
  };

  it('is read as before while nothing can be written, and refuses new data as often as it is asked', async () => {
    for (const n of upTo(5)) await store.ingest.submit([reading(n)], false);
    isFull = true;
    for (const n of [6, 7, 8]) expect(await refusal(n)).to.equal('storage_full');
    expect(store.ledger.writable).to.equal(false);
    expect(await numbers(store)).to.deep.equal([1, 2, 3, 4, 5]);
    expect(await store.ledger.oldestPendingAt()).to.equal('2026-03-01T00:00:01.000Z');
  });

  it('takes data again once there is room, without a gap', async () => {
    for (const n of upTo(5)) await store.ingest.submit([reading(n)], false);
    isFull = true;
    expect(await refusal(6)).to.equal('storage_full');
    isFull = false;
    await store.ingest.submit([reading(6)], false);
    expect(await numbers(store)).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it('heals without anybody posting, sealed segments too, so that what was sent can be written down', async () => {
    for (const n of upTo(5)) await store.ingest.submit([reading(n)], false);
    const [sealed] = store.ledger.segments;
    if (!sealed) throw new Error('there is a sealed segment');
    // What is written last when a segment was sealed, after which its database is closed.
    await waitFor(() => store.ledger.openDatabases === 1, { what: 'the sealed segment to be settled' });
    await sealed.entriesAfter(0, 1);
    isFull = true;
    const mark = { ...sealed.delivery, deliveredSeq: 2 };
    expect(await sealed.writeDelivery(mark).catch(() => 'failed')).to.equal('failed');
    expect(await store.ledger.heal().catch((error: AppError) => error.code)).to.equal('storage_full');
    isFull = false;
    await store.ledger.heal();
    const [healed] = store.ledger.segments;
    await healed?.writeDelivery(mark);
    expect(store.ledger.writable).to.equal(true);
    expect(store.ledger.pending).to.equal(3);
    expect(await numbers(store)).to.deep.equal([1, 2, 3, 4, 5]);
  });
});
