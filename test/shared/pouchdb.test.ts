import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { AppError } from '../../shared/app-error.js';
import { openDatabase, readLocal, writeLocal } from '../../shared/pouchdb.js';
import { FaultyDisk } from '../edge/ledger/faulty-leveldown.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('a database', () => {
  let child: ChildProcess | undefined;

  afterEach(async () => {
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    child = undefined;
  });

  const folder = useTempFolder();

  it('syncs every write to the disk before it is acknowledged', async () => {
    const disk = new FaultyDisk();
    const database = await openDatabase(folder.path, { leveldown: disk.leveldown });
    const before = disk.writes.length;
    await database.put({ _id: 'a' });
    await database.bulkDocs([{ _id: 'b' }, { _id: 'c' }]);
    await database.bulkDocs([{ _id: 'd', _rev: '1-abc' }], { new_edits: false });
    await writeLocal(database, 'mark', { at: 1 });
    await database.remove(await database.get('a'));
    await database.close();
    expect(disk.writes.length - before).to.equal(5);
    expect(disk.writes.filter(({ sync, acknowledgedMs }) => !sync || acknowledgedMs === undefined)).to.deep.equal([]);
  });

  it('is in the folder it is given and nowhere else, and there again when opened anew', async () => {
    const first = await openDatabase(path.join(folder.path, 'one'));
    await first.put({ _id: 'a', value: 1 } as never);
    await first.close();
    expect(await readdir(folder.path)).to.deep.equal(['one']);
    const second = await openDatabase(path.join(folder.path, 'one'));
    expect(await second.get('a')).to.include({ value: 1 });
    await second.close();
  });

  it('keeps short revisions as they are', async () => {
    const database = await openDatabase(folder.path);
    await database.bulkDocs([{ _id: 'a', _rev: '1-0123456789ab' }], { new_edits: false });
    expect((await database.get('a'))._rev).to.equal('1-0123456789ab');
    await database.close();
  });

  it('that another process has open is in use, and free again when that process is killed', async () => {
    const script = new URL('./lock-holder.js', import.meta.url);
    child = fork(script, [folder.path], { execArgv: [] });
    expect((await once(child, 'message'))[0]).to.equal('open');
    const error = await openDatabase(folder.path).catch((failure: unknown) => failure);
    expect(error).to.be.instanceOf(AppError).with.property('code', 'in_use');
    expect((error as AppError).message).to.equal(`the data folder ${folder.path} is in use by another process`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const database = await openDatabase(folder.path);
    await database.put({ _id: 'a' });
    await database.close();
  });

  it('that cannot be opened says which and why', async () => {
    const file = path.join(folder.path, 'file');
    await writeFile(file, 'not a folder');
    const error = await openDatabase(file).catch((failure: unknown) => failure);
    expect(error).to.be.instanceOf(AppError).with.property('code', 'storage_failed');
    const { message } = error as AppError;
    expect(message.startsWith(`the database in ${file} cannot be opened: `), message).to.equal(true);
  });

  it('that cannot be written while it opens is not opened', async () => {
    const disk = new FaultyDisk();
    disk.faultAt = () => ({ lands: false });
    const error = await openDatabase(folder.path, { leveldown: disk.leveldown }).catch((failure: unknown) => failure);
    expect(error).to.be.instanceOf(AppError).with.property('code', 'storage_failed');
    disk.faultAt = () => undefined;
    const database = await openDatabase(folder.path, { leveldown: disk.leveldown });
    await database.put({ _id: 'a' });
    await database.close();
  });

  it('takes nothing more after a failed write, until it has been opened again', async () => {
    const disk = new FaultyDisk();
    const database = await openDatabase(folder.path, { leveldown: disk.leveldown });
    await database.put({ _id: 'a' });
    const faulty = disk.writes.length;
    disk.faultAt = (_, index) => (index === faulty ? { lands: false } : undefined);
    for (const id of ['b', 'c', 'd']) {
      expect(
        await database.put({ _id: id }).then(
          () => 'stored',
          () => 'refused',
        ),
      ).to.equal('refused');
    }
    await database.close();
    const again = await openDatabase(folder.path, { leveldown: disk.leveldown });
    await again.put({ _id: 'e' });
    expect((await again.allDocs({})).rows.map(({ id }) => id)).to.deep.equal(['a', 'e']);
    await again.close();
  });

  it('keeps documents of its own by name, replaced whole', async () => {
    const database = await openDatabase(folder.path);
    expect(await readLocal(database, 'mark')).to.equal(undefined);
    await writeLocal(database, 'mark', { a: 1, b: 2 });
    await writeLocal(database, 'mark', { a: 3 });
    const { _id, _rev, ...mark } = (await readLocal<Record<string, unknown>>(database, 'mark')) ?? {};
    expect(mark).to.deep.equal({ a: 3 });
    expect((await database.info()).doc_count).to.equal(0);
    await database.close();
  });
});
