/** What people and programs see of the registry: documents, conflicts, and the trace of what was done. */

export type RegistryType = 'device' | 'tariff' | 'threshold' | 'profile';

/** A registry document in an answer. Names other than these are its fields. */
export interface RegistryView {
  /** `<type>:<id>`. */
  _id: string;
  _rev: string;
  type: string;
  id: string;
  /** Who made the last edit, `village:<id>` or a name at the centre, and when (canonical instant). */
  author: string;
  editedAt: string;
  schemaVersion: number;
  /** Fields of which concurrent edits await a person; absent where there are none. */
  conflicts?: string[];
  [field: string]: unknown;
}

/** One of the values a field was given concurrently, or `deleted` for the document as a whole. */
export interface ConflictingValue {
  /** Names the version it belongs to. */
  rev: string;
  /** Absent where the edit removed the field. */
  value?: unknown;
  author: string;
  at: string;
}

/** The document as one of the concurrent edits would have it. */
export interface ConflictVersion {
  /** What `keep` names. */
  rev: string;
  author: string;
  at: string;
  deleted: boolean;
  /** Its fields; absent for a deletion. */
  doc?: Record<string, unknown>;
}

/** An open conflict; the same on every side that has seen the same edits. */
export interface Conflict {
  _id: string;
  type: string;
  id: string;
  /** The revision that shows until it is settled: also a name that `keep` takes. */
  winner: string;
  /** By name; `_deleted` stands for a deletion against an edit. */
  fields: Record<string, ConflictingValue[]>;
  versions: ConflictVersion[];
}

/** What was done to a document, by whom, when: a document of its own that replicates with the rest. */
export interface TraceView {
  _id: string;
  /** The document's `<type>:<id>`. */
  of: string;
  kind: 'edit' | 'deletion' | 'merge' | 'settlement';
  /** Whose edit it was; for a merge everybody whose edits it joined. */
  authors: string[];
  at: string;
  /** By field; `from` and `to` are absent where there was, or is, nothing. */
  changes: Record<string, { from?: unknown; to?: unknown }>;
  /** For a merge, the fields it left to a person. */
  conflicts?: string[];
}
