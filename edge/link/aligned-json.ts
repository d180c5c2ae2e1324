/**
 * JSON of a list of similar documents, written so that it compresses better: the numbers of one field take the same
 * width in all of them.
 *
 * A compressor pays for every change of length and place. So a field's numbers are written as whole numbers with the
 * same exponent (`39.1` and `231` as `391e-1` and `2310e-1`) and blanks before the shorter ones. What this saves stands
 * in docs/adr/0013-compression.md.
 *
 * Invariant: a JSON parser that rounds correctly, as JavaScript's does, makes of it exactly what it makes of
 * `JSON.stringify`'s text.
 */

/** With fewer, spelling out the exponents costs more than it saves. */
const ALIGN_FROM_DOCUMENTS = 5;
/** Fields with longer fractions or larger numbers are written as they are. */
const MAX_DECIMALS = 6;
const MAX_NUMBER = 1e9;

type Fields = Readonly<Record<string, unknown>>;

/** The body of a `_bulk_docs` request. */
interface Alignable {
  docs: readonly Fields[];
  [name: string]: unknown;
}

/** How one field is written. */
interface Column {
  /** The name as it stands in a document, with the comma before and the colon behind. */
  readonly key: string;
  /** Digits behind the point of the longest fraction; undefined when its numbers are not aligned. */
  decimals: number | undefined;
  maxNumber: number;
  hasNegative: boolean;
  /** Characters of the longest number. */
  width: number;
  suffix: string;
  /** The value written last and its text: most texts repeat. */
  lastValue: unknown;
  lastText: string;
}

/** True for what `alignedJson` takes: an object with `docs`, a list of enough objects. */
export function isAlignable(value: unknown): value is Alignable {
  if (typeof value !== 'object' || value === null || !('docs' in value)) return false;
  const { docs } = value;
  return Array.isArray(docs) && docs.length >= ALIGN_FROM_DOCUMENTS && docs.every(isPlainObject);
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('toJSON' in value);
}

/** The text of a body with its documents aligned. */
export function alignedJson({ docs, ...rest }: Alignable): string {
  const columns = columnsOf(docs);
  const documents = docs.map((document) => alignedDocument(document, columns));
  const others = JSON.stringify(rest).slice(1, -1);
  return `{"docs":[${documents.join(',')}]${others === '' ? '' : `,${others}`}}`;
}

function columnsOf(documents: readonly Fields[]): Map<string, Column> {
  const columns = new Map<string, Column>();
  for (const document of documents) {
    for (const name of Object.keys(document)) {
      const column = columns.get(name) ?? newColumn(name);
      columns.set(name, column);
      const value = document[name];
      if (typeof value === 'number') include(value, column);
    }
  }
  for (const column of columns.values()) measure(column);
  return columns;
}

function newColumn(name: string): Column {
  return {
    key: `,${JSON.stringify(name)}:`,
    ...{ decimals: 0, maxNumber: 0, hasNegative: false, width: 0, suffix: '' },
    ...{ lastValue: undefined, lastText: '' },
  };
}

function include(value: number, column: Column): void {
  if (column.decimals === undefined) return;
  const size = Math.abs(value);
  column.decimals = size <= MAX_NUMBER ? decimalsFrom(column.decimals, value) : undefined;
  if (size > column.maxNumber) column.maxNumber = size;
  if (value < 0) column.hasNegative = true;
}

/**
 * The number of decimals, at least so many, with which the value can be written. That division gives the value back
 * proves it: a quotient of two whole numbers is rounded as a decimal text is.
 */
function decimalsFrom(atLeast: number, value: number): number | undefined {
  for (let decimals = atLeast; decimals <= MAX_DECIMALS; decimals++) {
    const scale = 10 ** decimals;
    if (Math.round(value * scale) / scale === value) return decimals;
  }
  return undefined;
}

function measure(column: Column): void {
  const { decimals = 0, maxNumber, hasNegative } = column;
  column.width = String(Math.round(maxNumber * 10 ** decimals)).length + (hasNegative ? 1 : 0);
  column.suffix = decimals === 0 ? '' : `e-${decimals}`;
}

function alignedDocument(document: Fields, columns: ReadonlyMap<string, Column>): string {
  let text = '';
  for (const name of Object.keys(document)) {
    const column = columns.get(name);
    const value = document[name];
    if (column && value !== undefined) text += column.key + written(value, column);
  }
  return `{${text.slice(1)}}`;
}

function written(value: unknown, column: Column): string {
  if (typeof value === 'number' && column.decimals !== undefined) {
    return String(Math.round(value * 10 ** column.decimals)).padStart(column.width) + column.suffix;
  }
  if (value !== column.lastValue || typeof value === 'object') {
    column.lastValue = value;
    column.lastText = JSON.stringify(value);
  }
  return column.lastText;
}
