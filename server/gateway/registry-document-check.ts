/**
 * Checks one registry document on its way in: that its id and revision are well-formed and that it is bounded. What it
 * says is not judged: a newer node may write what this gateway does not know. Whatever it gets, it answers with a document
 * or a reason.
 */
import { REGISTRY_LIMITS } from '../../shared/registry/registry-documents.js';
import { jsonFault } from './json-fault.js';
import { revisionOf } from './revision-field.js';

/** Together with the fields that begin with an underscore. */
const MAX_DOCUMENT_BYTES = REGISTRY_LIMITS.storedBytes;
const MAX_DEPTH = 32;
const NAME = '[a-z][a-z0-9-]{0,31}:[A-Za-z0-9._-]{1,64}';
/** Bounded as the registry's own are, so that the trace of any document has a name that is possible as well. */
const ID = new RegExp(`^(?!trace:)${NAME}$|^trace:[A-Za-z0-9-]{1,40}:${NAME}$`);
/** Fields beginning with an underscore are CouchDB's; a replicated document has these. */
const RESERVED_ALLOWED: ReadonlySet<string> = new Set(['_id', '_rev', '_revisions', '_deleted']);

export interface RegistryDocument {
  id: string;
  rev: string;
  deleted: boolean;
  /** As it is written, with the names that begin with an underscore. */
  document: Record<string, unknown>;
}

export type RegistryVerdict = { accepted: RegistryDocument } | { id: string | null; reason: string };

/** `<type>:<name>`, or `trace:<edit>:<type>:<name>`. */
export function isRegistryId(id: string): boolean {
  return ID.test(id);
}

export function checkRegistryDocument(raw: unknown): RegistryVerdict {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return { id: null, reason: 'is not an object' };
  const document = raw as Record<string, unknown>;
  const { _id: id, _deleted: deleted = false, _revisions, ...rest } = document;
  if (typeof id !== 'string') return { id: null, reason: '_id must be a text' };
  if (!isRegistryId(id))
    return {
      id,
      reason:
        '_id is none of a registry: it must be <type>:<name>, the name at most 64 letters, digits, ".", "_" or "-"',
    };
  const reserved = Object.keys(document).find((name) => name.startsWith('_') && !RESERVED_ALLOWED.has(name));
  if (reserved !== undefined) return { id, reason: `${JSON.stringify(reserved.slice(0, 64))} is not allowed` };
  if (typeof deleted !== 'boolean') return { id, reason: '_deleted must be true or false' };
  const rev = revisionOf(document);
  if (rev === undefined) return { id, reason: 'has no well-formed revision' };
  const fault = jsonFault(rest, { maxDepth: MAX_DEPTH, finite: true });
  if (fault !== undefined) return { id, reason: fault };
  const bytes = Buffer.byteLength(JSON.stringify(rest));
  if (bytes > MAX_DOCUMENT_BYTES) {
    return { id, reason: `has ${bytes} bytes; at most ${MAX_DOCUMENT_BYTES} are allowed` };
  }
  // Both stores look for the revision, and for a deletion, in these.
  const named = { ...rest, _id: id, _rev: rev, ...(_revisions === undefined ? {} : { _revisions }) };
  return { accepted: { id, rev, deleted, document: deleted ? { ...named, _deleted: true } : named } };
}
