/**
 * What the registry needs of a database that keeps documents the way CouchDB does: a tree of revisions for each, of which
 * the leaves count. The edge and the embedded centre keep it in PouchDB, the centre in CouchDB.
 *
 * Promises of every leaf store:
 * - A write is durable when it resolves.
 * - Failures of the database are thrown as AppErrors (`unavailable`, `storage_failed`, `busy`); "not found" is no failure.
 */

/** Histories are in the documents: names of old revisions only cost bytes on the way. */
export const REVS_LIMIT = 20;

/** A leaf of a document's tree of revisions. */
export interface Leaf {
  rev: string;
  /** Ids of its revision and of those before it, newest first and without generations: `_revisions.ids`, maybe cut short. */
  path: readonly string[];
  deleted: boolean;
  /** The document without the names that begin with an underscore. A deletion has a body, too. */
  body: Readonly<Record<string, unknown>>;
}

/** A revision to be added under one that is there. */
export interface NewLeaf {
  id: string;
  generation: number;
  /** As in `Leaf`; the first is its own. */
  path: readonly string[];
  deleted: boolean;
  body: Readonly<Record<string, unknown>>;
}

/** A document that is not deleted, as a list of them shows it. */
export interface Winner {
  id: string;
  rev: string;
  body: Readonly<Record<string, unknown>>;
  /** There is another leaf that is not deleted. */
  isContested: boolean;
}

export interface RangeOptions {
  /** Ids that begin with this; all but design documents unless given. */
  prefix?: string;
  /** Ids before this one alone. */
  before?: string;
  descending?: boolean;
  limit?: number;
}

export interface LeafStore {
  /** Every leaf, deleted ones too; none where the document was never there. */
  leaves(id: string): Promise<Leaf[]>;
  /** The documents that are not deleted, in the order of their ids. */
  winners(range?: RangeOptions): Promise<Winner[]>;
  /**
   * Adds a revision under `parent`, or the first one of a document, and resolves with its name. Throws `conflict` where
   * `parent` is not a leaf, or where there is a document already that is not deleted.
   */
  put(id: string, parent: Leaf | undefined, change: { deleted: boolean; body: object }): Promise<string>;
  /** Adds revisions with the names they have, as replication does: those that are there already are left as they are. */
  graft(leaves: readonly NewLeaf[]): Promise<void>;
  /**
   * Ids of the documents with more than one leaf, deleted ones counted, that were changed since an earlier call's `last`,
   * or at any time.
   */
  branched(since?: string): Promise<{ ids: string[]; last: string }>;
}
