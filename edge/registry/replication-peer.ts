/**
 * One side of a replication as PouchDB's replicator wants it, made of the four calls that the protocol consists of.
 *
 * PouchDB keeps no checkpoints here: it is told where to begin, and `pouchdb-replication` says how far it came. The
 * first failure of either side is kept, because the replicator makes another error of it.
 */
import { EventEmitter } from 'node:events';
import type { BulkEntry } from 'pouchdb-core';

/** A changed document with the revisions of all its leaves. */
export interface LeafChange {
  id: string;
  seq: number | string;
  changes: { rev: string }[];
  deleted?: boolean;
}

export interface ChangesPage {
  results: LeafChange[];
  last_seq: number | string;
}

/** A leaf as it travels. */
export interface LeafDocument {
  _id: string;
  _rev: string;
  _deleted?: boolean;
  _revisions: { start: number; ids: string[] };
  [field: string]: unknown;
}

export interface AskedLeaves {
  docs: { id: string; rev: string }[];
}

export interface FoundLeaves {
  results: { id: string; docs: { ok?: object; error?: unknown }[] }[];
}

/** Revisions by id. */
export type AskedRevisions = Record<string, string[]>;
export type MissingRevisions = Record<string, { missing?: string[] }>;

export interface PeerCalls {
  /** At most `limit` changes after `since`. */
  changes(since: number | string, limit: number): Promise<ChangesPage>;
  revsDiff(asked: AskedRevisions): Promise<MissingRevisions>;
  bulkGet(asked: AskedLeaves): Promise<FoundLeaves>;
  /** Stores leaves as they are; answers for those alone that are refused, by id. Rejects when the fate of any is open. */
  bulkDocs(leaves: LeafDocument[]): Promise<BulkEntry[]>;
}

interface ChangesOptions {
  since: number | string;
  limit: number;
}

type ChangeListener = (change: LeafChange, pending: undefined, lastSeq: number | string) => void;

export class ReplicationPeer extends EventEmitter {
  /** PouchDB tells of its progress there; nobody looks. */
  readonly activeTasks = { add: () => '', get: () => undefined, update: () => undefined, remove: () => undefined };
  readonly #name: string;
  readonly #since: number | string;
  readonly #calls: PeerCalls;
  #failure: unknown;

  /** `since` is where a replication from, or to, this side begins. */
  constructor(name: string, since: number | string, calls: PeerCalls) {
    super();
    this.#name = name;
    this.#since = since;
    this.#calls = calls;
  }

  /** What it first failed of. */
  get failure(): unknown {
    return this.#failure;
  }

  async id(): Promise<string> {
    return this.#name;
  }

  async info(): Promise<object> {
    return { db_name: this.#name, update_seq: 0 };
  }

  /** The replicator's checkpoint. */
  async get(id: string): Promise<object> {
    return { _id: id, version: 1, session_id: '', history: [], last_seq: this.#since };
  }

  async put(): Promise<object> {
    return { ok: true };
  }

  changes({ since, limit }: ChangesOptions): Promise<ChangesPage> & { on: unknown; cancel: () => void } {
    const listeners: ChangeListener[] = [];
    const page = this.#kept(this.#calls.changes(since, limit)).then((found) => {
      for (const change of found.results) for (const listener of listeners) listener(change, undefined, found.last_seq);
      return found;
    });
    const feed = Object.assign(page, {
      on: (event: string, listener: ChangeListener) => {
        if (event === 'change') listeners.push(listener);
        return feed;
      },
      cancel: () => undefined,
    });
    return feed;
  }

  revsDiff(asked: AskedRevisions): Promise<MissingRevisions> {
    return this.#kept(this.#calls.revsDiff(asked));
  }

  bulkGet(asked: AskedLeaves): Promise<FoundLeaves> {
    return this.#kept(this.#calls.bulkGet(asked));
  }

  bulkDocs({ docs }: { docs: LeafDocument[] }): Promise<BulkEntry[]> {
    return this.#kept(this.#calls.bulkDocs(docs));
  }

  async #kept<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }
}
