/** A database of any size that is damaged while it is in use. */

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { AppError } from '../../shared/app-error.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import type { LargeDatabase, RepairOrReplace } from '../../shared/open-or-repair.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';

describe('a large database', () => {
  const opened: MendingDatabase[] = [];
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close().catch(() => undefined);
  });
  const folder = useTempFolder();
  let begun: string[];
  let failed: number;
  let onMended: () => Promise<void>;
  let onBegin: () => void;
  beforeEach(() => {
    begun = [];
    failed = 0;
    onMended = async () => {};
    onBegin = () => {};
  });

  const where = () => path.join(folder.path, 'things');
  const open = async (changes: Partial<LargeDatabase> = {}): Promise<MendingDatabase> => {
    const plan: RepairOrReplace = {
      action: 'repair-or-replace',
      damagedFolder: path.join(folder.path, 'damaged'),
      now: () => 0,
      onMended: () => onMended(),
      large: {
        plan: { keepsLocal: true, leftOut: [], outdated: 'restore' },
        patienceMs: 20,
        retryMs: 60_000,
        signal: new AbortController().signal,
        onBegin: (reason) => {
          begun.push(reason);
          onBegin();
        },
        onRebuilt: () => undefined,
        onFailed: () => failed++,
        ...changes,
      },
    };
    const database = await MendingDatabase.open(where(), {}, plan);
    opened.push(database);
    return database;
  };
  const fill = (database: MendingDatabase) =>
    database.write((one) =>
      one.bulkDocs(
        Array.from({ length: 50 }, (_, n) => ({ _id: `d${n}`, n })),
        { new_edits: true },
      ),
    );
  const count = (database: MendingDatabase) => database.read(async (one) => (await one.allDocs({})).rows.length);
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('answers that it is being repaired, and goes on when it is', async () => {
    const database = await open();
    await fill(database);
    let finish: (() => void) | undefined;
    onMended = () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      });
    database.suspect('something did not make sense');
    for (let n = 0; n < 2; n++) {
      const error = await failure(count(database));
      expect(error).to.be.instanceOf(AppError);
      expect(error).to.include({ code: 'unavailable', retryAfterS: 30, told: 'the database is being repaired' });
    }
    (await waitFor(() => finish, { what: 'the repair' }))();
    expect(await waitFor(() => count(database), { what: 'the database' })).to.equal(50);
    expect(begun).to.deep.equal(['something did not make sense']);
  });

  it('can be closed while it is repaired, and is repaired at the next start', async () => {
    const ending = new AbortController();
    const database = await open({ signal: ending.signal });
    await fill(database);
    onBegin = () => ending.abort();
    database.suspect('something did not make sense');
    await failure(count(database));
    await database.close();
    expect([begun.length, failed]).to.deep.equal([1, 1]);
    const again = await open();
    expect(begun).to.deep.equal(['something did not make sense', 'something did not make sense']);
    expect(await count(again)).to.equal(50);
    expect(await readdir(where()))
      .to.include('open')
      .and.not.to.include('repair');
  });

  it('is looked at when it was not closed in order, and otherwise left alone', async () => {
    const database = await open();
    await fill(database);
    expect(await readdir(where())).to.include('open');
    await database.close();
    expect(await readdir(where())).not.to.include('open');
    expect(await count(await open())).to.equal(50);
    expect(begun).to.deep.equal([]);
  });
});
