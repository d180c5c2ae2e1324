/** Modules without types of their own that can be used here; only what is used is described. */

declare module 'pouchdb-core' {
  export interface AllDocsRow {
    id: string;
    key: string;
    value: { rev: string; deleted?: boolean };
    doc?: object | null;
    error?: string;
  }

  export interface AllDocsOptions {
    keys?: string[];
    startkey?: string;
    endkey?: string;
    descending?: boolean;
    limit?: number;
    include_docs?: boolean;
    inclusive_end?: boolean;
    conflicts?: boolean;
  }

  export interface Change {
    id: string;
    seq: number | string;
    doc?: object;
    /** The winning revision, or with the style `all_docs` every leaf. */
    changes?: { rev: string }[];
    deleted?: boolean;
  }

  export interface ChangesOptions {
    since: number;
    limit?: number;
    include_docs?: boolean;
    style?: 'main_only' | 'all_docs';
  }

  /** One entry of a bulk answer; with `new_edits: false` only failures are told. */
  export interface BulkEntry {
    ok?: true;
    id?: string;
    rev?: string;
    error?: unknown;
    status?: number;
    message?: string;
    reason?: string;
  }

  export interface Database {
    id(): Promise<string>;
    info(): Promise<{ db_name: string; doc_count: number; update_seq: number | string }>;
    get(
      id: string,
      options?: { rev?: string; open_revs?: 'all'; revs?: boolean },
    ): Promise<object & { _id: string; _rev: string }>;
    get(
      id: string,
      options: { open_revs: readonly string[] | 'all'; revs: boolean },
    ): Promise<({ ok: Record<string, unknown> } | { missing: string })[]>;
    put(document: object): Promise<{ ok: true; id: string; rev: string }>;
    remove(document: { _id: string; _rev: string }): Promise<unknown>;
    allDocs(options: AllDocsOptions): Promise<{ rows: AllDocsRow[] }>;
    bulkDocs(documents: object[], options?: { new_edits?: boolean }): Promise<BulkEntry[]>;
    changes(options: ChangesOptions): Promise<{ results: Change[]; last_seq: number }>;
    revsDiff(asked: Record<string, string[]>): Promise<Record<string, { missing?: string[] }>>;
    setMaxListeners(count: number): void;
    close(): Promise<void>;
    destroy(): Promise<unknown>;
  }

  /** A replication under way; settles with its result. */
  export interface Replication extends Promise<ReplicationResult> {
    on(event: string, listener: (info: { docs_written: number }) => void): this;
    cancel(): void;
  }

  export interface ReplicationResult {
    ok: boolean;
    docs_read: number;
    docs_written: number;
    doc_write_failures: number;
    errors: unknown[];
    status?: string;
    /** How far the source's changes were read. */
    last_seq: number | string;
  }

  export interface PouchDBStatic {
    new (name: string, options?: object): Database;
    plugin(plugin: object): PouchDBStatic;
    /** Of the plugin `pouchdb-replication`. What is no name of a database is used as it is. */
    replicate(source: object, target: object, options?: object): Replication;
  }

  const PouchDB: PouchDBStatic;
  export default PouchDB;
}

declare module 'pouchdb-node' {
  export { default } from 'pouchdb-core';
}

declare module 'pouchdb-adapter-leveldb' {
  const plugin: object;
  export default plugin;
}

declare module 'pouchdb-replication' {
  const plugin: object;
  export default plugin;
}

declare module 'pouchdb-generate-replication-id' {
  /** `_local/<md5>` from both databases' ids; interoperable with PouchDB's own replications. */
  export default function generateReplicationId(
    source: { id(): Promise<string> },
    target: { id(): Promise<string> },
    options: Record<string, never>,
  ): Promise<string>;
}

/** For tests: what makes CouchDB's and PouchDB's trees of revisions what they are. */
declare module 'pouchdb-merge' {
  type RevNode = [id: string, options: { status: 'available' | 'missing'; deleted?: boolean }, children: RevNode[]];
  export type RevTree = { pos: number; ids: RevNode }[];
  export function merge(tree: RevTree, path: RevTree[number], depth: number): { tree: RevTree };
  export function collectLeaves(tree: RevTree): { rev: string }[];
  /** From each root to each leaf. */
  export function rootToLeaf(tree: RevTree): { pos: number; ids: { id: string }[] }[];
}
