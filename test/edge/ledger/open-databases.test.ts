import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { OpenDatabases } from '../../../edge/ledger/open-databases.js';
import type { SegmentDatabase } from '../../../edge/ledger/segment-database.js';
import { loadLeveldown } from '../../../shared/pouchdb.js';
import type { Level, Leveldown } from '../../../shared/watched-level.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { FaultyDisk } from './faulty-leveldown.js';
import { readings } from './segment-documents.js';

const OPEN_AT_MOST = 4;

describe('the open databases of segments', () => {
  let databases: OpenDatabases;
  /** How often each folder was opened. */
  let openings: Record<string, number>;
  let failOpening: () => string | undefined;
  const disk = new FaultyDisk();
  afterEach(() => databases.closeAll());
  const folder = useTempFolder();
  const at = (n: number) => path.join(folder.path, String(n));
  const last = (database: SegmentDatabase) => Promise.resolve(database.lastLocalSeq);

  beforeEach(() => {
    openings = {};
    failOpening = () => undefined;
    disk.faultAt = () => undefined;
    databases = new OpenDatabases({ database: { leveldown: counted() } });
  });

  function counted(): unknown {
    const real = disk.leveldown as { new (location: string): Level };
    const open = (location: string): Level => {
      openings[location] = (openings[location] ?? 0) + 1;
      const message = failOpening();
      if (message) throw new Error(message);
      return new real(location);
    };
    return Object.assign(open, { destroy: (loadLeveldown() as Leveldown).destroy });
  }

  it('are at most four, those used last, however many segments are read', async () => {
    for (let n = 1; n <= 9; n++) {
      await databases.use(at(n), last);
      expect(databases.count).to.equal(Math.min(n, OPEN_AT_MOST));
    }
    await databases.use(at(7), last);
    await databases.use(at(10), last);
    await databases.use(at(7), last);
    expect(openings).to.include({ [at(7)]: 1, [at(10)]: 1 });
    await databases.use(at(6), last);
    expect(openings[at(6)]).to.equal(2);
  });

  it('are closed when they were not used for ten seconds, and opened again when they are needed', async () => {
    let nowMs = 0;
    databases = new OpenDatabases({ database: { leveldown: counted() }, now: () => nowMs });
    await databases.use(at(1), last);
    await databases.use(at(2), last);
    nowMs += 9_000;
    await databases.use(at(2), last);
    expect(databases.count).to.equal(2);
    nowMs += 2_000;
    await databases.use(at(2), last);
    expect(databases.count).to.equal(1);
    await databases.use(at(1), last);
    expect(openings).to.include({ [at(1)]: 2, [at(2)]: 1 });
  });

  it('are as many as are in use at once, and four again afterwards', async () => {
    const end = gate();
    let begun = 0;
    const users = Array.from({ length: 8 }, (_, n) =>
      databases.use(at(n), async (database) => {
        begun++;
        await end.opened;
        return database.lastLocalSeq;
      }),
    );
    await waitFor(() => begun === 8, { what: 'all to be in use' });
    expect(databases.count).to.equal(8);
    end.open();
    expect(await Promise.all(users)).to.deep.equal(Array(8).fill(0));
    expect(databases.count).to.equal(OPEN_AT_MOST);
  });

  it('opens once for all who come at the same time', async () => {
    await Promise.all(Array.from({ length: 20 }, () => databases.use(at(1), last)));
    expect(openings).to.deep.equal({ [at(1)]: 1 });
  });

  it('keeps the one that is written to open, whatever is read', async () => {
    databases.writeTo(at(0));
    await databases.use(at(0), (database) => database.write(readings(1, 3)));
    for (let n = 1; n <= 9; n++) await databases.use(at(n), last);
    expect(await databases.use(at(0), last)).to.equal(3);
    expect(openings[at(0)]).to.equal(1);
  });

  it('closes only after those who use it are through, from their first read to their last', async () => {
    await databases.use(at(1), (database) => database.write(readings(1, 5)));
    const order: string[] = [];
    const end = gate();
    let begun = false;
    const using = databases.use(at(1), async (database) => {
      await database.revisions(['x']);
      begun = true;
      await end.opened;
      // Nothing is under way below at this moment; the work is not done all the same.
      const entries = await database.entriesAfter(0, 9, 9);
      order.push(`read ${entries.length}`);
    });
    await waitFor(() => begun, { what: 'the work to have begun' });
    const closing = databases.close(at(1)).then(() => order.push('closed'));
    const reopening = databases.use(at(1), last).then((n) => order.push(`reopened ${n}`));
    expect(databases.count).to.equal(1);
    end.open();
    await Promise.all([using, closing, reopening]);
    expect(order).to.deep.equal(['read 5', 'closed', 'reopened 5']);
    expect(openings[at(1)]).to.equal(2);
  });

  it('closes what is still being opened, after its first user', async () => {
    const using = databases.use(at(1), (database) => database.write(readings(1, 2)));
    const closing = databases.close(at(1));
    await Promise.all([using, closing]);
    expect(databases.count).to.equal(0);
    expect(await databases.use(at(1), last)).to.equal(2);
  });

  it('opens only after every closing before, also of one that was told to close while it waited to be opened', async () => {
    await databases.use(at(1), (database) => database.write(readings(1, 2)));
    const gates = [gate(), gate()];
    const reading = gates.map(({ opened }) => async (database: SegmentDatabase) => {
      await opened;
      return database.lastLocalSeq;
    });
    const uses = reading.map((work) => {
      const use = databases.use(at(1), work);
      // The first is in use, the second still waits for the first one's end.
      void databases.close(at(1));
      return use;
    });
    gates[0]?.open();
    expect(await uses[0]).to.equal(2);
    await waitFor(() => openings[at(1)] === 2, { what: 'the second opening' });
    const third = databases.use(at(1), last);
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(openings[at(1)], 'nobody opens what has not been closed').to.equal(2);
    gates[1]?.open();
    expect([await uses[1], await third]).to.deep.equal([2, 2]);
    expect(openings[at(1)]).to.equal(3);
  });

  it('closes what is open once, and nothing where nothing is', async () => {
    await databases.use(at(1), last);
    await Promise.all([databases.close(at(1)), databases.close(at(1)), databases.close(at(2))]);
    await databases.close(at(1));
    expect(databases.count).to.equal(0);
  });

  it('tells all who wait for an opening that fails, and opens anew for the next', async () => {
    failOpening = () => 'IO error: Input/output error';
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => databases.use(at(1), last)));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(Array(5).fill('rejected'));
    expect(databases.count).to.equal(0);
    await databases.close(at(1));
    failOpening = () => undefined;
    expect(await databases.use(at(1), last)).to.equal(0);
  });

  it('makes room once where a disk is too full to open, and only there', async () => {
    let made = 0;
    let isFull = true;
    const makeRoom = async () => {
      made++;
      isFull = false;
    };
    const roomy = new OpenDatabases({ database: { leveldown: counted() }, makeRoom });
    failOpening = () => (isFull ? 'IO error: No space left on device' : undefined);
    expect(await roomy.use(at(1), last)).to.equal(0);
    failOpening = () => 'IO error: Input/output error';
    expect(await roomy.use(at(2), last).catch((error: Error) => error.message)).to.contain('Input/output');
    expect(made).to.equal(1);
    await roomy.closeAll();
  });

  it('keeps a database open that a failed write made doubtful, names it, and lets it be read', async () => {
    await databases.use(at(1), (database) => database.write(readings(1, 2)));
    disk.faultAt = () => ({ lands: false });
    const failed = databases.use(at(1), (database) => database.write(readings(3, 3)));
    expect(await failed.catch((error: Error) => error.message)).to.contain('Input/output error');
    disk.faultAt = () => undefined;
    for (let n = 2; n <= 9; n++) await databases.use(at(n), last);
    expect(databases.broken).to.deep.equal([at(1)]);
    expect(await databases.use(at(1), last)).to.equal(2);
    expect(openings[at(1)]).to.equal(1);
    await databases.close(at(1));
    expect(databases.broken).to.deep.equal([]);
  });

  it('closes all at the end, also what is being opened or closed', async () => {
    await Promise.all([1, 2, 3].map((n) => databases.use(at(n), last)));
    const closing = databases.close(at(1));
    const opening = databases.use(at(4), last);
    await databases.closeAll();
    await Promise.all([closing, opening]);
    expect(databases.count).to.equal(0);
  });
});

function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
