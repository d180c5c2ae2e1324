/** A database of two logs: what LevelDB leaves that ends before the older one has become a table. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { readLevelFolder } from '../../../shared/leveldb/level-folder.js';
import { damageOfFiles } from '../../../shared/leveldb/whole-files.js';
import { openDatabase } from '../../../shared/pouchdb.js';
import { useTempFolder } from '../../support/temp-folder.js';

const DOCUMENTS = 12;
const HEADER_BYTES = 7;

/** Where the records of a log begin that is no longer than a block. */
function startsIn(log: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < log.length; at += HEADER_BYTES + log.readUInt16LE(at + 4)) starts.push(at);
  return starts;
}

describe('two logs of one database', () => {
  const folder = useTempFolder();
  let older: { file: string; bytes: Buffer };
  let newer: { file: string; bytes: Buffer };
  /** Where the last record of the older one begins. */
  let lastAt: number;

  beforeEach(async () => {
    const database = await openDatabase(folder.path);
    for (let n = 0; n < DOCUMENTS; n++) await database.bulkDocs([{ _id: `d${n}`, n }]);
    await database.close();
    const name = (await readdir(folder.path)).find((one) => one.endsWith('.log')) ?? '';
    const whole = await readFile(path.join(folder.path, name));
    const starts = startsIn(whole);
    const middle = Math.floor(starts.length / 2);
    lastAt = starts[middle - 1] ?? 0;
    const next = `${String(Number.parseInt(name, 10) + 1).padStart(6, '0')}.log`;
    older = { file: path.join(folder.path, name), bytes: whole.subarray(0, starts[middle]) };
    newer = { file: path.join(folder.path, next), bytes: whole.subarray(starts[middle]) };
    for (const { file, bytes } of [older, newer]) await writeFile(file, bytes);
  });

  const damages = async () => [(await readLevelFolder(folder.path)).damage, await damageOfFiles(folder.path)];

  it('are whole as LevelDB leaves them, and where the newer one is torn or empty', async () => {
    expect(await damages()).to.deep.equal([undefined, undefined]);
    for (const kept of [newer.bytes.length - 1, 20, 0]) {
      await writeFile(newer.file, newer.bytes.subarray(0, kept));
      expect(await damages(), `${kept} bytes`).to.deep.equal([undefined, undefined]);
    }
    await writeFile(newer.file, newer.bytes);
    const database = await openDatabase(folder.path);
    expect((await database.info()).doc_count).to.equal(DOCUMENTS);
    await database.close();
  });

  it('are damaged where the older one has lost its end, of which LevelDB says nothing', async () => {
    const flipped = Buffer.from(older.bytes);
    flipped.writeUInt8(flipped.readUInt8(lastAt + 20) ^ 1, lastAt + 20);
    for (const harmed of [
      flipped,
      older.bytes.subarray(0, older.bytes.length - 1),
      older.bytes.subarray(0, lastAt),
      Buffer.alloc(older.bytes.length),
      Buffer.alloc(0),
    ]) {
      await writeFile(older.file, harmed);
      const told = `the log before ${path.basename(newer.file)} has lost its end`;
      expect(await damages(), `${harmed.length} bytes`).to.deep.equal([told, told]);
    }
    await rm(older.file);
    const told = `${Number.parseInt(path.basename(older.file), 10)} is missing`;
    expect(await damages()).to.deep.equal([`log ${told}`, `the log ${told}`]);
  });
});
