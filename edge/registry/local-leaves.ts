/** The registry's database here as a side of a replication. */
import type { Database } from 'pouchdb-core';
import { AppError, messageOf } from '../../shared/app-error.js';
import type { MendingDatabase } from '../../shared/mending-database.js';
import type { AskedLeaves, ChangesPage, FoundLeaves, LeafDocument, PeerCalls } from './replication-peer.js';

interface Replicable extends Database {
  bulkGet(options: AskedLeaves & { revs: boolean; latest: boolean }): Promise<FoundLeaves>;
}

export interface LocalLeavesOptions {
  database: MendingDatabase;
  /** Hears of leaves that were stored, by document. */
  onStored?: (ids: readonly string[]) => void;
  /** Hears of a leaf that cannot be stored here, whatever one does. */
  onUnusable?: (id: string, reason: string) => void;
}

/** Rejects with AppErrors of the store. */
export function localLeaves({ database, onStored, onUnusable }: LocalLeavesOptions): PeerCalls {
  return {
    async changes(since, limit) {
      const page = await database.read((open) => open.changes({ since: Number(since), limit, style: 'all_docs' }));
      return page as ChangesPage;
    },
    revsDiff: (asked) => database.read((open) => open.revsDiff(asked)),
    bulkGet: ({ docs }) => database.read((open) => (open as Replicable).bulkGet({ docs, revs: true, latest: true })),
    async bulkDocs(leaves) {
      await store(database, leaves, (id, reason) => onUnusable?.(id, reason));
      onStored?.([...new Set(leaves.map(({ _id }) => _id))]);
      return [];
    },
  };
}

/** The number of its last change. */
export async function lastSequence(database: MendingDatabase): Promise<number> {
  return Number((await database.read((open) => open.info())).update_seq);
}

/** Documents that are not deleted. */
export async function countDocuments(database: MendingDatabase): Promise<number> {
  return (await database.read((open) => open.info())).doc_count;
}

/** All together; where PouchDB will not have one of them (an attachment, a name it reserves), each for itself. */
async function store(
  database: MendingDatabase,
  leaves: LeafDocument[],
  onUnusable: (id: string, reason: string) => void,
): Promise<void> {
  const refusal = await database
    .write((open) => open.bulkDocs(leaves, { new_edits: false }))
    .then((answers) => answers.find(({ error }) => error !== undefined))
    .then((failed) => failed && String(failed.reason ?? failed.message), refusalOf);
  if (refusal === undefined) return;
  const [only] = leaves;
  if (leaves.length === 1 && only) onUnusable(only._id, refusal);
  else for (const leaf of leaves) await store(database, [leaf], onUnusable);
}

/** A document PouchDB does not take as one is no failure of the disk. */
function refusalOf(error: unknown): string {
  const status = typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : 0;
  if (error instanceof AppError || status < 400 || status >= 500) throw error;
  return messageOf(error);
}
