import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SpaceMonitor } from '../../../edge/ledger/space-monitor.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { listAll, post } from '../api/node-client.js';
import { useNodes } from '../api/node-under-test.js';
import { MB } from './fake-shelf.js';

describe('the space monitor', () => {
  const folder = useTempFolder();

  const refusalOf = (monitor: SpaceMonitor) => monitor.shortage?.reason;

  it('counts every file below the folder', async () => {
    await mkdir(path.join(folder.path, 'a', 'b'), { recursive: true });
    await writeFile(path.join(folder.path, 'a', 'b', 'one'), new Uint8Array(300_000));
    await writeFile(path.join(folder.path, 'two'), new Uint8Array(200_000));
    const monitor = new SpaceMonitor({ folder: folder.path, maxMb: 2, minFreeMb: 0 });
    await monitor.look();
    expect([monitor.usedBytes, monitor.capacityBytes, monitor.usedPct]).to.deep.equal([500_000, 2_000_000, 25]);
    expect(refusalOf(monitor)).to.equal(undefined);
  });

  it('leaves out the reserve, which is there to be given up', async () => {
    await writeFile(path.join(folder.path, 'reserve'), new Uint8Array(300_000));
    await writeFile(path.join(folder.path, 'reserve.new'), new Uint8Array(100_000));
    await mkdir(path.join(folder.path, 'state'));
    await writeFile(path.join(folder.path, 'state', 'reserve'), new Uint8Array(10));
    const monitor = new SpaceMonitor({ folder: folder.path, maxMb: 2, minFreeMb: 0 });
    await monitor.look();
    expect(monitor.usedBytes).to.equal(10);
  });

  it('refuses at BUFFER_MAX_MB and below MIN_FREE_MB, naming which, and takes again when there is room', async () => {
    let freeBytes = 9_999_999;
    const monitor = new SpaceMonitor({
      folder: folder.path,
      maxMb: 1,
      minFreeMb: 10,
      freeBytes: async () => freeBytes,
    });
    await monitor.look();
    expect(refusalOf(monitor)).to.equal('the disk has less than MIN_FREE_MB (10 MB) left');
    freeBytes = 10_000_000;
    await monitor.look();
    expect(refusalOf(monitor)).to.equal(undefined);
    await writeFile(path.join(folder.path, 'big'), new Uint8Array(1_000_000));
    await monitor.look();
    expect(refusalOf(monitor)).to.equal('the store has reached BUFFER_MAX_MB (1 MB)');
    await rm(path.join(folder.path, 'big'));
    await monitor.look();
    expect(refusalOf(monitor)).to.equal(undefined);
  });

  it('measures a folder that is not there as empty', async () => {
    const monitor = new SpaceMonitor({
      folder: path.join(folder.path, 'none'),
      maxMb: 1,
      minFreeMb: 0,
      freeBytes: async () => 1,
    });
    await monitor.look();
    expect(monitor.usedBytes).to.equal(0);
  });
});

describe('the space monitor, between two looks', () => {
  const invented = { folder: 'store', maxMb: 100, minFreeMb: 10 };

  it('adds what is written to what was measured, and takes it from what was free', async () => {
    const monitor = new SpaceMonitor({
      ...invented,
      freeBytes: async () => 60 * MB,
      folderBytes: async () => 20 * MB,
    });
    await monitor.look();
    monitor.noteWritten(40 * MB);
    expect([monitor.usedBytes, monitor.freeBytes, monitor.usedPct]).to.deep.equal([60 * MB, 20 * MB, 60]);
    monitor.noteWritten(10 * MB + 1);
    expect(monitor.shortage?.reason).to.contain('MIN_FREE_MB');
    await monitor.look();
    expect([monitor.usedBytes, monitor.freeBytes]).to.deep.equal([20 * MB, 60 * MB]);
  });

  it('keeps what was written during a look, which may have missed it', async () => {
    const monitor = new SpaceMonitor({
      ...invented,
      freeBytes: async () => 1000 * MB,
      folderBytes: async () => {
        monitor.noteWritten(3 * MB);
        return 20 * MB;
      },
    });
    monitor.noteWritten(5 * MB);
    await monitor.look();
    expect([monitor.usedBytes, monitor.notedBytes]).to.deep.equal([23 * MB, 3 * MB]);
  });

  it('keeps the last figures, and what was written since, when it cannot measure', async () => {
    let fails = false;
    const monitor = new SpaceMonitor({
      ...invented,
      freeBytes: async () => 1000 * MB,
      folderBytes: async () => {
        if (fails) throw new Error('the disk does not answer');
        return 20 * MB;
      },
    });
    await monitor.look();
    fails = true;
    monitor.noteWritten(MB);
    const failure = await monitor.look().then(() => 'none', String);
    expect(failure).to.equal('AppError: the data folder store cannot be measured: the disk does not answer');
    expect(monitor.usedBytes).to.equal(21 * MB);
    // Nor does that keep a node from starting.
    await monitor.start();
    await monitor.stop();
  });

  for (const [usedMb, freeMb, level] of [
    [90, 1000, 'ok'],
    [90.1, 1000, 'warning'],
    [100, 1000, 'full'],
    [0, 20, 'ok'],
    [0, 19.9, 'warning'],
    [0, 9.9, 'full'],
  ] as const) {
    it(`says ${level} with ${usedMb} of 100 MB used and ${freeMb} MB free, 10 MB of which must stay`, async () => {
      const monitor = new SpaceMonitor({
        ...invented,
        freeBytes: async () => freeMb * MB,
        folderBytes: async () => usedMb * MB,
      });
      await monitor.look();
      expect(monitor.level).to.equal(level);
    });
  }
});

describe('a node without space', () => {
  const nodes = useNodes();
  const folder = useTempFolder();
  const reading = (n: number) => ({ device: 'm1', at: new Date(Date.UTC(2026, 2, 1, 0, n)).toISOString(), powerW: n });

  it('refuses new data, still answers what it holds, and takes data again by itself when there is room', async () => {
    const { url } = await nodes.start(folder.path, { BUFFER_MAX_MB: '1' });
    expect((await post(url, 'readings', reading(1))).status).to.equal(201);
    const big = path.join(folder.path, 'something-else');
    await writeFile(big, new Uint8Array(2_000_000));
    const refused = await waitFor(
      async () => {
        const answer = await post(url, 'readings', { device: 'filler', powerW: 1 });
        return answer.status === 201 ? undefined : answer;
      },
      { what: 'the node to notice', timeoutMs: 15_000, intervalMs: 200 },
    );
    expect([refused.status, refused.body.error?.code, refused.headers.get('retry-after')]).to.deep.equal([
      507,
      'storage_full',
      '60',
    ]);
    expect(refused.body.error?.message).to.contain('BUFFER_MAX_MB');
    expect((await post(url, 'readings', reading(1), '?partial=true')).status).to.equal(507);
    expect(await listAll(url, 'readings', { device: 'm1' })).to.have.length(1);
    await rm(big);
    await waitFor(async () => (await post(url, 'readings', reading(2))).status === 201, {
      what: 'the node to take data again',
      timeoutMs: 15_000,
      intervalMs: 200,
    });
    expect((await listAll(url, 'readings', { device: 'm1' })).map(({ powerW }) => powerW)).to.deep.equal([1, 2]);
  }).timeout(60_000);

  it('starts, and answers what it holds, on a disk with less free than MIN_FREE_MB', async () => {
    const first = await nodes.start(folder.path);
    await post(first.url, 'readings', reading(1));
    await first.stop();
    const { url } = await nodes.start(folder.path, { MIN_FREE_MB: '10000000' });
    const refused = await post(url, 'readings', reading(2));
    expect([refused.status, refused.body.error?.code]).to.deep.equal([507, 'storage_full']);
    expect(refused.body.error?.message).to.contain('MIN_FREE_MB');
    expect(await listAll(url, 'readings')).to.have.length(1);
  });
});
