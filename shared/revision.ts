/**
 * Content revisions: the same document is the same revision, whoever stores it and however often it arrives.
 *
 * A revision is `1-` and the first 12 hex digits of SHA-256 over the canonical JSON of what the sender gave (names sorted,
 * the id included; `node`, `seq`, `boot` and `clock` left out). 48 bits serve to tell two contents under one id apart; they
 * are not a signature. CouchDB and PouchDB keep any `1-<hex>` as it is, and 20 digits less are 10 bytes less on the wire.
 */
import { createHash } from 'node:crypto';

const DIGITS = 12;
const NOT_CONTENT: ReadonlySet<string> = new Set(['_rev', '_revisions', 'node', 'seq', 'boot', 'clock']);

/** The revision of a flat telemetry document; the document must carry its `_id`. */
export function contentRevision(document: Record<string, unknown>): string {
  const names = Object.keys(document)
    .filter((name) => !NOT_CONTENT.has(name))
    .sort();
  const canonical = JSON.stringify(names.map((name) => [name, document[name]]));
  return `1-${createHash('sha256').update(canonical).digest('hex').slice(0, DIGITS)}`;
}
