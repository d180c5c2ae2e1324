/**
 * The records of a CSV file as a stream of constant memory: quoted cells with line breaks, any mixture of line ends, a
 * byte order mark. Blank lines are left out but counted in the line numbers.
 *
 * Invariant: every record before a place that cannot be read is given before that failure is thrown.
 */
import { createReadStream } from 'node:fs';
import { type CsvError, type Info, parse } from 'csv-parse';
import { AppError, messageOf } from '../../shared/app-error.js';
import type { CsvDialect } from './csv-dialect.js';

interface Place {
  /** Line of the file, from 1, on which the record begins. */
  line: number;
  /** Bytes of the file up to the record's end. */
  bytesRead: number;
}

export interface CsvRecord extends Place {
  /** Trimmed text of each cell. */
  cells: string[];
}

/** The file is no CSV from this line on: what follows cannot be told apart any more. */
export class BrokenCsvError extends AppError {
  readonly line: number;

  constructor(message: string, line: number) {
    super('invalid_request', message);
    this.line = line;
  }
}

/** Far above any row that could become a reading, and small enough to hold when a quote is never closed. */
const MAX_RECORD_BYTES = 1024 * 1024;

/**
 * All records in the file's order, the header first. Throws `BrokenCsvError` at an unclosed quote or a record of more
 * than a mebibyte, `unavailable` when the file cannot be read on.
 */
export async function* readCsvRecords(file: string, { delimiter }: CsvDialect): AsyncGenerator<CsvRecord> {
  const lines = new LineCounter();
  let broken: BrokenCsvError | undefined;
  /** Of the records parsed but not yet given on, in order: the parser's types allow no place beside the cells. */
  const places: Place[] = [];
  const source = createReadStream(file);
  const parser = parse({
    bom: true,
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    ltrim: true,
    max_record_size: MAX_RECORD_BYTES,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    // An error thrown by the parser would discard the records it has read but not handed over: note it, end after them.
    skip_records_with_error: true,
    on_skip: (error) => {
      broken ??= lines.brokenAfter(error);
      source.unpipe(parser);
      parser.end();
      return undefined;
    },
    on_record: (cells: string[], info) => {
      if (broken) return null;
      places.push(lines.place(cells, info));
      return cells;
    },
  });
  source.on('error', (error) => {
    parser.destroy(new AppError('unavailable', `${file} cannot be read on: ${messageOf(error)}`, { cause: error }));
  });
  try {
    for await (const cells of source.pipe(parser) as AsyncIterable<string[]>) {
      const place = places.shift();
      if (place) yield { cells: cells.map((cell) => cell.trim()), ...place };
    }
  } finally {
    source.destroy();
  }
  if (broken) throw broken;
}

/** Line numbers from what each record holds: the parser's own count takes a CRLF inside quotes for two lines. */
class LineCounter {
  #lastLine = 0;
  #emptyLines = 0;

  place(cells: readonly string[], info: Info): Place {
    const line = this.#nextLine(info.empty_lines);
    this.#lastLine = line;
    for (const cell of cells) this.#lastLine += lineBreaksIn(cell);
    this.#emptyLines = info.empty_lines;
    return { line, bytesRead: info.bytes };
  }

  brokenAfter(error: CsvError | undefined): BrokenCsvError {
    const line = this.#nextLine(Number(error?.empty_lines ?? this.#emptyLines));
    if (error?.code === 'CSV_QUOTE_NOT_CLOSED') {
      return new BrokenCsvError('a quote opened here is not closed before the end of the file', line);
    }
    if (error?.code === 'CSV_MAX_RECORD_SIZE') {
      return new BrokenCsvError('the row is longer than 1 MiB; a quote opened here may not be closed', line);
    }
    return new BrokenCsvError(`the row cannot be read: ${messageOf(error)}`, line);
  }

  #nextLine(emptyLines: number): number {
    return this.#lastLine + 1 + emptyLines - this.#emptyLines;
  }
}

function lineBreaksIn(cell: string): number {
  if (!cell.includes('\n') && !cell.includes('\r')) return 0;
  return cell.match(/\r\n|\n|\r/g)?.length ?? 0;
}
