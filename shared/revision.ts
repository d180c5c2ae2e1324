/**
 * Content revisions: the same document is the same revision, whoever stores it and however often it arrives.
 *
 * A revision is `1-` and the first 12 hex digits of SHA-256 over the canonical JSON of the id and of what the sender
 * gave, names sorted; what the node adds (`type`, `village`, `node`, `seq`, `boot`, `clock`) is left out, the first two
 * being part of the id. 48 bits serve to tell two contents under one id apart; they are not a signature. CouchDB and
 * PouchDB keep any `1-<hex>` as it is, and 20 digits less are 10 bytes less on the wire.
 */
import { createHash } from 'node:crypto';
import { OWNED_NAMES } from './documents.js';

const DIGITS = 12;

/** Orders of names seen, by the names as they came: a village's meters send the same few sets all day. */
const orders = new Map<string, readonly string[]>();
const MAX_ORDERS = 1000;

/**
 * The revision of a telemetry document from its id and fields; fields the node owns, and PouchDB's, are passed over.
 */
export function contentRevision(id: string, fields: Readonly<Record<string, unknown>>): string {
  const content: unknown[] = [id];
  for (const name of orderOf(Object.keys(fields))) content.push(name, fields[name]);
  return `1-${createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, DIGITS)}`;
}

/** The names that count, sorted. */
function orderOf(names: readonly string[]): readonly string[] {
  const key = names.join();
  const known = orders.get(key);
  if (known) return known;
  const order = names.filter((name) => !OWNED_NAMES.has(name) && !name.startsWith('_')).sort();
  // Names come from outside: whoever invents ever new ones must not fill the memory.
  if (orders.size >= MAX_ORDERS) orders.clear();
  orders.set(key, order);
  return order;
}
