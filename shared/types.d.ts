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
  }

  export interface Change {
    id: string;
    seq: number | string;
    doc?: object;
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
    get(id: string, options?: { rev?: string }): Promise<object & { _id: string; _rev: string }>;
    put(document: object): Promise<{ ok: true; id: string; rev: string }>;
    remove(document: { _id: string; _rev: string }): Promise<unknown>;
    allDocs(options: AllDocsOptions): Promise<{ rows: AllDocsRow[] }>;
    bulkDocs(documents: object[], options?: { new_edits?: boolean }): Promise<BulkEntry[]>;
    changes(options: { since: number; limit: number; include_docs?: boolean }): Promise<{ results: Change[] }>;
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
  }

  export interface PouchDBStatic {
    new (name: string, options?: object): Database;
    plugin(plugin: object): PouchDBStatic;
    /** In `pouchdb-node` only. */
    replicate(source: Database, target: Database, options?: object): Replication;
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

declare module 'pouchdb-generate-replication-id' {
  /** `_local/<md5>` from both databases' ids; interoperable with PouchDB's own replications. */
  export default function generateReplicationId(
    source: { id(): Promise<string> },
    target: { id(): Promise<string> },
    options: Record<string, never>,
  ): Promise<string>;
}
