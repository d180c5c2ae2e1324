/**
 * Checks one telemetry document on its way into the centre: whose it is, that its id says what its fields say, that it
 * is flat (but for the ranges of numbers that events tell) and bounded. Whatever it gets, it answers with a document or a reason; it never throws. Written by hand
 * because every document of every village passes here. It does not judge contents: what a node accepted, the centre
 * accepts, fields it does not know included.
 */
import { LIMITS, type TelemetryType, telemetryId } from '../../shared/documents.js';
import { isCanonicalInstant } from '../../shared/time.js';
import type { IncomingDocument } from '../store/contract.js';
import { revisionOf } from './revision-field.js';

/** Above the sender's limit by what the node adds, `_rev` and `_revisions` included. */
const MAX_DOCUMENT_BYTES = LIMITS.documentBytes + 2048;
/** Measurements, and the names a node owns or a later version may add. */
const MAX_FIELDS = LIMITS.measurements + 24;
const MAX_TEXT_LENGTH = {
  reading: LIMITS.measurementTextLength,
  prediction: LIMITS.measurementTextLength,
  event: 8192,
};
/** `[9007199254740991,9007199254740991],` */
const RANGE_BYTES = 36;

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const NODE = /^[a-z0-9]{4,12}$/;
const FIELD = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** Fields beginning with an underscore are CouchDB's; a replicated document has these. */
const RESERVED_ALLOWED: ReadonlySet<string> = new Set(['_id', '_rev', '_revisions']);
const EVENT_NUMBER = /^\d{1,15}$/;

type Fields = Record<string, unknown>;

/** Why a document is refused, in few words: what it is made of, a deletion, another village's, an id of other fields. */
export type RefusalKind = 'form' | 'deletion' | 'village' | 'id';

export type DocumentVerdict = { document: IncomingDocument } | { id: string | null; reason: string; kind: RefusalKind };

/** Checks a document of `village` (in canonical form). */
export function checkDocument(raw: unknown, village: string): DocumentVerdict {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return { id: null, reason: 'is not an object', kind: 'form' };
  }
  const fields = raw as Fields;
  const { _id: id, node, seq } = fields;
  if (typeof id !== 'string') return { id: null, reason: '_id must be a text', kind: 'form' };
  const reserved = reservedReason(fields);
  if (reserved !== undefined) return { id, reason: reserved, kind: fields._deleted === true ? 'deletion' : 'form' };
  const rev = revisionOf(fields);
  if (rev === undefined) return { id, reason: 'has no well-formed revision', kind: 'form' };
  if (fields.village !== village || !id.startsWith(`${village}:`)) {
    return { id, reason: `is not a document of the village ${village}`, kind: 'village' };
  }
  const reason = reasonAgainst(fields, id, village);
  if (reason !== undefined) return { id, reason, kind: reason === MISMATCH ? 'id' : 'form' };
  return { document: { id, rev, node: String(node), seq: Number(seq), body: fields } };
}

/** CouchDB's own fields come first: a deletion has no other, and is to be refused for what it is. */
function reservedReason(fields: Fields): string | undefined {
  for (const name of Object.keys(fields)) {
    if (!name.startsWith('_') || RESERVED_ALLOWED.has(name)) continue;
    const isDeletion = name === '_deleted' && fields[name] === true;
    return isDeletion ? 'is a deletion; telemetry is never deleted by a village' : `${shown(name)} is not allowed`;
  }
  return undefined;
}

function reasonAgainst(fields: Fields, id: string, village: string): string | undefined {
  const { type } = fields;
  if (type !== 'reading' && type !== 'prediction' && type !== 'event') {
    return 'type must be reading, prediction or event';
  }
  return ownedFieldsReason(fields) ?? idReason(fields, id, village, type) ?? flatnessReason(fields, type);
}

function ownedFieldsReason({ node, seq, boot, clock }: Fields): string | undefined {
  if (typeof node !== 'string' || !NODE.test(node)) return 'node must be 4 to 12 lower-case letters or digits';
  if (!Number.isSafeInteger(seq) || (seq as number) < 1) return 'seq must be a whole number of 1 or more';
  if (!Number.isSafeInteger(boot) || (boot as number) < 0) return 'boot must be a whole number of 0 or more';
  if (clock !== undefined && clock !== 'unsure') return 'clock must be "unsure" or absent';
  return undefined;
}

function idReason(fields: Fields, id: string, village: string, type: TelemetryType): string | undefined {
  const { device, model, at, for: forTime } = fields;
  if (!isCanonical(at)) return 'at must be UTC with milliseconds, such as 2026-03-01T12:00:00.000Z';
  if (device !== undefined && !isName(device)) return 'device must be 1 to 64 letters, digits, ".", "_" or "-"';
  if (type === 'event') {
    const prefix = `${village}:e:${fields.node}:${fields.boot}-`;
    return id.startsWith(prefix) && EVENT_NUMBER.test(id.slice(prefix.length)) ? undefined : MISMATCH;
  }
  if (type === 'reading') {
    if (device === undefined) return 'device is missing';
    return id === telemetryId(village, type, { device, at }) ? undefined : MISMATCH;
  }
  if (!isName(model)) return 'model must be 1 to 64 letters, digits, ".", "_" or "-"';
  if (forTime !== undefined && !isCanonical(forTime)) {
    return 'for must be UTC with milliseconds, such as 2026-03-01T12:00:00.000Z';
  }
  return id === telemetryId(village, type, { model, device, at, for: forTime }) ? undefined : MISMATCH;
}

const MISMATCH = '_id does not match the fields';

/**
 * Names, kinds and size of all fields. The size is first estimated from above; only a document near the limit is
 * measured.
 */
function flatnessReason(fields: Fields, type: TelemetryType): string | undefined {
  const names = Object.keys(fields);
  if (names.length > MAX_FIELDS) return `has ${names.length} fields; at most ${MAX_FIELDS} are allowed`;
  let estimatedBytes = 2;
  for (const name of names) {
    if (RESERVED_ALLOWED.has(name)) continue;
    if (!isFieldName(name)) return `${shown(name)} is not a field name`;
    const value = fields[name];
    if (typeof value === 'string') {
      if (value.length > MAX_TEXT_LENGTH[type]) return `${name} is longer than ${MAX_TEXT_LENGTH[type]} characters`;
      if (!value.isWellFormed()) return `${name} is not well-formed Unicode`;
      estimatedBytes += 6 * value.length;
    } else if (typeof value === 'number') {
      if (!Number.isFinite(value)) return `${name} is not a finite number`;
    } else if (type === 'event' && Array.isArray(value)) {
      if (!value.every(isRange)) return `${name} must be a list of ranges of numbers, such as [[1, 5], [9, 9]]`;
      estimatedBytes += RANGE_BYTES * value.length;
    } else if (typeof value !== 'boolean') {
      return `${name} must be a number, a boolean or a text`;
    }
    estimatedBytes += name.length + 32;
  }
  if (estimatedBytes <= MAX_DOCUMENT_BYTES) return undefined;
  // Past this point the fields are known to be flat, so this cannot recurse.
  const { _revisions, ...rest } = fields;
  const bytes = Buffer.byteLength(JSON.stringify(rest));
  return bytes <= MAX_DOCUMENT_BYTES ? undefined : `has ${bytes} bytes; at most ${MAX_DOCUMENT_BYTES} are allowed`;
}

/** Both ends inclusive. */
function isRange(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to] = value;
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 1 && from <= to;
}

/** Names found well-formed: a village's meters send the same few all day. */
const fieldNames = new Set<string>();
const MAX_FIELD_NAMES = 10_000;

function isFieldName(name: string): boolean {
  if (fieldNames.has(name)) return true;
  if (!FIELD.test(name)) return false;
  // Names come from outside: whoever invents ever new ones must not fill the memory.
  if (fieldNames.size >= MAX_FIELD_NAMES) fieldNames.clear();
  fieldNames.add(name);
  return true;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

/** The canonical instant seen last: all meters of a village report at the same time. */
let lastInstant = '';

function isCanonical(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  if (value === lastInstant) return true;
  if (!isCanonicalInstant(value)) return false;
  lastInstant = value;
  return true;
}

/** A name from outside, fit for a message. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}
