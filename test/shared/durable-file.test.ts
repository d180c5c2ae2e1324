import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readFileIfPresent, writeFileDurably } from '../../shared/durable-file.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('a durable file', () => {
  const folder = useTempFolder();
  const file = () => path.join(folder.path, 'settings.json');

  it('is replaced whole, and nothing is left beside it', async () => {
    await writeFileDurably(file(), 'a long first content');
    await writeFileDurably(file(), 'é');
    expect(await readFile(file(), 'utf8')).to.equal('é');
    expect(await readdir(folder.path)).to.deep.equal(['settings.json']);
  });

  it('stays as it was when the new content cannot be written', async () => {
    await writeFileDurably(file(), 'old');
    const failure = await writeFileDurably(path.join(file(), 'below'), 'new').catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await readFile(file(), 'utf8')).to.equal('old');
  });

  it('is made with the mode asked for', async () => {
    await writeFileDurably(file(), 'secret', 0o600);
    expect((await stat(file())).mode & 0o777).to.equal(0o600);
  });

  it('that is not there reads as undefined; every other failure is told', async () => {
    expect(await readFileIfPresent(file())).to.equal(undefined);
    await writeFileDurably(file(), '');
    expect(await readFileIfPresent(file())).to.equal('');
    expect(await readFileIfPresent(folder.path).catch((error: unknown) => error)).to.be.instanceOf(Error);
  });
});
