import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { ReserveFile } from '../../../edge/ledger/reserve-file.js';
import { type SegmentShelf, SpaceKeeper } from '../../../edge/ledger/space-keeper.js';
import { SpaceMonitor } from '../../../edge/ledger/space-monitor.js';
import { silentLogger } from '../../../shared/logger.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { DAY_MS, daysAgo, keeperOverShelf, MB, NOW } from './fake-shelf.js';

describe('the space keeper as a service', () => {
  let running: SpaceKeeper | undefined;
  afterEach(async () => {
    await running?.stop();
    running = undefined;
  });

  it('applies the rules at the start and after each look, and no longer once it is stopped', async () => {
    const { shelf, monitor, keeper, clock } = keeperOverShelf();
    running = keeper;
    shelf.add(MB, { sealedAt: daysAgo(7), confirmedAt: daysAgo(0) });
    shelf.add(MB, { sealedAt: daysAgo(6), confirmedAt: daysAgo(0) });
    shelf.add(MB, { sealedAt: daysAgo(5), confirmedAt: daysAgo(0) });
    await keeper.start();
    await waitFor(() => shelf.dropped.length === 1, { what: 'the rules to be applied at the start' });
    clock.nowMs += DAY_MS;
    await monitor.look();
    await waitFor(() => shelf.dropped.length === 2, { what: 'the rules to be applied after a look' });
    await keeper.stop();
    clock.nowMs += DAY_MS;
    await monitor.look();
    await keeper.stop();
    expect(shelf.dropped).to.deep.equal([1, 2]);
  });

  it('ends after the deletion under way when it is stopped', async () => {
    const { shelf, keeper } = keeperOverShelf();
    running = keeper;
    for (let n = 0; n < 3; n++) shelf.add(MB, { sealedAt: daysAgo(9), confirmedAt: daysAgo(0) });
    let stopped: Promise<void> | undefined;
    shelf.onDrop = () => {
      stopped ??= keeper.stop();
    };
    await keeper.start();
    await waitFor(() => stopped !== undefined, { what: 'the first deletion' });
    await stopped;
    expect(shelf.dropped).to.deep.equal([1]);
  });

  it('writes down each deletion with number, documents, bytes and reason', async () => {
    const { shelf, apply, keeper, lines } = keeperOverShelf();
    shelf.add(2 * MB, { sealedAt: daysAgo(8), confirmedAt: daysAgo(0) });
    shelf.add(60 * MB, { confirmedAt: daysAgo(0) });
    shelf.add(39 * MB, { confirmedAt: daysAgo(0) });
    shelf.last.bytes = 2 * MB;
    await apply();
    await keeper.cleanup({ allConfirmed: true });
    const told = lines.map(({ segment, documents, bytes, reason }) => ({ segment, documents, bytes, reason }));
    expect(told).to.deep.equal([
      { segment: 1, documents: 100, bytes: 2 * MB, reason: 'age' },
      { segment: 2, documents: 100, bytes: 60 * MB, reason: 'space' },
      { segment: 3, documents: 100, bytes: 39 * MB, reason: 'asked for' },
    ]);
  });
});

describe('space on a real disk', () => {
  const folder = useTempFolder();
  const segmentFolder = (n: number) => path.join(folder.path, 'segments', `00000${n}`);

  it('is freed by deleting the files of the oldest confirmed segments, the reserve kept and not counted', async () => {
    for (const n of [1, 2, 3]) {
      await mkdir(segmentFolder(n), { recursive: true });
      await writeFile(path.join(segmentFolder(n), '000005.ldb'), new Uint8Array(400_000));
    }
    const record = (number: number, sealedAt: string | undefined) => {
      return { ...{ number, count: 1000, sealedAt, confirmedAt: sealedAt }, folder: segmentFolder(number) };
    };
    const segments = [record(1, daysAgo(2)), record(2, daysAgo(1)), record(3, undefined)];
    const log = silentLogger();
    const reserve = new ReserveFile({ folder: folder.path, maxMb: 1, minFreeMb: 0, log });
    const monitor = new SpaceMonitor({
      ...{ folder: folder.path, maxMb: 1, minFreeMb: 0 },
      heldBackBytes: () => reserve.missingBytes,
    });
    const shelf: SegmentShelf = {
      segments,
      requestRoll: () => undefined,
      async drop(segment) {
        await rm(segment.folder, { recursive: true });
        segments.splice(0, 1);
      },
    };
    const clock = { now: () => NOW, sure: true };
    const keeper = new SpaceKeeper({ shelf, monitor, reserve, retentionDays: 7, clock, log });
    expect(await keeper.cleanup({ allConfirmed: false })).to.deep.equal({
      ...{ segments: 1, documents: 1000, bytes: 400_000, usedBytes: 800_000 },
      kept: { unconfirmed: 0, notDue: 1, open: 1 },
    });
    expect(await readdir(path.join(folder.path, 'segments'))).to.deep.equal(['000002', '000003']);
    expect((await stat(path.join(folder.path, 'reserve'))).size).to.equal(20_000);
  });
});
