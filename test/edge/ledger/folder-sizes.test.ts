import { appendFile, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { FolderSizes } from '../../../edge/ledger/folder-sizes.js';
import { useTempFolder } from '../../support/temp-folder.js';

const MINUTE = 60_000;

describe('the sizes of folders', () => {
  const folder = useTempFolder();
  const inFolder = (...names: string[]) => path.join(folder.path, ...names);
  /** Time passes on this one as the test says; files are as new as they are. */
  const laterClock = () => {
    const clock = { aheadMs: 0, now: () => Date.now() + clock.aheadMs, monotonic: () => clock.aheadMs };
    return clock;
  };

  async function twoSegments(): Promise<void> {
    for (const name of ['000001', '000002']) {
      await mkdir(inFolder('segments', name), { recursive: true });
      await writeFile(inFolder('segments', name, '000005.ldb'), new Uint8Array(1000));
      await writeFile(inFolder('segments', name, '000006.log'), new Uint8Array(10));
      // Times of folders may be told by a clock of a few milliseconds: what comes now must not come at the same time.
      const aSecondAgo = new Date(Date.now() - 1_000);
      await utimes(inFolder('segments', name), aSecondAgo, aSecondAgo);
    }
  }

  it('follow every file that is made, grows, shrinks or goes, as long as its folder is in use', async () => {
    await twoSegments();
    const sizes = new FolderSizes();
    expect(await sizes.bytesOf(folder.path)).to.equal(2020);
    await appendFile(inFolder('segments', '000002', '000006.log'), new Uint8Array(5));
    expect(await sizes.bytesOf(folder.path)).to.equal(2025);
    await writeFile(inFolder('segments', '000002', '000007.ldb'), new Uint8Array(100));
    await writeFile(inFolder('segments', '000001', '000006.log'), '');
    expect(await sizes.bytesOf(folder.path)).to.equal(2115);
    await rm(inFolder('segments', '000001'), { recursive: true });
    expect(await sizes.bytesOf(folder.path)).to.equal(1105 + 10);
    expect(await sizes.bytesOf(inFolder('segments', '000002'))).to.equal(1115);
  });

  it('follow files made or gone in a folder at rest at once, and one that only grew within ten minutes', async () => {
    await twoSegments();
    const clock = laterClock();
    clock.aheadMs = 2 * MINUTE;
    const sizes = new FolderSizes({ clock });
    expect(await sizes.bytesOf(folder.path)).to.equal(2020);
    await appendFile(inFolder('segments', '000001', '000006.log'), new Uint8Array(5));
    clock.aheadMs = 12 * MINUTE - 1;
    expect(await sizes.bytesOf(folder.path)).to.equal(2020);
    clock.aheadMs = 12 * MINUTE;
    expect(await sizes.bytesOf(folder.path)).to.equal(2025);
    await rm(inFolder('segments', '000002', '000005.ldb'));
    await writeFile(inFolder('segments', '000001', 'new.ldb'), new Uint8Array(7));
    expect(await sizes.bytesOf(folder.path)).to.equal(1032);
    await rm(inFolder('segments'), { recursive: true });
    expect(await sizes.bytesOf(folder.path)).to.equal(0);
  });

  it('do not take a folder for one at rest while the clock is behind its files', async () => {
    await twoSegments();
    const inTheFuture = new Date(Date.now() + 60 * MINUTE);
    await utimes(inFolder('segments', '000001', '000006.log'), inTheFuture, inTheFuture);
    const clock = laterClock();
    clock.aheadMs = 2 * MINUTE;
    const sizes = new FolderSizes({ clock });
    await sizes.bytesOf(folder.path);
    await appendFile(inFolder('segments', '000001', '000006.log'), new Uint8Array(5));
    expect(await sizes.bytesOf(folder.path)).to.equal(2025);
  });

  it('count a folder that may not be read as empty, and tell of every other failure', async () => {
    await twoSegments();
    let code = 'EACCES';
    const entriesOf = async (one: string) => {
      if (path.basename(one) === '000002') throw Object.assign(new Error(`${code} at ${path.basename(one)}`), { code });
      return readdir(one, { withFileTypes: true });
    };
    const sizes = new FolderSizes({ entriesOf });
    expect(await sizes.bytesOf(folder.path)).to.equal(1010);
    code = 'EIO';
    expect(await sizes.bytesOf(folder.path).then(() => 'no failure', String)).to.equal('Error: EIO at 000002');
  });

  it('are 0 where there is no folder', async () => {
    expect(await new FolderSizes().bytesOf(inFolder('none'))).to.equal(0);
  });
});
