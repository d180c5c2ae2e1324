/** LevelDB's files read without LevelDB, held against LevelDB itself. */
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readLevelFolder } from '../../../shared/leveldb/level-folder.js';
import { loadLeveldown } from '../../../shared/pouchdb.js';
import type { SeededRandom } from '../../../sim/random.js';
import { itWithSeed } from '../../support/seeds.js';
import { useTempFolder } from '../../support/temp-folder.js';

type Done = (error?: Error | null) => void;

interface Level {
  open(options: object, done: Done): void;
  close(done: Done): void;
  batch(operations: object[], options: object, done: Done): void;
  iterator(options: object): {
    next(callback: (error?: Error | null, key?: Buffer, value?: Buffer) => void): void;
    end(done: Done): void;
  };
}

const called = (work: (done: Done) => void) =>
  new Promise<void>((resolve, reject) => work((error) => (error ? reject(error) : resolve())));

async function withLevel(folder: string, work: (level: Level) => Promise<void>): Promise<void> {
  const level = (loadLeveldown() as (location: string) => Level)(folder);
  await called((done) => level.open({ createIfMissing: true, writeBufferSize: 65_536 }, done));
  await work(level);
  await called((done) => level.close(done));
}

const put = (level: Level, key: string, value: string) =>
  called((done) => level.batch([{ type: 'put', key, value }], { sync: true }, done));

async function whatLevelDbSays(folder: string): Promise<[string, string][]> {
  const entries: [string, string][] = [];
  await withLevel(folder, async (level) => {
    const iterator = level.iterator({});
    await new Promise<void>((resolve, reject) => {
      const step = () =>
        iterator.next((error, key, value) => {
          if (error) return reject(error);
          if (!key) return resolve();
          entries.push([key.toString('hex'), String(value)]);
          step();
        });
      step();
    });
    await called((done) => iterator.end(done));
  });
  return entries;
}

async function whatWeSay(folder: string): Promise<{ entries: [string, string][]; damage: string | undefined }> {
  const { entries, damage } = await readLevelFolder(folder);
  return { entries: entries.map(([key, value]) => [key.toString('hex'), value.toString()]), damage };
}

/** Values from nothing to several blocks of a log, some that pack well and some that do not. */
function valueFrom(random: SeededRandom): string {
  const length = random.integer(0, 30) === 0 ? random.integer(30_000, 100_000) : random.integer(0, 600);
  if (random.integer(0, 1) === 0) return 'läßt sich packen '.repeat(Math.ceil(length / 17));
  return Array.from({ length }, () => String.fromCharCode(random.integer(32, 126))).join('');
}

describe("LevelDB's files, read without LevelDB", () => {
  const folder = useTempFolder();

  async function fileOf(pattern: RegExp): Promise<string> {
    const name = (await readdir(folder.path)).filter((one) => pattern.test(one)).sort()[0];
    if (name === undefined) throw new Error(`there is no file ${pattern}`);
    return path.join(folder.path, name);
  }

  itWithSeed('hold what LevelDB says, through writes, deletions, compactions and reopenings', async (random) => {
    for (let opening = 0; opening < 4; opening++) {
      await withLevel(folder.path, async (level) => {
        for (let n = 0; n < 40; n++) {
          const operations = Array.from({ length: random.integer(1, 20) }, () => {
            const key = `ÿkey-${random.integer(0, 300)}`;
            return random.integer(0, 4) === 0 ? { type: 'del', key } : { type: 'put', key, value: valueFrom(random) };
          });
          await called((done) => level.batch(operations, { sync: true }, done));
        }
      });
      const ours = await whatWeSay(folder.path);
      expect(ours.damage).to.equal(undefined);
      expect(ours.entries).to.deep.equal(await whatLevelDbSays(folder.path));
    }
  });

  it('are nothing where there is no database', async () => {
    expect(await readLevelFolder(folder.path)).to.deep.equal({ entries: [], damage: undefined });
    expect(await readLevelFolder(path.join(folder.path, 'none'))).to.deep.equal({ entries: [], damage: undefined });
  });

  itWithSeed('are not called damaged for a log that ends in the middle, as after a power cut', async (random) => {
    await withLevel(folder.path, async (level) => {
      for (let n = 0; n < 35; n++) await put(level, `k${100 + n}`, 'v'.repeat(1000));
    });
    const log = await fileOf(/\.log$/);
    const whole = await readFile(log);
    for (let cut = 0; cut < 30; cut++) {
      await writeFile(log, whole.subarray(0, random.integer(0, whole.length)));
      // A file that had grown before what was in it reached the disk.
      if (cut % 2 === 0) await writeFile(log, Buffer.alloc(random.integer(1, 5000)), { flag: 'a' });
      const { entries, damage } = await readLevelFolder(folder.path);
      expect(damage).to.equal(undefined);
      expect(entries.map(([key]) => String(key))).to.deep.equal(entries.map((_, n) => `k${100 + n}`));
    }
  });

  itWithSeed('are called damaged for any byte changed in a table, or before the end of a log', async (random) => {
    await withLevel(folder.path, async (level) => {
      for (let n = 0; n < 300; n++) await put(level, `k${1000 + n}`, valueFrom(random));
    });
    await withLevel(folder.path, async (level) => {
      for (let n = 0; n < 20; n++) await put(level, `m${1000 + n}`, 'v'.repeat(100));
    });
    const all = await whatWeSay(folder.path);
    const known = new Map(all.entries);
    for (const pattern of [/\.ldb$/, /\.log$/]) {
      const file = await fileOf(pattern);
      const whole = await readFile(file);
      // The last record of a log may be torn for another reason; a table's padding and empty index mean nothing.
      const end = pattern.test('1.log') ? whole.length - 200 : whole.length - 48;
      for (let n = 0; n < 30; n++) {
        const changed = Buffer.from(whole);
        const at = random.integer(0, end - 1);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << random.integer(0, 7)), at);
        await writeFile(file, changed);
        const { entries, damage } = await whatWeSay(folder.path);
        // What says where other data is found is part of a table, and there is none.
        if (damage === undefined) expect(entries).to.deep.equal(all.entries);
        else expect(damage).to.equal(`${path.basename(file)} is damaged`);
        expect(damage === undefined && pattern.test('1.log'), `byte ${at}`).to.equal(false);
        for (const [key, value] of entries) expect(known.get(key)).to.equal(value);
      }
      await writeFile(file, whole);
    }
  });

  it('are called damaged when one is missing', async () => {
    await withLevel(folder.path, async (level) => {
      for (let n = 0; n < 300; n++) await put(level, `k${1000 + n}`, 'v'.repeat(600));
    });
    await withLevel(folder.path, () => Promise.resolve());
    const table = await fileOf(/\.ldb$/);
    const bytes = await readFile(table);
    await rm(table);
    expect((await readLevelFolder(folder.path)).damage).to.match(/^table \d+ is missing$/);
    await writeFile(table, bytes);
    await truncate(table, bytes.length - 1);
    expect((await readLevelFolder(folder.path)).damage).to.equal(`${path.basename(table)} is damaged`);
    await writeFile(table, bytes);
    const log = await fileOf(/\.log$/);
    const logged = await readFile(log);
    await rm(log);
    expect((await readLevelFolder(folder.path)).damage).to.match(/^log \d+ is missing$/);
    await writeFile(log, logged);
    await rm(path.join(folder.path, 'CURRENT'));
    const { entries, damage } = await readLevelFolder(folder.path);
    expect(damage).to.contain('CURRENT is missing');
    expect(entries).to.have.length(300);
  });
});
