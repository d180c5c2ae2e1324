import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { forgetOldest, setAside } from '../../../edge/ledger/set-aside.js';
import { useTempFolder } from '../../support/temp-folder.js';

const NOW = '2026-03-01T02:03:04.005Z';
const STAMP = '20260301T020304005Z';

describe('damaged files that are set aside', () => {
  const folder = useTempFolder();
  const root = () => path.join(folder.path, 'damaged');
  const set = async (name: string, bytes: number): Promise<string> => {
    const made = path.join(folder.path, name);
    await mkdir(made);
    await writeFile(path.join(made, '000005.ldb'), Buffer.alloc(bytes - 1, 1));
    await writeFile(path.join(made, 'CURRENT'), 'x');
    return made;
  };
  const names = async () => (await readdir(root())).sort();

  it('lie under the name of their segment and the time, as they were', async () => {
    await setAside(await set('000007', 11), root(), NOW);
    expect(await names()).to.deep.equal([`000007-${STAMP}`]);
    const kept = path.join(root(), `000007-${STAMP}`);
    expect((await readdir(kept)).sort()).to.deep.equal(['000005.ldb', 'CURRENT']);
    expect(await readFile(path.join(kept, 'CURRENT'), 'utf8')).to.equal('x');
    expect(await readdir(folder.path)).to.deep.equal(['damaged']);
  });

  it('never fall upon one another, though the clock stands still', async () => {
    for (const bytes of [11, 12, 13]) await setAside(await set('000007', bytes), root(), NOW);
    expect(await names()).to.deep.equal([`000007-${STAMP}`, `000007-${STAMP}-2`, `000007-${STAMP}-3`]);
  });

  it('stay within their bytes: the oldest go, whatever the clock said', async () => {
    // Set aside in this order, while the clock runs backwards.
    for (const [index, name] of ['000001', '000002', '000003'].entries()) {
      await setAside(await set(name, 1000), root(), `202${6 - index}-03-01T00:00:00.000Z`);
      // The order is the one of the file system's own time, which may be coarse.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const [maxBytes, kept] of [
      [3000, ['000001', '000002', '000003']],
      [2999, ['000002', '000003']],
      [2000, ['000002', '000003']],
      [1000, ['000003']],
      [999, []],
    ] as const) {
      await forgetOldest(root(), maxBytes);
      expect((await names()).map((name) => name.slice(0, 6))).to.deep.equal(kept);
    }
  });

  it('are not in the way of other files there', async () => {
    await setAside(await set('000001', 10), root(), NOW);
    await writeFile(path.join(root(), 'notes.txt'), 'a person was here');
    await forgetOldest(root(), 0);
    expect(await names()).to.deep.equal(['notes.txt']);
  });
});
