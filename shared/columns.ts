/** Rows for people, each column as wide as its widest cell. */
import { print } from './cli.js';

/** Villages give some of these texts: none of them may speak to a terminal. */
const NOT_SHOWN = /\p{C}/gu;

/** The first row is the heading. */
export function printColumns(rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  for (const row of rows) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    print(cells.join('  ').replace(NOT_SHOWN, '?').trimEnd());
  }
}
