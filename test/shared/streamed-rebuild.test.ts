/** The rebuilding of large databases, held against the one in memory. */
import { cp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { entryFixes } from '../../shared/database-entries.js';
import { belongs, dataFilesIn } from '../../shared/leveldb/data-files.js';
import { readLevelFolder } from '../../shared/leveldb/level-folder.js';
import { liveFiles } from '../../shared/leveldb/manifest.js';
import { type Database, levelOf, openDatabase } from '../../shared/pouchdb.js';
import { type RebuildPlan, streamedRebuild } from '../../shared/streamed-rebuild.js';
import type { SeededRandom } from '../../sim/random.js';
import { damageFile } from '../support/file-damage.js';
import { itWithSeed } from '../support/seeds.js';
import { useTempFolder } from '../support/temp-folder.js';

const KEEP_ALL: RebuildPlan = { keepsLocal: true, leftOut: [], outdated: 'restore' };

/** Documents that are made, changed and deleted, in two lives of a database, so that there are tables and a log. */
async function fill(folder: string, random: SeededRandom): Promise<void> {
  for (let life = 0; life < 3; life++) {
    const database = await openDatabase(folder, { writeBufferBytes: 64 * 1024 });
    for (let n = 0; n < 40; n++) await change(database, random);
    await database.put({ _id: `_local/life${life}`, life });
    await database.close();
  }
}

async function change(database: Database, random: SeededRandom): Promise<void> {
  const ids = Array.from({ length: random.integer(1, 12) }, () => `d${random.integer(0, 150)}`);
  const found = await database.allDocs({ keys: [...new Set(ids)] });
  const docs = found.rows.map((row) => {
    const { key } = row as unknown as { key: string };
    const { rev, deleted } = ('value' in row ? (row.value ?? {}) : {}) as { rev?: string; deleted?: boolean };
    const revision = rev === undefined || deleted ? {} : { _rev: rev };
    const isGone = rev !== undefined && random.next() < 0.1;
    return { _id: key, ...revision, ...(isGone ? { _deleted: true } : {}), text: 'x'.repeat(random.integer(0, 300)) };
  });
  await database.bulkDocs(docs);
}

/** Takes away the files that LevelDB has not come to delete: the repair in memory leaves them out. */
async function tidy(folder: string): Promise<void> {
  const files = await dataFilesIn(folder);
  const live = await liveFiles(folder, true);
  for (const file of files) if (live && !belongs(file, live)) await rm(path.join(folder, file.name));
}

async function entriesIn(folder: string): Promise<Map<string, string>> {
  const { entries, damage } = await readLevelFolder(folder);
  expect(damage).to.equal(undefined);
  return new Map(entries.map(([key, value]) => [key.toString('latin1'), value.toString()]));
}

/** What the repair in memory makes of the folder. */
async function expectedFrom(folder: string): Promise<Map<string, string>> {
  const { entries } = await readLevelFolder(folder);
  const expected = new Map(entries.map(([key, value]) => [key.toString('latin1'), value.toString()]));
  for (const fix of entryFixes(entries)) {
    if (fix.type === 'put') expected.set(Buffer.from(fix.key).toString('latin1'), fix.value);
    else expected.delete(fix.key.toString('latin1'));
  }
  return expected;
}

describe('a database of any size', () => {
  const folder = useTempFolder();
  const at = (name: string) => path.join(folder.path, name);

  itWithSeed('is rebuilt to what the repair in memory makes of it, whatever is damaged', async (random) => {
    await fill(at('whole'), random);
    await tidy(at('whole'));
    for (let round = 0; round < 12; round++) {
      const harmed = at(`harmed-${round}`);
      await cp(at('whole'), harmed, { recursive: true });
      const names = (await readdir(harmed)).filter((name) => /\.(ldb|log)$/.test(name)).sort();
      const harms: string[] = [];
      for (let n = random.integer(0, 3); n > 0 && names.length > 1; n--) {
        const [name = ''] = names.splice(random.integer(0, names.length - 1), 1);
        harms.push(await damageFile(harmed, name, random));
      }
      const target = at(`rebuilt-${round}`);
      const result = await streamedRebuild(harmed, target, KEEP_ALL);
      const expected = await expectedFrom(harmed);
      const rebuilt = await entriesIn(target);
      const keys = [...new Set([...rebuilt.keys(), ...expected.keys()])];
      const different = keys.filter((key) => rebuilt.get(key) !== expected.get(key));
      expect(
        different.map((key) => ({ key, rebuilt: rebuilt.get(key), expected: expected.get(key) })),
        harms.join('; '),
      ).to.deep.equal([]);
      const database = await openDatabase(target);
      const { rows } = await database.allDocs({ include_docs: true });
      const { doc_count: count } = await database.info();
      await database.close();
      expect([rows.length, count]).to.deep.equal([result.documents, result.documents]);
    }
  });

  it('forgets a document whose newest body is lost, where an older one must not come back', async () => {
    const database = await openDatabase(at('whole'));
    const first = await database.put({ _id: 'kano', credential: 'old' });
    await database.put({ _id: 'kano', _rev: first.rev, credential: 'new' });
    await database.put({ _id: 'jos', credential: 'only' });
    await database.close();
    const level = await openDatabase(at('whole'));
    const gone = { type: 'del' as const, key: `\xffby-sequence\xff${'2'.padStart(16, '0')}` };
    await new Promise<void>((resolve, reject) =>
      levelOf(level)._batch([gone], {}, (error) => (error ? reject(error) : resolve())),
    );
    await level.close();
    for (const outdated of ['restore', 'forget'] as const) {
      const result = await streamedRebuild(at('whole'), at(outdated), { ...KEEP_ALL, outdated });
      expect(result).to.deep.include({ outdated: 1, counted: 2 });
      const rebuilt = await openDatabase(at(outdated));
      const { rows } = await rebuilt.allDocs({ include_docs: true });
      const changes = await rebuilt.changes({ since: 0 });
      await rebuilt.close();
      const kept = rows.map(({ doc }) => (doc as unknown as { credential: string }).credential);
      expect(kept).to.deep.equal(outdated === 'forget' ? ['only'] : ['only', 'old']);
      expect(changes.results.length).to.equal(kept.length);
    }
  });

  it('is left as it is by a rebuilding that is ended', async () => {
    const database = await openDatabase(at('whole'));
    await database.bulkDocs(Array.from({ length: 50 }, (_, n) => ({ _id: `d${n}` })));
    await database.close();
    const before = (await readdir(at('whole'))).sort();
    const failure = await streamedRebuild(at('whole'), at('target'), KEEP_ALL, { signal: AbortSignal.abort() }).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    expect((await readdir(at('whole'))).sort()).to.deep.equal(before);
  });
});
