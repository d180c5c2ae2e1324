/** The names of a document's leaves without their bodies, in both stores' words. */
import { type Database, isNotFound } from '../../shared/pouchdb.js';
import { notCouch } from './couch-client.js';
import type { CouchRegistryDatabase } from './couch-registry-database.js';
import type { LeafName } from './registry-contract.js';

/** With more CouchDB reads all changes. */
const ASKED_AT_ONCE = 100;
const RETRY_AFTER_S = 5;

type TreeNode = [id: string, options: { deleted?: boolean }, children: TreeNode[]];
type Tree = { pos: number; ids: TreeNode }[];

/** What PouchDB's adapters answer its own core. */
interface TreeDatabase extends Database {
  _getRevisionTree(id: string, callback: (error: unknown, tree?: Tree) => void): void;
}

export async function namesInTree(database: Database, id: string): Promise<LeafName[]> {
  const tree = await new Promise<Tree>((resolve, reject) => {
    (database as TreeDatabase)._getRevisionTree(id, (error, found) => {
      if (found) resolve(found);
      else if (isNotFound(error)) resolve([]);
      else reject(error);
    });
  });
  const names: LeafName[] = [];
  const waiting = tree.map(({ pos, ids }) => ({ generation: pos, node: ids }));
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { generation, node } = next;
    const [hash, { deleted = false }, children] = node;
    if (children.length === 0) names.push({ rev: `${generation}-${hash}`, deleted });
    for (const child of children) waiting.push({ generation: generation + 1, node: child });
  }
  return names;
}

export async function namesInCouch(database: CouchRegistryDatabase, ids: readonly string[]): Promise<LeafName[][]> {
  const names = new Map<string, LeafName[]>();
  for (let start = 0; start < ids.length; start += ASKED_AT_ONCE) {
    const revs = await revsOf(database, ids.slice(start, start + ASKED_AT_ONCE));
    const contested = [...revs].flatMap(([id, { changes }]) => (changes.length > 1 ? [id] : []));
    const live = contested.length === 0 ? new Map<string, Set<string>>() : await liveOf(database, contested);
    for (const [id, { changes, deleted = false }] of revs) {
      const isDeleted = (rev: string) => (changes.length > 1 ? live.get(id)?.has(rev) !== true : deleted);
      names.set(
        id,
        changes.map(({ rev }) => ({ rev, deleted: isDeleted(rev) })),
      );
    }
  }
  return ids.map((id) => names.get(id) ?? []);
}

interface ChangedRow {
  id: string;
  changes: { rev: string }[];
  deleted?: boolean;
}

async function revsOf(database: CouchRegistryDatabase, ids: readonly string[]): Promise<Map<string, ChangedRow>> {
  const { body } = await database.request<{ results?: ChangedRow[] }>({
    path: '_changes',
    method: 'POST',
    qs: { filter: '_doc_ids', style: 'all_docs' },
    body: { doc_ids: ids },
  });
  if (!Array.isArray(body?.results)) throw notCouch(RETRY_AFTER_S);
  return new Map(body.results.map((row) => [row.id, row]));
}

interface ListedRow {
  id?: string;
  doc?: { _rev: string; _conflicts?: string[] } | null;
}

/** The revisions of the leaves that are not deleted. */
async function liveOf(database: CouchRegistryDatabase, ids: readonly string[]): Promise<Map<string, Set<string>>> {
  const { body } = await database.request<{ rows?: ListedRow[] }>({
    path: '_all_docs',
    method: 'POST',
    qs: { include_docs: true, conflicts: true },
    body: { keys: ids },
  });
  if (!Array.isArray(body?.rows)) throw notCouch(RETRY_AFTER_S);
  const live = new Map<string, Set<string>>();
  for (const { id, doc } of body.rows) if (id && doc) live.set(id, new Set([doc._rev, ...(doc._conflicts ?? [])]));
  return live;
}
