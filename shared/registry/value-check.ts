/**
 * What no field of a registry document may hold: what JSON, PouchDB and CouchDB do not all give back as it was given, or
 * what is nested so deep that one of them gives up.
 */

const MAX_DEPTH = 20;

/** What is wrong with a value, as the end of a sentence; undefined where nothing is. */
export function faultOf(value: unknown, depth = 0): string | undefined {
  if (depth > MAX_DEPTH) return `is nested more than ${MAX_DEPTH} deep`;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'has a number that is too large';
  if (typeof value === 'string') return textFault(value);
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, part] of Object.entries(value)) {
    // PouchDB's copy of a document leaves it out.
    if (name === '__proto__') return 'has a field __proto__';
    const fault = textFault(name) ?? faultOf(part, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** A lone surrogate is no Unicode: it changes on its way to the centre. */
function textFault(text: string): string | undefined {
  return text.isWellFormed() ? undefined : 'has a text that is not whole Unicode characters';
}
