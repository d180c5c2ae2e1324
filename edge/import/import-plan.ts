/**
 * An import that has been checked: everything that could be wrong with how it was asked for is found here, before any
 * node is asked for anything.
 */
import { AppError } from '../../shared/app-error.js';
import { nameSchema } from '../../shared/documents.js';
import { parseColumnName, parseMapping, type ResolvedColumns, resolveColumns } from './column-mapping.js';
import { type CsvDialect, detectDialect } from './csv-dialect.js';
import { BrokenCsvError, readCsvRecords } from './csv-rows.js';
import { TimeReader, type TimeReaderOptions } from './timestamps.js';

export type OnError = 'stop' | 'skip';

/** An import as it is asked for on the command line. */
export interface ImportRequest extends TimeReaderOptions {
  file: string;
  device: string;
  /** Header of the time column, or `#N`. */
  timeColumn: string;
  /** Texts of the form `COLUMN=field[:text][,…]`. */
  mapping: readonly string[];
  /** What a row that cannot be taken does: end the import before it, or be left out. */
  onError: OnError;
}

export interface ImportPlan {
  file: string;
  device: string;
  dialect: CsvDialect;
  columns: ResolvedColumns;
  time: TimeReaderOptions;
  onError: OnError;
}

/** Checks a request and reads the file's header. Throws `usage` with a sentence that names what is wrong. */
export async function planImport(request: ImportRequest): Promise<ImportPlan> {
  const { file, device, timeColumn, timeZone, timeFormat, onError } = request;
  const name = nameSchema.safeParse(device);
  if (!name.success) {
    throw new AppError('usage', `--device ${JSON.stringify(device)} ${name.error.issues[0]?.message}`);
  }
  const mapping = parseMapping(request.mapping);
  if (mapping.length === 0) throw new AppError('usage', '--map is missing; give COLUMN=field');
  const time = { timeZone, timeFormat };
  // Made only to be checked: each run needs one of its own, since it remembers where in the file it is.
  new TimeReader(time);
  const dialect = await detectDialect(file);
  const columns = resolveColumns(await readHeader(file, dialect), parseColumnName(timeColumn), mapping);
  return { file, device, dialect, columns, time, onError };
}

async function readHeader(file: string, dialect: CsvDialect): Promise<string[]> {
  try {
    for await (const { cells } of readCsvRecords(file, dialect)) return cells;
  } catch (error) {
    if (!(error instanceof BrokenCsvError)) throw error;
    throw new AppError('usage', `${file}, line ${error.line}: ${error.message}`);
  }
  throw new AppError('usage', `${file} holds blank lines only; its first line must name the columns`);
}
