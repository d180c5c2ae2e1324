/**
 * How PouchDB 9 lays out a database in LevelDB, as far as telemetry needs it: documents with one body, never deleted,
 * without attachments.
 *
 * Written from pouchdb-adapter-leveldb-core (`index.js`, `writeDoc`, `formatSeq`) and sublevel-pouchdb; what is written
 * here is byte for byte what `bulkDocs` with `new_edits: false` writes, which `test/edge/ledger/layout.test.ts` holds
 * against PouchDB itself. Of a history that a replicator told, PouchDB keeps a copy besides, which nothing reads.
 */
import { type TelemetryDocument, TYPE_LETTER } from './documents.js';
import { contentRevision } from './revision.js';
import type { LevelOperation } from './watched-level.js';

/** A document to store, as its sender's fields, in JSON, and what the node added. */
export interface EncodedDocument {
  id: string;
  revision: string;
  /** The whole document in JSON, `_id` and `_rev` last. */
  json: string;
  /** Hashes of the revisions before this one, the newest first, where a replicator told them. */
  history?: readonly string[] | undefined;
}

const BY_SEQUENCE = 'ÿby-sequenceÿ';
const DOCUMENT_STORE = 'ÿdocument-storeÿ';
const META_STORE = 'ÿmeta-storeÿ';
const SEQUENCE_DIGITS = 16;

export const UPDATE_SEQ_KEY = `${META_STORE}_local_last_update_seq`;
export const DOC_COUNT_KEY = `${META_STORE}_local_doc_count`;
export const UUID_KEY = `${META_STORE}_local_uuid`;

const LOCAL_STORE = 'ÿlocal-storeÿ_local/';
/** All `_local` documents; what follows `gt` in a key is the name. */
export const LOCAL_DOCUMENTS = { gt: LOCAL_STORE, lt: `${LOCAL_STORE}\uffff` };

/** A `_local` document in its first revision. */
export function localDocumentOperation(name: string, body: object): LevelOperation {
  const value = JSON.stringify({ ...body, _id: `_local/${name}`, _rev: '0-1' });
  return { type: 'put', key: LOCAL_STORE + name, value };
}

export function sequenceKey(localSeq: number): string {
  return BY_SEQUENCE + String(localSeq).padStart(SEQUENCE_DIGITS, '0');
}

/** The local sequence in a key of `by-sequence`; NaN for a damaged key. */
export function sequenceOf(key: string): number {
  return /^\d{16}$/.test(key.slice(BY_SEQUENCE.length)) ? Number(key.slice(BY_SEQUENCE.length)) : Number.NaN;
}

export function isSequenceKey(key: string): boolean {
  return key.startsWith(BY_SEQUENCE) && Number.isSafeInteger(sequenceOf(key));
}

/** All documents. */
export function sequences(): { gt: string; lt: string } {
  return { gt: BY_SEQUENCE, lt: `${BY_SEQUENCE}\uffff` };
}

export function documentKey(id: string): string {
  return DOCUMENT_STORE + id;
}

export function idOf(key: string): string {
  return key.slice(DOCUMENT_STORE.length);
}

/** Sorts behind every id. */
export const LAST_DOCUMENT_KEY = `${DOCUMENT_STORE}\uffff`;

/** What PouchDB keeps of a document beside its body. */
export interface DocumentMetadata {
  id: string;
  rev: string;
  seq: number;
}

/** What a damaged value or a foreign one is not: the metadata of a document with one revision. */
export function decodeMetadata(json: string): DocumentMetadata | undefined {
  try {
    const { id, rev, seq } = JSON.parse(json) as Partial<DocumentMetadata>;
    if (typeof id !== 'string' || typeof rev !== 'string' || typeof seq !== 'number') return undefined;
    return { id, rev, seq };
  } catch {
    return undefined;
  }
}

/** The two entries of a new document at a local sequence. */
export function documentOperations(document: EncodedDocument, localSeq: number): LevelOperation[] {
  return [
    { type: 'put', key: sequenceKey(localSeq), value: document.json },
    { type: 'put', key: documentKey(document.id), value: encodeMetadata(document, localSeq) },
  ];
}

/** The database's own counters, which every batch brings up to date. */
export function counterOperations(updateSeq: number, documents: number): LevelOperation[] {
  return [
    { type: 'put', key: UPDATE_SEQ_KEY, value: String(updateSeq) },
    { type: 'put', key: DOC_COUNT_KEY, value: String(documents) },
  ];
}

/** Only the id can hold what JSON must escape: a revision is hex. */
function encodeMetadata({ id, revision, history = [] }: EncodedDocument, localSeq: number): string {
  const dash = revision.indexOf('-');
  const generation = Number(revision.slice(0, dash)) - history.length;
  let node = `["${revision.slice(dash + 1)}",{"status":"available"},[]]`;
  for (const hash of history) node = `["${hash}",{"status":"missing"},[${node}]]`;
  const tree = `[{"pos":${generation},"ids":${node}}]`;
  const known = `"rev_map":{"${revision}":${localSeq}},"winningRev":"${revision}"`;
  return `{"id":${JSON.stringify(id)},"rev":"${revision}","rev_tree":${tree},${known},"deleted":false,"seq":${localSeq}}`;
}

/** The document in a value, when it is whole: what its revision was made of. */
export function decodeDocument(json: string | undefined): TelemetryDocument | undefined {
  if (json === undefined) return undefined;
  try {
    const document = JSON.parse(json) as TelemetryDocument;
    // The revision covers what was sent, the id the type and the village; number and node are proven by the place.
    const isWhole =
      Number.isSafeInteger(document.boot) &&
      (document.clock === undefined || document.clock === 'unsure') &&
      document._id.startsWith(`${document.village}:${TYPE_LETTER[document.type]}:`) &&
      contentRevision(document._id, document) === document._rev;
    return isWhole ? document : undefined;
  } catch {
    return undefined;
  }
}
