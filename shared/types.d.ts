/** Modules without types of their own; only what is used here is described. */
declare module 'pouchdb-adapter-leveldb' {
  const plugin: PouchDB.Plugin;
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
