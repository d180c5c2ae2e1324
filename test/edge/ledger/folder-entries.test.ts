import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { FolderEntries } from '../../../edge/ledger/folder-entries.js';
import { useTempFolder } from '../../support/temp-folder.js';

describe('the entries of a folder', () => {
  const folder = useTempFolder();

  it('are synced when a file was begun or the folder is another one, and else cost nothing', async () => {
    const synced: string[] = [];
    const entries = new FolderEntries(async (name) => void synced.push(name));
    const begin = (name: string) => writeFile(path.join(folder.path, name), '');
    const other = path.dirname(folder.path);
    await begin('000003.log');
    for (let n = 0; n < 3; n++) await entries.sync(folder.path);
    expect(synced).to.deep.equal([folder.path]);
    await begin('000005.log');
    for (let n = 0; n < 3; n++) await entries.sync(folder.path);
    expect(synced).to.deep.equal([folder.path, folder.path]);
    await entries.sync(other);
    await entries.sync(folder.path);
    expect(synced).to.deep.equal([folder.path, folder.path, other, folder.path]);
  });

  it('that could not be synced are tried again', async () => {
    let fails = true;
    let calls = 0;
    const entries = new FolderEntries(async () => {
      calls++;
      if (fails) throw new Error('EIO');
    });
    await writeFile(path.join(folder.path, '000003.log'), '');
    expect(await entries.sync(folder.path).catch((error: Error) => error.message)).to.equal('EIO');
    fails = false;
    await entries.sync(folder.path);
    await entries.sync(folder.path);
    expect(calls).to.equal(2);
  });

  it('of a folder that is not there are a failure, not silence', async () => {
    const gone = path.join(folder.path, 'gone');
    const failure = await new FolderEntries().sync(gone).catch((error: NodeJS.ErrnoException) => error.code);
    expect(failure).to.equal('ENOENT');
  });
});
