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
const NUMBER = '-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?';
const FIELDS = `(?:"[A-Za-z][A-Za-z0-9_]*":(?:${TEXT}|${NUMBER}|true|false),)*`;
/** One whole document as nodes make and PouchDB writes it: a flat object whose texts hold no escapes. */
const PLAIN = new RegExp(
  `^\\{${FIELDS}?"node":"([a-z0-9]+)",${FIELDS}?"seq":([1-9][0-9]{0,14}),${FIELDS}"_id":(${TEXT}),"_rev":(${TEXT})\\}$`,
);

/** `undefined` for what cannot be read, for a deletion, and for a document without a number. */
export function storedBody(text: string): StoredBody | undefined {
  const plain = PLAIN.exec(text);
  // A name that damage made out of another one stands there twice: of two, parsing takes the last.
  if (!plain || isTwice(text, '"node":') || isTwice(text, '"seq":')) return parsedBody(text);
  const [, node = '', seq, id = '', rev = ''] = plain;
  return { id: id.slice(1, -1), rev: rev.slice(1, -1), node, seq: Number(seq) };
}

function isTwice(text: string, part: string): boolean {
  return text.indexOf(part) !== text.lastIndexOf(part);
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
