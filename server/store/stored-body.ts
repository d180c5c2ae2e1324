/**
 * What a receipt needs to know of a stored document, from its text: that it can be read at all, which document it is,
 * and its number.
 *
 * Almost all telemetry is flat and without escapes. Such a text is checked and searched as it is, in a quarter of the
 * time of parsing it; every other one is parsed. Both ways give the same.
 */

export interface StoredBody {
  id: string;
  rev: string;
  node: string;
  seq: number;
}

const TEXT = '"[ !#-[\\]-\\uffff]*"';
const DECIMAL = '-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?';
const FIELD = `"[A-Za-z0-9_]+":(?:${TEXT}|${DECIMAL}|true|false)`;
/** One flat JSON object whose texts hold no escapes. In it `"name":` stands for nothing but the field of that name. */
const FLAT = new RegExp(`^\\{${FIELD}(?:,${FIELD})*\\}$`);
const NUMBER = /^\d{1,16}$/;

/** `undefined` for what cannot be read, for a deletion, and for a document without a number. */
export function storedBody(text: string): StoredBody | undefined {
  if (!FLAT.test(text) || text.includes('"_deleted"')) return parsedBody(text);
  const id = fieldOf(text, '"_id":"', '"');
  const rev = fieldOf(text, '"_rev":"', '"');
  const node = fieldOf(text, '"node":"', '"');
  // Followed by a comma but for the last field, which PouchDB makes one of its own.
  const digits = fieldOf(text, '"seq":', ',');
  if (id === undefined || rev === undefined || node === undefined || digits === undefined) return parsedBody(text);
  if (!NUMBER.test(digits)) return parsedBody(text);
  return bodyOf(id, rev, node, Number(digits));
}

function fieldOf(text: string, before: string, after: string): string | undefined {
  const found = text.indexOf(before);
  if (found === -1) return undefined;
  const start = found + before.length;
  const end = text.indexOf(after, start);
  return end === -1 ? undefined : text.slice(start, end);
}

function parsedBody(text: string): StoredBody | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { _id: id, _rev: rev, _deleted: deleted, node, seq } = value as Record<string, unknown>;
    return deleted === true ? undefined : bodyOf(id, rev, node, seq);
  } catch {
    return undefined;
  }
}

function bodyOf(id: unknown, rev: unknown, node: unknown, seq: unknown): StoredBody | undefined {
  if (typeof id !== 'string' || typeof rev !== 'string' || typeof node !== 'string') return undefined;
  return Number.isSafeInteger(seq) && (seq as number) >= 1 ? { id, rev, node, seq: seq as number } : undefined;
}
