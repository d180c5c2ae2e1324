import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ReserveFile, type ReserveFileOptions } from '../../../edge/ledger/reserve-file.js';
import { SpaceMonitor } from '../../../edge/ledger/space-monitor.js';
import { silentLogger } from '../../../shared/logger.js';
import { capturedLog } from '../../support/captured-log.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { MB } from './fake-shelf.js';

describe('the reserve on the disk', () => {
  const folder = useTempFolder();
  const file = () => path.join(folder.path, 'reserve');
  const sizeOf = async () => (await stat(file())).size;
  /** 2 MB of a store of 100 MB. */
  const reserve = (options: Partial<ReserveFileOptions> = {}) =>
    new ReserveFile({ folder: folder.path, maxMb: 100, minFreeMb: 10, log: silentLogger(), ...options });
  const free = (mb: number) => ({ freeBytes: mb * MB, usedBytes: 0 });

  for (const [maxMb, freeMb, bytes] of [
    [10_000, 1000, 16 * MB],
    [100, 1000, 2 * MB],
    [10_000, 40, 4 * MB],
    [1, 1000, 20_000],
  ] as const) {
    it(`is ${bytes} bytes with BUFFER_MAX_MB ${maxMb} and ${freeMb} MB free`, async () => {
      expect(await reserve({ maxMb }).keep(free(freeMb))).to.equal(true);
      expect([await sizeOf(), await readdir(folder.path)]).to.deep.equal([bytes, ['reserve']]);
    });
  }

  it('really takes its room, and cannot be compressed away', async () => {
    await reserve().keep(free(1000));
    const { blocks } = await stat(file());
    expect(blocks * 512).to.be.at.least(2 * MB);
    expect(gzipSync(await readFile(file())).length).to.be.greaterThan(2 * MB);
  });

  it('is made once, and kept over a restart', async () => {
    const first = reserve();
    expect([await first.keep(free(1000)), await first.keep(free(998))]).to.deep.equal([true, false]);
    const { ino } = await stat(file());
    expect(await reserve().keep(free(998))).to.equal(false);
    expect((await stat(file())).ino).to.equal(ino);
  });

  it('is given up when the disk has less left than it takes, and made again when there is room', async () => {
    const kept = reserve();
    await kept.keep(free(1000));
    // What is stored counts as this disk's: the store itself has filled it.
    const left = (mb: number) => ({ freeBytes: mb * MB, usedBytes: 90 * MB });
    expect([await kept.keep(left(2)), kept.missingBytes]).to.deep.equal([false, 0]);
    expect([await kept.keep(left(1.9)), kept.missingBytes]).to.deep.equal([true, 2 * MB]);
    expect(await readdir(folder.path)).to.deep.equal([]);
    // 4 times its size beyond MIN_FREE_MB.
    expect(await kept.keep(left(18))).to.equal(false);
    expect(await reserve().keep(left(18))).to.equal(false);
    expect([await kept.keep(left(18.1)), kept.missingBytes, await sizeOf()]).to.deep.equal([true, 0, 2 * MB]);
  });

  it('is owed in full once given up, although others have filled the disk, until it is made again', async () => {
    const kept = reserve({ maxMb: 10_000, minFreeMb: 0 });
    await kept.keep({ freeBytes: 20 * MB, usedBytes: MB });
    const made = await sizeOf();
    expect(made).to.equal(2_100_000);
    const filled = (mb: number) => ({ freeBytes: mb * MB, usedBytes: MB });
    await kept.keep(filled(2));
    expect([await kept.keep(filled(4)), kept.missingBytes]).to.deep.equal([false, made]);
    expect([await kept.keep(filled(8)), kept.missingBytes]).to.deep.equal([false, made]);
    expect([await kept.keep(filled(21)), kept.missingBytes, await sizeOf()]).to.deep.equal([true, 0, 2_200_000]);
  });

  it('is given up at once when a write finds the disk full, whatever the figures say, and for a while', async () => {
    const clock = { now: () => 0, monotonicMs: 0, monotonic: () => clock.monotonicMs };
    const kept = reserve({ clock });
    await kept.keep(free(1000));
    await kept.release();
    await kept.release();
    expect(await readdir(folder.path)).to.deep.equal([]);
    expect(await kept.keep(free(1000))).to.equal(false);
    clock.monotonicMs = 600_000;
    expect(await kept.keep(free(1000))).to.equal(true);
  });

  it('is not made on while a write finds the disk full', async () => {
    let pieces = 0;
    const kept = reserve({
      maxMb: 1000,
      write: async (handle, piece) => {
        if (++pieces === 3) void kept.release();
        await handle.writeFile(piece);
      },
    });
    await kept.keep(free(1000));
    await kept.release();
    expect([pieces, await readdir(folder.path)]).to.deep.equal([3, []]);
  });

  it('while it is not there, its size is left to the node by those who store', async () => {
    const kept = reserve({ minFreeMb: 0 });
    let freeBytes = 1000 * MB;
    const monitor = new SpaceMonitor({
      ...{ folder: folder.path, maxMb: 100, minFreeMb: 0 },
      freeBytes: async () => freeBytes,
      folderBytes: async () => 90 * MB,
      heldBackBytes: () => kept.missingBytes,
    });
    const look = async () => {
      await monitor.look();
      await kept.keep(monitor);
      return monitor.shortage?.reason;
    };
    expect(await look()).to.equal(undefined);
    freeBytes = MB;
    expect(await look()).to.equal('the disk has only left what delivering the stored data takes');
    freeBytes = 2 * MB;
    expect(await look()).to.equal(undefined);
  });

  it('is never half there: what a crash left of one is removed and it is made anew', async () => {
    await writeFile(path.join(folder.path, 'reserve.new'), new Uint8Array(1000));
    await reserve().keep(free(1000));
    expect([await readdir(folder.path), await sizeOf()]).to.deep.equal([['reserve'], 2 * MB]);
  });

  it('follows a smaller BUFFER_MAX_MB, and grows when it was made on a disk with little room', async () => {
    await reserve({ maxMb: 500 }).keep(free(1000));
    expect(await reserve({ maxMb: 100 }).keep(free(1000))).to.equal(true);
    expect(await sizeOf()).to.equal(2 * MB);
    await truncate(file(), 900_000);
    expect(await reserve().keep(free(1000))).to.equal(true);
    expect([await sizeOf(), await readdir(folder.path)]).to.deep.equal([2 * MB, ['reserve']]);
  });

  it('is done without where it cannot be written, and leaves nothing behind then', async () => {
    const { log, lines } = capturedLog();
    let pieces = 0;
    const kept = reserve({
      log,
      write: async (handle, piece) => {
        await handle.writeFile(piece);
        if (++pieces % 2 === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      },
    });
    expect([await kept.keep(free(1000)), await kept.keep(free(1000))]).to.deep.equal([false, false]);
    expect(await readdir(folder.path)).to.deep.equal([]);
    expect(lines.map(({ level, error }) => [level, error])).to.deep.equal([['warn', 'no space left on device']]);
  });

  it('is done without where something else has its name, or there is no folder', async () => {
    await mkdir(path.join(file(), 'occupied'), { recursive: true });
    expect(await reserve({ maxMb: 1000 }).keep(free(1000))).to.equal(false);
    const nowhere = reserve({ folder: path.join(folder.path, 'nowhere') });
    expect(await nowhere.keep(free(1000))).to.equal(false);
    await nowhere.release();
  });
});
