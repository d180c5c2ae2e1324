/**
 * Which column of a file becomes which field: parsing of `--time` and `--map`, and finding the columns in a header.
 *
 * A column is named by its header, exactly but for surrounding spaces (`""` or nothing is the unnamed one), or by `#N`,
 * counted from 1. Every failure is a `usage` error that names the column or the field.
 */
import { AppError } from '../../shared/app-error.js';
import { OWNED_NAMES, readingSchema } from '../../shared/documents.js';

export type ColumnName = { header: string } | { position: number };
export type FieldKind = 'number' | 'text';

export interface MappedColumn {
  column: ColumnName;
  field: string;
  /** Cells of `number` columns must be numbers or booleans; cells of `text` columns are taken as they are. */
  kind: FieldKind;
}

/** A mapping applied to a header: positions from 0. */
export interface ResolvedColumns {
  time: number;
  fields: ResolvedField[];
  /** Number of cells each row must have. */
  width: number;
}

export interface ResolvedField {
  index: number;
  /** How the column is called in messages: its header, or `#N` where that is no unique name. */
  columnName: string;
  field: string;
  kind: FieldKind;
}

const MAX_COLUMNS_LISTED = 40;

export function parseColumnName(text: string): ColumnName {
  const name = text.trim();
  const position = /^#(\d{1,6})$/.exec(name)?.[1];
  if (position !== undefined) return { position: Number(position) };
  return { header: name === '""' ? '' : name };
}

/** The items of one or more `--map COLUMN=field[:text|:number][,…]`; the last `=` of an item splits it. */
export function parseMapping(texts: readonly string[]): MappedColumn[] {
  const mapping = texts.flatMap((text) => parseItems(text));
  checkFields(mapping);
  return mapping;
}

function parseItems(text: string): MappedColumn[] {
  if (text.trim() === '') throw new AppError('usage', '--map is empty; give COLUMN=field');
  return text.split(',').map((item) => parseItem(item, text));
}

function parseItem(item: string, whole: string): MappedColumn {
  const splitAt = item.lastIndexOf('=');
  if (splitAt < 0) {
    throw new AppError(
      'usage',
      `--map ${JSON.stringify(whole)}: ${JSON.stringify(item)} is not COLUMN=field (a column with a comma in its name is given as #N)`,
    );
  }
  const [field = '', kind, ...more] = item
    .slice(splitAt + 1)
    .trim()
    .split(':');
  if (more.length > 0 || (kind !== undefined && kind !== 'text' && kind !== 'number')) {
    throw new AppError('usage', `--map ${JSON.stringify(item)}: only :text or :number may follow the field's name`);
  }
  return {
    column: parseColumnName(item.slice(0, splitAt)),
    field,
    kind: kind ?? (field === 'state' ? 'text' : 'number'),
  };
}

function checkFields(mapping: readonly MappedColumn[]): void {
  const seen = new Set<string>();
  for (const { field } of mapping) {
    if (seen.has(field)) throw new AppError('usage', `--map gives the field "${field}" to more than one column`);
    seen.add(field);
    const problem = problemOfField(field);
    if (problem !== undefined) throw new AppError('usage', `--map: the field ${JSON.stringify(field)} ${problem}`);
  }
  const whole = readingSchema.safeParse({
    device: 'device',
    ...Object.fromEntries([...seen].map((field) => [field, 0])),
  });
  if (!whole.success) throw new AppError('usage', `--map ${whole.error.issues[0]?.message}`);
}

function problemOfField(field: string): string | undefined {
  if (field === 'at' || field === 'device') return `is given by --${field === 'at' ? 'time' : field}`;
  if (OWNED_NAMES.has(field)) return 'is set by the node and cannot be given';
  const parsed = readingSchema.safeParse({ device: 'device', [field]: 0 });
  return parsed.success ? undefined : parsed.error.issues[0]?.message;
}

/** Finds the columns in the file's header. Throws `usage`, listing the columns there are. */
export function resolveColumns(
  header: readonly string[],
  timeColumn: ColumnName,
  mapping: readonly MappedColumn[],
): ResolvedColumns {
  const time = findColumn(header, timeColumn, '--time');
  const usedBy = new Map([[time, '--time']]);
  const fields = mapping.map(({ column, field, kind }) => {
    const index = findColumn(header, column, '--map');
    const columnName = nameInMessages(header, index);
    const other = usedBy.get(index);
    if (other !== undefined) {
      throw new AppError('usage', `the column ${columnName} is given twice: by ${other} and as ${field} by --map`);
    }
    usedBy.set(index, `--map as ${field}`);
    return { index, columnName, field, kind };
  });
  return { time, fields, width: header.length };
}

function findColumn(header: readonly string[], column: ColumnName, flag: string): number {
  if ('position' in column) {
    if (column.position >= 1 && column.position <= header.length) return column.position - 1;
    throw new AppError('usage', `${flag}: there is no column #${column.position}; ${listColumns(header)}`);
  }
  const name = column.header === '' ? 'without a name' : JSON.stringify(column.header);
  const index = header.indexOf(column.header);
  if (index < 0) throw new AppError('usage', `${flag}: there is no column ${name}; ${listColumns(header)}`);
  if (header.indexOf(column.header, index + 1) < 0) return index;
  const positions = header.flatMap((text, at) => (text === column.header ? [`#${at + 1}`] : []));
  throw new AppError(
    'usage',
    `${flag}: more than one column is ${name}; name it by its position, ${positions.join(' or ')}`,
  );
}

function listColumns(header: readonly string[]): string {
  const shown = header.slice(0, MAX_COLUMNS_LISTED).map((_, index) => nameInMessages(header, index));
  const more = header.length > shown.length ? ` and ${header.length - shown.length} more` : '';
  return `the file has ${shown.join(', ')}${more}`;
}

function nameInMessages(header: readonly string[], index: number): string {
  const name = header[index] ?? '';
  const unique = name !== '' && header.indexOf(name) === header.lastIndexOf(name);
  return unique ? JSON.stringify(name) : `#${index + 1}${name === '' ? ' (unnamed)' : ` (${JSON.stringify(name)})`}`;
}
