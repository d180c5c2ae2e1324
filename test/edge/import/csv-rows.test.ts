import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { detectDialect } from '../../../edge/import/csv-dialect.js';
import { BrokenCsvError, type CsvRecord, readCsvRecords } from '../../../edge/import/csv-rows.js';
import { AppError } from '../../../shared/app-error.js';
import { type CsvFolder, useCsvFolder } from './csv-folder.js';

async function readAll(folder: CsvFolder, content: string | Uint8Array): Promise<CsvRecord[]> {
  const file = await folder.file(content);
  const records: CsvRecord[] = [];
  for await (const record of readCsvRecords(file, await detectDialect(file))) records.push(record);
  return records;
}

async function refusalOf(file: string): Promise<AppError> {
  const error: unknown = await detectDialect(file).catch((thrown: unknown) => thrown);
  expect(error).to.be.instanceOf(AppError);
  return error as AppError;
}

describe('rows of a CSV file', () => {
  const folder = useCsvFolder();
  const recordsOf = (content: string) => readAll(folder, content);

  it('gives every cell as it was written, with the line its row begins on', async () => {
    const cell = fc.stringMatching(/^[a-zé"',;. \n]{0,6}$/).map((text) => text.trim());
    const table = fc.array(fc.tuple(cell, cell, fc.nat(2)), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom(',', ';', '\t'),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (rows, delimiter, newLine, bom) => {
          const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
          let content = `${bom ? '\uFEFF' : ''}time${delimiter}value${newLine}`;
          let line = 2;
          const expected = rows.map(([left, right, blanks]) => {
            content += newLine.repeat(blanks) + quote(left) + delimiter + quote(right) + newLine;
            const row = { cells: [left, right], line: line + blanks };
            line += blanks + 1 + left.split('\n').length - 1 + right.split('\n').length - 1;
            return row;
          });
          const [header, ...records] = await recordsOf(content);
          expect(header?.cells).to.deep.equal(['time', 'value']);
          expect(records.map(({ cells, line: at }) => ({ cells, line: at }))).to.deep.equal(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reads the same whatever falls on the border of two reads of the file', async () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => [`é${n}`, n % 3 === 0 ? `a\r\n"${n}"` : `${n}`]);
    const content = rows.map(([left, right]) => `${left},"${right?.replaceAll('"', '""')}"\r\n`).join('');
    const records = await recordsOf(`name,text\r\n${content}`);
    expect(records.slice(1).map(({ cells }) => cells)).to.deep.equal(rows);
    expect(records.at(-1)?.line).to.equal(1 + rows.length + Math.ceil((rows.length - 1) / 3));
    expect(records.at(-1)?.bytesRead).to.equal(Buffer.byteLength(content) + 11);
  });

  it('takes files whose lines end in different ways, and cells with spaces around them', async () => {
    const records = await recordsOf('a,b\r\n1, "x" \n  \n2,y\r3,z');
    expect(records.slice(1).map(({ cells, line }) => [line, ...cells])).to.deep.equal([
      [2, '1', '"x"'],
      [4, '2', 'y'],
      [5, '3', 'z'],
    ]);
  });

  it('keeps empty cells at the beginning of tab-separated rows', async () => {
    const records = await recordsOf('a\tb\tc\n\t\t5\n\t6\t\n');
    expect(records.slice(1).map(({ cells }) => cells)).to.deep.equal([
      ['', '', '5'],
      ['', '6', ''],
    ]);
  });

  it('tells the delimiter from the header outside quotes', async () => {
    expect((await recordsOf('"a,b,c";d\n1,5;2'))[1]?.cells).to.deep.equal(['1,5', '2']);
    expect((await recordsOf('\n"x;y;z",d\n1;5,2'))[1]?.cells).to.deep.equal(['1;5', '2']);
  });

  it('gives all rows before a quote that is never closed, then says where it is', async () => {
    for (const [tail, sentence] of [
      ['"open\n3,4\n', 'not closed'],
      [`"${'x,y\n'.repeat(400_000)}`, 'longer than 1 MiB'],
    ] as const) {
      const file = await folder.file(`a,b\n1,2\n\n3,4\n\n5,${tail}`);
      const read: number[] = [];
      let broken: unknown;
      try {
        for await (const { line } of readCsvRecords(file, await detectDialect(file))) read.push(line);
      } catch (error) {
        broken = error;
      }
      expect(read).to.deep.equal([1, 2, 4]);
      expect(broken).to.be.instanceOf(BrokenCsvError);
      expect((broken as BrokenCsvError).line).to.equal(6);
      expect((broken as BrokenCsvError).message).to.contain(sentence);
    }
  });

  it('refuses what is no CSV text with a sentence that says what it is', async () => {
    const cases: [string, string][] = [
      [folder.path('nowhere.csv'), 'there is no file'],
      [folder.path('.'), 'not a regular file'],
      [await folder.file(''), 'is empty'],
      [await folder.file(new Uint8Array([0xff, 0xfe, 0x61, 0x00])), 'UTF-16'],
      [await folder.file(new Uint8Array(gzipSync('a,b\n'))), 'compressed'],
      [await folder.file('PK\u0000\u0001'), 'not a text file'],
    ];
    for (const [file, sentence] of cases) {
      const error = await refusalOf(file);
      expect(error.code).to.equal('usage');
      expect(error.message).to.contain(sentence).and.to.contain(file);
    }
  });
});
