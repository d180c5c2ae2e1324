/** Turns the cells of one row into a reading, or says that it holds none, or what is wrong with it. */
import { LIMITS, type Measurement } from '../../shared/documents.js';
import type { ResolvedColumns, ResolvedField } from './column-mapping.js';
import type { TimeReader } from './timestamps.js';

/** `json` is one reading as a line of NDJSON and `at` its time; `problem` is a sentence about the row. */
export type ReadRow = { json: string; at: string } | { empty: true } | { problem: string };

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const DECIMAL_COMMA = /^[+-]?\d+,\d+$/;
/** What decoding puts where bytes are not UTF-8. */
const REPLACEMENT_CHARACTER = '\uFFFD';

export class RowReader {
  readonly #device: string;
  readonly #columns: ResolvedColumns;
  readonly #times: TimeReader;

  constructor(device: string, columns: ResolvedColumns, times: TimeReader) {
    this.#device = device;
    this.#columns = columns;
    this.#times = times;
  }

  /** Reads the next row of the file; rows must come in its order, see TimeReader. */
  read(cells: readonly string[]): ReadRow {
    const { time, fields, width } = this.#columns;
    if (cells.length !== width) {
      return {
        problem: `has ${cells.length} ${cells.length === 1 ? 'column' : 'columns'} where the header has ${width}`,
      };
    }
    // A row without values still tells how far the file's time has come, which decides what a doubled hour means.
    const timeText = cells[time] ?? '';
    const at = timeText === '' ? undefined : this.#times.read(timeText);
    const values: Record<string, Measurement> = {};
    let problem: string | undefined;
    let anyValue = false;
    for (const field of fields) {
      const text = cells[field.index] ?? '';
      if (text === '') continue;
      anyValue = true;
      const value = readCell(text, field);
      if (typeof value === 'object') problem ??= value.problem;
      else values[field.field] = value;
    }
    if (!anyValue) return { empty: true };
    if (at === undefined) return { problem: 'has values but no time' };
    if ('problem' in at) return { problem: `the time ${at.problem}` };
    if (problem !== undefined) return { problem };
    return sized(JSON.stringify({ device: this.#device, at: at.at, ...values }), at.at);
  }
}

function readCell(text: string, { columnName, kind }: ResolvedField): Measurement | { problem: string } {
  if (kind === 'text') return readText(text, columnName);
  if (NUMBER.test(text)) {
    const value = Number(text);
    if (Number.isFinite(value)) return value;
  }
  if (/^true$/i.test(text)) return true;
  if (/^false$/i.test(text)) return false;
  const shown = `${shortened(text)} in the column ${columnName}`;
  if (DECIMAL_COMMA.test(text)) return { problem: `${shown} has a comma; numbers are written with a decimal point` };
  return { problem: `${shown} is not a number` };
}

function readText(text: string, columnName: string): string | { problem: string } {
  if (text.includes(REPLACEMENT_CHARACTER)) {
    return { problem: `the text in the column ${columnName} is not UTF-8` };
  }
  if (text.length <= LIMITS.measurementTextLength) return text;
  return {
    problem: `the text in the column ${columnName} has ${text.length} characters; at most ${LIMITS.measurementTextLength} are allowed`,
  };
}

function sized(json: string, at: string): ReadRow {
  // Few rows come near the limit, and no character takes more than three bytes in UTF-8.
  if (json.length * 3 <= LIMITS.documentBytes || Buffer.byteLength(json) <= LIMITS.documentBytes) return { json, at };
  return { problem: `makes a reading of more than ${LIMITS.documentBytes / 1024} KiB` };
}

function shortened(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
