import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type ImportOptions, type ImportResult, importCsv } from '../../../edge/import/import-csv.js';
import { type ImportRequest, planImport } from '../../../edge/import/import-plan.js';
import type { RowProblem } from '../../../edge/import/row-batches.js';
import { AppError } from '../../../shared/app-error.js';
import { waitFor } from '../../support/wait-for.js';
import { useCsvFolder } from './csv-folder.js';
import { FakeNode } from './fake-node.js';

/** Minute `n` of a day, as a local time. */
const minute = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString().slice(0, 16);

function rowsOf(count: number, cellAt: (n: number) => string = String): string {
  return `time,power\n${Array.from({ length: count }, (_, n) => `${minute(n)},${cellAt(n)}\n`).join('')}`;
}

describe('the import of a CSV file', () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await new FakeNode().start();
  });
  afterEach(() => node.stop());
  const folder = useCsvFolder();

  const skipped: RowProblem[] = [];
  async function run(
    file: string,
    request: Partial<ImportRequest> = {},
    options: Partial<ImportOptions> = {},
  ): Promise<ImportResult> {
    skipped.length = 0;
    const base = {
      device: 'meter',
      timeColumn: 'time',
      mapping: ['power=powerW'],
      timeZone: 'UTC',
      onError: 'stop',
    } as const;
    const plan = await planImport({ file, ...base, ...request });
    return importCsv(plan, { client: node.client, onSkipped: (problem) => skipped.push(problem), ...options });
  }

  it('stores exactly the rows of the file, and nothing when it is done again', async () => {
    const file = await folder.file(rowsOf(5_000));
    const span = { firstAt: `${minute(0)}:00.000Z`, lastAt: `${minute(4_999)}:00.000Z` };
    const counts = { rows: 5_000, skipped: 0, empty: 0, ...span };
    expect(await run(file)).to.deep.equal({ ok: true, ...counts, accepted: 5_000, duplicates: 0 });
    expect(node.documents).to.deep.equal(
      Array.from({ length: 5_000 }, (_, n) => ({ device: 'meter', at: `${minute(n)}:00.000Z`, powerW: n })),
    );
    expect(await run(file)).to.deep.equal({ ok: true, ...counts, accepted: 0, duplicates: 5_000 });
    expect(node.stored.size).to.equal(5_000);
    expect(Math.max(...node.requestSizes)).to.be.at.most(2_000);
  });

  it('leaves out empty cells, and skips rows without values and blank lines without a word', async () => {
    const file = await folder.file(
      'time,power,state,open\n2026-01-01,1,,\n\n2026-01-02,,idle,TRUE\n,,,\n   \n2026-01-03,,,\nsoon,,,\n2026-01-04,-.5e1,"a,b",False\n',
    );
    const result = await run(file, { mapping: ['power=powerW,state=state', 'open=doorOpen'] });
    const span = { firstAt: '2026-01-01T00:00:00.000Z', lastAt: '2026-01-04T00:00:00.000Z' };
    expect(result).to.deep.equal({ ok: true, rows: 6, accepted: 3, duplicates: 0, skipped: 0, empty: 3, ...span });
    expect(node.documents).to.deep.equal([
      { device: 'meter', at: '2026-01-01T00:00:00.000Z', powerW: 1 },
      { device: 'meter', at: '2026-01-02T00:00:00.000Z', state: 'idle', doorOpen: true },
      { device: 'meter', at: '2026-01-04T00:00:00.000Z', powerW: -5, state: 'a,b', doorOpen: false },
    ]);
  });

  it('stops at the first bad row, with all rows before it stored and none after it', async () => {
    for (const bad of [0, 1, 2_500, 4_999]) {
      node.stored.clear();
      const file = await folder.file(rowsOf(5_000, (n) => (n === bad ? 'n/a' : '7')));
      const result = await run(file);
      expect(result).to.deep.include({ ok: false, rows: bad + 1, accepted: bad, duplicates: 0 });
      expect(result.error).to.deep.equal({
        code: 'invalid_request',
        message: '"n/a" in the column "power" is not a number',
        row: bad + 1,
        line: bad + 2,
      });
      expect(node.stored.size).to.equal(bad);
    }
  });

  it('stops at the first row the node refuses, however many it refuses', async () => {
    for (const conflicts of [[0], [7, 3, 1_999], [2_100, 2_400]]) {
      node.stored.clear();
      const present = rowsOf(3_000)
        .split('\n')
        .filter((_, line) => line === 0 || conflicts.includes(line - 1));
      expect(await run(await folder.file(`${present.join('\n')}\n`))).to.include({ ok: true });
      const first = Math.min(...conflicts);
      const result = await run(await folder.file(rowsOf(3_000, (n) => String(-1 - n))));
      expect(result).to.deep.include({ ok: false, rows: first + 1, accepted: first, duplicates: 0 });
      const message = 'is already stored with other content';
      expect(result.error).to.deep.equal({ code: 'conflict', message, row: first + 1, line: first + 2 });
      expect(node.stored.size).to.equal(conflicts.length + first);
    }
  });

  it('goes on past bad and refused rows when told to, and names each in the order of the file', async () => {
    await run(await folder.file('time,power\n2026-01-01 00:02,2\n'));
    const content = [
      'time,power',
      '2026-01-01 00:00,1',
      '2026-01-01 00:01,"1,5"',
      '2026-01-01 00:02,99',
      '"2026-01-01',
      '00:03",3',
      '2026-01-01 00:04,4,4',
      ',5',
      '',
      'noon,6',
      '2026-01-01 00:07,NaN',
      '2026-01-01 00:08,8',
    ];
    const result = await run(await folder.file(content.join('\r\n')), { onError: 'skip' });
    const span = { firstAt: '2026-01-01T00:00:00.000Z', lastAt: '2026-01-01T00:08:00.000Z' };
    expect(result).to.deep.equal({ ok: true, rows: 9, accepted: 3, duplicates: 0, skipped: 6, empty: 0, ...span });
    expect(skipped).to.deep.equal([
      { row: 2, line: 3, message: '"1,5" in the column "power" has a comma; numbers are written with a decimal point' },
      { row: 3, line: 4, message: 'is already stored with other content' },
      { row: 5, line: 7, message: 'has 3 columns where the header has 2' },
      { row: 6, line: 8, message: 'has values but no time' },
      {
        row: 7,
        line: 10,
        message: 'the time "noon" is in no form of time that is recognised; --time-format can name it',
      },
      { row: 8, line: 11, message: '"NaN" in the column "power" is not a number' },
    ]);
  });

  it('stores what is before a quote that is never closed, and ends there even when told to skip', async () => {
    for (const onError of ['stop', 'skip'] as const) {
      node.stored.clear();
      const result = await run(await folder.file(`${rowsOf(10)}"open,1\n2,3\n`), { onError });
      expect(result).to.deep.include({ ok: false, rows: 11, accepted: 10, skipped: 0 });
      expect(result.error).to.deep.include({ row: 11, line: 12 });
      expect(node.stored.size).to.equal(10);
    }
  });

  it('counts two equal rows as one and a duplicate, and refuses two different ones at one time', async () => {
    const equal = await folder.file('time,power\n2026-01-01,1\n2026-01-01,1\n2026-01-02,2\n');
    expect(await run(equal)).to.deep.include({ ok: true, rows: 3, accepted: 2, duplicates: 1 });
    const other = await folder.file('time,power\n2026-01-03,1\n2026-01-03,2\n');
    expect((await run(other)).error).to.deep.include({ code: 'conflict', row: 2, line: 3 });
    expect(node.stored.size).to.equal(3);
  });

  it('holds no more than the batch on its way and the next one', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    node.before = () => held;
    const importing = run(await folder.file(rowsOf(20_000)));
    await waitFor(() => node.requests === 1, { what: 'the first request' });
    release();
    expect(await importing).to.include({ accepted: 20_000 });
    expect(node.maxInFlight).to.equal(1);
    expect(node.requests).to.equal(10);
  });

  it('keeps each request below 4 MiB', async () => {
    const columns = Array.from({ length: 30 }, (_, n) => n);
    const cell = 'é'.repeat(250);
    const rows = Array.from({ length: 700 }, (_, n) => `${minute(n)},${columns.map(() => cell).join()}\n`);
    const file = await folder.file(`time,${columns.map((n) => `c${n}`).join()}\n${rows.join('')}`);
    const mapping = columns.map((n) => `c${n}=text${n}:text`);
    expect(await run(file, { mapping })).to.include({ ok: true, accepted: 700 });
    expect(Math.max(...node.requestBytes)).to.be.within(3 * 1024 * 1024, 4 * 1024 * 1024);
  });

  it('refuses a row that makes too large a reading or too long a text, and says which', async () => {
    const columns = Array.from({ length: 40 }, (_, n) => n);
    const mapping = columns.map((n) => `c${n}=text${n}:text`);
    const header = `time,${columns.map((n) => `c${n}`).join()}`;
    const large = `${minute(0)},${columns.map(() => 'é'.repeat(250)).join()}`;
    const long = `${minute(1)},${columns.map((n) => (n === 3 ? 'x'.repeat(257) : '')).join()}`;
    await run(await folder.file(`${header}\n${large}\n${long}\n`), { mapping, onError: 'skip' });
    expect(skipped.map(({ message }) => message)).to.deep.equal([
      'makes a reading of more than 16 KiB',
      'the text in the column "c3" has 257 characters; at most 256 are allowed',
    ]);
  });

  it('refuses text that is not UTF-8 rather than storing something else', async () => {
    const file = await folder.file(new Uint8Array(Buffer.from('time,mode\n2026-01-01,ge\xf6ffnet\n', 'latin1')));
    const result = await run(file, { mapping: ['mode=state'] });
    expect(result.error?.message).to.equal('the text in the column "mode" is not UTF-8');
    expect(node.stored.size).to.equal(0);
  });

  describe('into a node in trouble', () => {
    const waits: number[] = [];
    const sleep = async (delayMs: number) => {
      waits.push(delayMs);
    };
    beforeEach(() => {
      waits.length = 0;
    });

    it('waits as long as a busy node asks and goes on', async () => {
      let left = 3;
      node.before = () => {
        if (left-- > 0) throw new AppError('busy', 'too much at once', { retryAfterS: 2 });
      };
      expect(await run(await folder.file(rowsOf(3_000)), {}, { sleep })).to.include({ ok: true, accepted: 3_000 });
      expect(waits).to.deep.equal([2_000, 2_000, 2_000]);
    });

    it('gives up on a node that stays busy after ten tries', async () => {
      node.before = () => {
        throw new AppError('busy', 'too much at once');
      };
      const result = await run(await folder.file(rowsOf(10)), {}, { sleep });
      expect(result.error).to.deep.equal({ code: 'busy', message: 'too much at once' });
      expect(node.requests).to.equal(10);
      expect(waits).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9].map((seconds) => seconds * 1_000));
    });

    it('ends with what is stored when the store is full or the node is gone, and completes on a second run', async () => {
      const file = await folder.file(rowsOf(5_000));
      for (const trouble of ['full', 'gone']) {
        node.stored.clear();
        node.requests = 0;
        node.before = ({ socket }) => {
          if (node.requests < 3) return;
          if (trouble === 'full') throw new AppError('storage_full', 'the store is full');
          socket.destroy();
          throw new AppError('internal', 'the connection is gone');
        };
        const result = await run(file, {}, { sleep });
        expect(result).to.deep.include({ ok: false, rows: 4_000, accepted: 4_000 });
        expect(result.error).to.include({ code: trouble === 'full' ? 'storage_full' : 'unavailable' });
        expect(result.error).not.to.have.property('row');
        node.before = () => undefined;
        expect(await run(file)).to.include({ ok: true, accepted: 1_000, duplicates: 4_000 });
      }
    });

    it('ends in good order when it is interrupted', async () => {
      const interruption = new AbortController();
      node.before = () => {
        if (node.requests === 2) interruption.abort();
      };
      const result = await run(await folder.file(rowsOf(9_000)), {}, { signal: interruption.signal });
      expect(result).to.deep.include({ ok: false, rows: 2_000, accepted: 2_000 });
      expect(result.error?.code).to.equal('interrupted');
    });
  });

  describe('of measured data', () => {
    const root = fileURLToPath(new URL('../../../..', import.meta.url));
    const FILES = [
      { name: 'serf_east_1min_ac_power.csv', timeColumn: 'measured_on', columns: ['ac_power__752'], timeZone: 'UTC' },
      {
        name: 'nrel_RSF_II.csv',
        timeColumn: '',
        columns: ['ac_power_kw_1137', 'inv2_dc_voltage__1048'],
        timeZone: 'UTC-7',
      },
      {
        name: 'rmis_weather_data.csv',
        timeColumn: '""',
        columns: ['Ambient Temperature', 'UV-B'],
        timeZone: 'America/Denver',
      },
    ];
    for (const { name, timeColumn, columns, timeZone } of FILES) {
      it(`stores exactly the rows of ${name}`, async function () {
        const file = path.join(root, '..', 'shared', 'data', name);
        if (!existsSync(file)) return this.skip();
        const [header = [], ...rows] = (await readFile(file, 'utf8'))
          .trim()
          .split(/\r?\n/)
          .map((line) => line.split(','));
        const expected = rows.flatMap(([time = '', ...cells]) => {
          // All of it was measured at UTC-7, in winter or with the offset given.
          const at = new Date(`${time.replace(/-07:00$/, '')} -07:00`).toISOString();
          const values = columns.flatMap((column, n) => {
            const cell = cells[header.indexOf(column) - 1] ?? '';
            return cell === '' ? [] : [[`field${n}`, Number(cell)] as const];
          });
          return values.length === 0 ? [] : [{ device: 'meter', at, ...Object.fromEntries(values) }];
        });
        const mapping = columns.map((column, n) => `${column}=field${n}`);
        const request = { timeColumn, mapping, timeZone };
        const result = await run(file, request);
        expect(result).to.deep.include({ ok: true, rows: rows.length, accepted: expected.length, duplicates: 0 });
        expect(result.empty).to.equal(rows.length - expected.length);
        expect(node.documents).to.deep.equal(expected);
        expect(await run(file, request)).to.include({ accepted: 0, duplicates: expected.length });
      });
    }
  });
});
