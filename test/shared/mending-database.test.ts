/** A database whose files are damaged, by hand and at random. */
import { copyFile, mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { AppError } from '../../shared/app-error.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import type { Mending, RepairOrReplace } from '../../shared/open-or-repair.js';
import { type Database, isNotFound, loadLeveldown, openDatabase, readLocal, writeLocal } from '../../shared/pouchdb.js';
import type { SeededRandom } from '../../sim/random.js';
import { itWithSeed } from '../support/seeds.js';
import { useTempFolder } from '../support/temp-folder.js';

const DOCUMENTS = 60;
const ROUNDS = Number(process.env.DAMAGE_ROUNDS ?? 25);
const NOW = Date.UTC(2026, 2, 1);

const idOf = (n: number) => `item-${String(n).padStart(3, '0')}`;
const textOf = (n: number) => `text ${n} `.repeat(30);

/** Documents in several tables and a log: each opening makes a table of the log before it. */
async function fill(folder: string): Promise<void> {
  for (let from = 0; from < DOCUMENTS; from += 20) {
    const database = await openDatabase(folder);
    for (let n = from; n < from + 20; n++) await database.put({ _id: idOf(n), n, text: textOf(n) });
    await database.put({ ...(await database.get(idOf(from))), again: true });
    await database.remove(await database.get(idOf(from + 1)));
    await writeLocal(database, 'mark', { upTo: from + 20 });
    await database.close();
  }
}

/** Everything that can be read, by id. Fails when something is not what was written. */
async function contents(database: Database): Promise<Set<string>> {
  const { rows } = await database.allDocs({ include_docs: true });
  for (const { id, doc } of rows) {
    const { n, text } = doc as unknown as { n: number; text: string };
    expect([id, text]).to.deep.equal([idOf(n), textOf(n)]);
  }
  expect((await database.info()).doc_count).to.equal(rows.length);
  return new Set(rows.map(({ id }) => id));
}

describe('a database that mends itself', function () {
  this.timeout(120_000);
  const folder = useTempFolder();
  let where: string;
  let damagedFolder: string;
  let mendings: Mending[];
  let plan: RepairOrReplace;
  let opened: MendingDatabase[];

  beforeEach(() => {
    where = path.join(folder.path, 'things');
    damagedFolder = path.join(folder.path, 'damaged');
    mendings = [];
    opened = [];
    plan = {
      action: 'repair-or-replace',
      damagedFolder,
      now: () => NOW,
      onMended: async (mending) => {
        mendings.push(mending);
      },
    };
  });

  afterEach(async () => {
    for (const database of opened) await database.close().catch(() => undefined);
  });

  async function openIt(options: { leveldown?: unknown } = {}, onDamage: RepairOrReplace | 'throw' = plan) {
    const database = await MendingDatabase.open(where, options, onDamage);
    opened.push(database);
    return database;
  }

  async function namesOf(pattern: RegExp): Promise<string[]> {
    return (await readdir(where)).filter((name) => pattern.test(name)).sort();
  }

  async function fileOf(pattern: RegExp): Promise<string> {
    const name = (await namesOf(pattern)).at(-1);
    if (name === undefined) throw new Error(`there is no file ${pattern}`);
    return path.join(where, name);
  }

  /** Opens, looks, writes, closes and looks again. */
  async function expectUsable(): Promise<Set<string>> {
    const database = await openIt();
    const kept = await database.read(contents);
    await database.write(async (one) => {
      const before = await one.get(idOf(900)).catch(() => ({}));
      await one.put({ ...before, _id: idOf(900), n: 900, text: textOf(900) });
    });
    await database.write((one) => writeLocal(one, 'mark', { upTo: 900 }));
    await database.close();
    const again = await openIt();
    expect(await again.read(contents)).to.deep.equal(new Set([...kept, idOf(900)]));
    expect(await again.read((one) => readLocal(one, 'mark'))).to.include({ upTo: 900 });
    await again.close();
    return kept;
  }

  const allKept = () => {
    const ids = Array.from({ length: DOCUMENTS }, (_, n) => idOf(n));
    return new Set(ids.filter((_, n) => n % 20 !== 1));
  };

  it('is opened as it is while nothing is wrong, after deletions and changes, too', async () => {
    await fill(where);
    expect(await expectUsable()).to.deep.equal(allKept());
    expect(mendings).to.deep.equal([]);
    expect(await readdir(folder.path)).to.deep.equal(['things']);
  });

  for (const [what, damage] of Object.entries({
    'CURRENT is empty': async () => truncate(path.join(where, 'CURRENT'), 0),
    'CURRENT is gone': async () => rm(path.join(where, 'CURRENT')),
    'the MANIFEST is gone': async () => rm(await fileOf(/^MANIFEST/)),
    'the MANIFEST is cut off': async () => truncate(await fileOf(/^MANIFEST/), 20),
  })) {
    it(`loses nothing when ${what}, and says that it was repaired`, async () => {
      await fill(where);
      await damage();
      expect(await expectUsable()).to.deep.equal(allKept());
      expect(mendings.map(({ outcome }) => outcome)).to.deep.equal(['repaired']);
    });
  }

  it('keeps what other tables hold when one is gone, and puts right what belonged to it', async () => {
    await fill(where);
    await rm(path.join(where, (await namesOf(/\.ldb$/))[0] ?? ''));
    const kept = await expectUsable();
    expect(kept.size).to.be.within(20, DOCUMENTS - 1);
    expect(mendings.map(({ outcome }) => outcome)).to.deep.equal(['repaired']);
  });

  it('is empty, with the files set aside, where nothing can be read', async () => {
    await fill(where);
    for (const name of await readdir(where)) await writeFile(path.join(where, name), 'x'.repeat(4000));
    const kept = await expectUsable();
    expect(kept.size).to.equal(0);
    const [mending] = mendings;
    expect(mendings).to.have.length(1);
    if (mending?.setAside === undefined) throw new Error('nothing was set aside');
    expect(path.dirname(mending.setAside)).to.equal(damagedFolder);
    expect(path.basename(mending.setAside)).to.match(/^things-20260301T000000000Z$/);
    expect(await readFile(path.join(mending.setAside, 'reason.txt'), 'utf8')).to.contain(mending.reason.slice(0, 30));
  });

  it('keeps the newest two sets of damaged files, and stays in the same folder', async () => {
    await fill(where);
    const { ino } = await stat(where);
    for (let n = 0; n < 4; n++) {
      await truncate(path.join(where, 'CURRENT'), 0);
      await (await openIt({}, { ...plan, now: () => NOW + Math.min(n, 2) })).close();
    }
    expect((await stat(where)).ino).to.equal(ino);
    expect((await readdir(damagedFolder)).sort()).to.deep.equal([
      'things-20260301T000000002Z',
      'things-20260301T000000002Z-2',
    ]);
    expect(await expectUsable()).to.deep.equal(allKept());
  });

  it('finds a flipped bit in a table before LevelDB does, and keeps every other block', async () => {
    await fill(where);
    const file = path.join(where, (await namesOf(/\.ldb$/))[0] ?? '');
    const bytes = await readFile(file);
    bytes.writeUInt8(bytes.readUInt8(200) ^ 4, 200);
    await writeFile(file, bytes);
    const kept = await expectUsable();
    expect(kept.size).to.be.within(40, DOCUMENTS - 4);
    expect(mendings[0]?.reason).to.equal(`${path.basename(file)} is damaged`);
  });

  it('goes on with a repair that a power cut has ended, at any step', async () => {
    await fill(where);
    const whole = path.join(folder.path, 'whole');
    await openIt({}, { ...plan, damagedFolder: whole }).then((database) => database.close());
    // What a repair leaves behind after each of its steps.
    const stages = async (stage: string, inside: boolean) => {
      await mkdir(path.join(where, stage));
      for (const name of await readdir(where)) {
        if (/^(\d+\.|CURRENT|MANIFEST)/.test(name))
          await copyFile(path.join(where, name), path.join(where, stage, name));
        if (!inside && /^(\d+\.|CURRENT|MANIFEST|LO)/.test(name)) await rm(path.join(where, name));
      }
      await writeFile(path.join(where, 'repair'), 'a test');
    };
    await stages('rebuilding', true);
    await rm(path.join(where, 'rebuilding', 'CURRENT'));
    expect(await expectUsable()).to.deep.equal(allKept());
    for (const [stage, inside] of [
      ['rebuilt', true],
      ['rebuilt', false],
      ['entering', false],
    ] as const) {
      await stages(stage, inside);
      expect(await expectUsable()).to.deep.equal(new Set([...allKept(), idOf(900)]));
    }
    expect(mendings).to.have.length(4);
  });

  it('never says "not found" for what cannot be read: it fails, is repaired, and answers', async () => {
    await fill(where);
    const real = loadLeveldown() as (location: string) => Record<string, unknown>;
    let isUnreadable = false;
    const leveldown = Object.assign(
      (location: string) => {
        const level = real(location);
        const get = level._get as (...given: unknown[]) => void;
        level._get = (key: unknown, options: unknown, callback: (error: Error) => void) => {
          if (!isUnreadable) return get.call(level, key, options, callback);
          setImmediate(callback, new Error('Corruption: block checksum mismatch'));
        };
        return level;
      },
      { ...real },
    );
    const database = await openIt({ leveldown });
    isUnreadable = true;
    for (const work of [
      (one: Database) => one.get(idOf(5)),
      (one: Database) => readLocal(one, 'mark'),
      (one: Database) => one.put({ _id: idOf(5), n: 5 }),
    ]) {
      isUnreadable = true;
      const failure = await database.read(work).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(AppError).with.property('code', 'storage_failed');
      expect(isNotFound(failure)).to.equal(false);
      isUnreadable = false;
      expect(await database.read((one) => readLocal(one, 'mark'))).to.include({ upTo: DOCUMENTS });
    }
    expect(mendings.map(({ outcome }) => outcome)).to.deep.equal(['repaired', 'repaired', 'repaired']);
  });

  it('tells of a repair again at the next opening until its owner has dealt with it', async () => {
    await fill(where);
    await truncate(path.join(where, 'CURRENT'), 0);
    const failing: RepairOrReplace = { ...plan, onMended: () => Promise.reject(new Error('the power went')) };
    const failure = await openIt({}, failing).catch((error: unknown) => error);
    expect(String(failure)).to.contain('the power went');
    await (await openIt()).close();
    await (await openIt()).close();
    expect(mendings).to.have.length(1);
  });

  it('leaves the files alone where the owner has not allowed a repair', async () => {
    await fill(where);
    await rm(path.join(where, 'CURRENT'));
    const before = await readdir(where);
    const failure = await openIt({}, 'throw').catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(AppError).with.property('code', 'storage_failed');
    expect(await readdir(where)).to.deep.equal(before);
  });

  for (const message of ['No space left on device', 'Permission denied', 'Too many open files']) {
    it(`is not repaired for "${message}", which says nothing about the files`, async () => {
      await fill(where);
      const before = await readdir(where);
      const real = loadLeveldown() as (location: string) => Record<string, unknown>;
      const leveldown = Object.assign(
        (location: string) => {
          const level = real(location);
          level._open = (_options: unknown, callback: (error: Error) => void) =>
            setImmediate(callback, new Error(`IO error: ${location}/000009.log: ${message}`));
          return level;
        },
        { ...real },
      );
      const failure = await openIt({ leveldown }).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(AppError).with.property('code', 'storage_failed');
      expect(await readdir(where)).to.deep.equal(before);
      expect(mendings).to.deep.equal([]);
    });
  }

  itWithSeed(
    `is usable after each of ${ROUNDS} random damages, and holds nothing that was not written`,
    async (random) => {
      const whole = path.join(folder.path, 'whole');
      await fill(whole);
      for (let round = 0; round < ROUNDS; round++) {
        await rm(where, { recursive: true, force: true });
        await mkdir(where);
        for (const name of await readdir(whole)) await copyFile(path.join(whole, name), path.join(where, name));
        for (let n = random.integer(1, 3); n > 0; n--) await damageAtRandom(where, random);
        await expectUsable();
      }
    },
  );
});

async function damageAtRandom(folder: string, random: SeededRandom): Promise<void> {
  const names = (await readdir(folder)).filter((name) => !/^LOG|^LOCK/.test(name)).sort();
  const name = names[random.integer(0, names.length - 1)];
  if (name === undefined) return;
  const file = path.join(folder, name);
  const { size } = await stat(file);
  const kind = random.integer(0, 3);
  if (kind === 0) return rm(file);
  if (kind === 1 || size === 0) return truncate(file, random.integer(0, Math.max(0, size - 1)));
  const handle = await open(file, 'r+');
  try {
    if (kind === 2) {
      const from = random.integer(0, size - 1);
      await handle.write(Buffer.alloc(Math.min(size - from, random.integer(1, 600))), 0, undefined, from);
      return;
    }
    for (let n = random.integer(1, 8); n > 0; n--) {
      const byte = Buffer.alloc(1);
      const at = random.integer(0, size - 1);
      await handle.read(byte, 0, 1, at);
      byte[0] = (byte[0] ?? 0) ^ (1 << random.integer(0, 7));
      await handle.write(byte, 0, 1, at);
    }
  } finally {
    await handle.close();
  }
}
