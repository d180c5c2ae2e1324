/**
 * The rows of a file in batches a node can take, with what is wrong with the others.
 *
 * Invariant: a batch is bounded in rows of any kind and in bytes, and the next one is read only when it is asked for,
 * so memory does not depend on the file.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import { BrokenCsvError, readCsvRecords } from './csv-rows.js';
import type { ImportPlan } from './import-plan.js';
import { RowReader } from './row-reader.js';
import { TimeReader } from './timestamps.js';

export interface RowPlace {
  /** Row of data, from 1; the header and blank lines are none. */
  row: number;
  /** Line of the file, from 1. */
  line: number;
}

export interface ReadingRow extends RowPlace {
  /** The reading as a line of NDJSON, without the line's end. */
  json: string;
  /** Canonical instant. */
  at: string;
}

export interface RowProblem extends RowPlace {
  message: string;
}

/** Why an import ends early. */
export interface ImportFailure extends Partial<RowPlace> {
  code: string;
  message: string;
}

export interface RowBatch {
  readings: ReadingRow[];
  /** Rows that are to be skipped. */
  bad: RowProblem[];
  /** Rows without any value, by number. */
  empty: number[];
  /** Number of the last row read. */
  lastRow: number;
  bytesRead: number;
  /** Set in the last batch when nothing can or may follow. */
  failure?: ImportFailure;
}

const MAX_BATCH_ROWS = 2_000;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/**
 * All batches of the plan's file, in its order. What goes wrong ends the last batch as its `failure` and is not thrown.
 */
export async function* readBatches(plan: ImportPlan): AsyncGenerator<RowBatch> {
  const rows = new RowReader(plan.device, plan.columns, new TimeReader(plan.time));
  let batch = emptyBatch(0, 0);
  let bytes = 0;
  let header = true;
  try {
    for await (const { cells, line, bytesRead } of readCsvRecords(plan.file, plan.dialect)) {
      if (header) {
        header = false;
        continue;
      }
      const row = rows.read(cells);
      const rowBytes = 'json' in row ? Buffer.byteLength(row.json) + 1 : 0;
      if (rowsIn(batch) >= MAX_BATCH_ROWS || bytes + rowBytes >= MAX_BATCH_BYTES) {
        yield batch;
        batch = emptyBatch(batch.lastRow, batch.bytesRead);
        bytes = 0;
      }
      bytes += rowBytes;
      const place = { row: batch.lastRow + 1, line };
      batch.lastRow = place.row;
      batch.bytesRead = bytesRead;
      if ('json' in row) batch.readings.push({ ...place, ...row });
      else if ('empty' in row) batch.empty.push(place.row);
      else if (plan.onError === 'skip') batch.bad.push({ ...place, message: row.problem });
      else {
        batch.failure = { code: 'invalid_request', message: row.problem, ...place };
        break;
      }
    }
    if (!batch.failure) batch.bytesRead = plan.dialect.totalBytes;
  } catch (error) {
    // The row that cannot be read to its end was begun: it is the one the import ends at.
    if (error instanceof BrokenCsvError) batch.lastRow++;
    batch.failure = failureOf(error, batch.lastRow);
  }
  yield batch;
}

function emptyBatch(lastRow: number, bytesRead: number): RowBatch {
  return { readings: [], bad: [], empty: [], lastRow, bytesRead };
}

function rowsIn({ readings, bad, empty }: RowBatch): number {
  return readings.length + bad.length + empty.length;
}

function failureOf(error: unknown, row: number): ImportFailure {
  const message = messageOf(error);
  if (error instanceof BrokenCsvError) return { code: error.code, message, row, line: error.line };
  return { code: error instanceof AppError ? error.code : 'internal', message };
}
