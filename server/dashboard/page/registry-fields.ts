/** Fields of registry documents as texts that people edit, and back. Pure. */
import type { ShownDocument } from './fleet-answers.js';

export const TYPES = ['profile', 'device', 'tariff', 'threshold'] as const;
export type DocumentType = (typeof TYPES)[number];

/** Fields each type is known to have; others are kept as well. */
const KNOWN: Readonly<Record<DocumentType, readonly string[]>> = {
  device: ['model', 'serial', 'role', 'phase', 'installedAt', 'replacedBy'],
  tariff: ['currency', 'pricePerKwh', 'bands', 'validFrom'],
  threshold: ['device', 'field', 'low', 'high', 'forS'],
  profile: ['name', 'place', 'lat', 'lon', 'pvKwp', 'batteryKwh', 'contact'],
};
/** Of the known ones, those that are a number, and those that are written as JSON. The rest are texts. */
const NUMBERS: ReadonlySet<string> = new Set('pricePerKwh low high forS lat lon pvKwp batteryKwh'.split(' '));
const JSON_FIELDS: ReadonlySet<string> = new Set(['bands']);
/** What an answer has beside the fields. */
const ANSWERED: ReadonlySet<string> = new Set(
  '_id _rev type id author editedAt schemaVersion conflicts edits'.split(' '),
);

export type FieldKind = 'text' | 'number' | 'json';

export interface EditedField {
  name: string;
  kind: FieldKind;
  /** As it stands in the input; empty where the document has no such field. */
  text: string;
}

export interface TypedField extends EditedField {
  /** What stood in the input before anybody typed. */
  shown: string;
}

/** Those the document has and those its type knows. */
export function editedFields(type: string, document?: Partial<ShownDocument>): EditedField[] {
  const values = fieldsOf(document ?? {});
  const known = (KNOWN as Record<string, readonly string[] | undefined>)[type] ?? [];
  const names = [...known, ...Object.keys(values).filter((name) => !known.includes(name))];
  return names.map((name) => {
    const value = values[name];
    const kind = kindOf(name, value);
    return { name, kind, text: value === undefined ? '' : textOf(value, kind) };
  });
}

/**
 * The document with what was typed: a field somebody emptied is left out, and one nobody touched stays as it is, whether or
 * not an input can show it as it is. Throws a sentence that names the field, in `words`.
 */
export function documentOf(
  before: Readonly<Record<string, unknown>>,
  typed: readonly TypedField[],
  say: (problem: 'number' | 'json', field: string) => string,
): Record<string, unknown> {
  const fields = new Map(Object.entries(before));
  for (const field of typed.filter(({ name, text, shown }) => name !== '' && text !== shown)) {
    if (field.text.trim() === '') fields.delete(field.name);
    else fields.set(field.name, typedValue(field, say));
  }
  return Object.fromEntries(fields);
}

function typedValue({ name, kind, text }: EditedField, say: Parameters<typeof documentOf>[2]): unknown {
  if (kind === 'text') return text;
  try {
    const value: unknown = JSON.parse(text.trim().replace(kind === 'number' ? ',' : /$^/, '.'));
    if (kind === 'json' || typeof value === 'number') return value;
  } catch {
    // Told below, in the words of the page.
  }
  throw new Error(say(kind, name));
}

/** The fields of a document without what an answer adds. */
export function fieldsOf(document: Partial<ShownDocument>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(document).filter(([name]) => !ANSWERED.has(name)));
}

/** Fields that differ between two documents. */
export function differences(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])).sort();
}

function kindOf(name: string, value: unknown): FieldKind {
  if (value === undefined) return NUMBERS.has(name) ? 'number' : JSON_FIELDS.has(name) ? 'json' : 'text';
  if (typeof value === 'number') return 'number';
  return typeof value === 'string' ? 'text' : 'json';
}

function textOf(value: unknown, kind: FieldKind): string {
  return kind === 'text' ? String(value) : JSON.stringify(value);
}
