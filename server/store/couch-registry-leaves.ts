/** The leaves of registry documents over HTTP: what the registry itself reads and writes at a centre on CouchDB. */
import { AppError } from '../../shared/app-error.js';
import type { Leaf, LeafStore, NewLeaf, RangeOptions, Winner } from '../../shared/registry/leaf-store.js';
import { notCouch } from './couch-client.js';
import type { CouchRegistryDatabase } from './couch-registry-database.js';

const RETRY_AFTER_S = 5;
const PAGE = 1_000;
/** Registry ids begin with a letter of lower case: design documents sort before. */
const FIRST_ID = 'a';
const BEYOND = '\uffff';

interface StoredDocument {
  _id: string;
  _rev: string;
  _deleted?: boolean;
  _revisions?: { start: number; ids: string[] };
  _conflicts?: string[];
  [field: string]: unknown;
}

interface WinnerRow {
  id: string;
  doc?: StoredDocument | null;
  error?: string;
}

export class CouchRegistryLeaves implements LeafStore {
  readonly #database: CouchRegistryDatabase;

  constructor(database: CouchRegistryDatabase) {
    this.#database = database;
  }

  async leaves(id: string): Promise<Leaf[]> {
    const { status, body } = await this.#database.request<{ ok?: StoredDocument }[]>({
      path: encodeURIComponent(id),
      qs: { open_revs: 'all', revs: true },
      expected: [404],
    });
    if (status === 404) return [];
    if (!Array.isArray(body)) throw notCouch(RETRY_AFTER_S);
    return body.flatMap(({ ok }) => (ok ? [leafOf(ok)] : []));
  }

  async winners(range: RangeOptions = {}): Promise<Winner[]> {
    const { prefix = '', before, descending = false, limit } = range;
    const low = prefix === '' ? FIRST_ID : prefix;
    const isBeforeHigh = before !== undefined && before < prefix + BEYOND;
    const high = isBeforeHigh ? before : prefix + BEYOND;
    if (limit === 0 || high <= low) return [];
    const { body } = await this.#database.request<{ rows?: WinnerRow[] }>({
      path: '_all_docs',
      qs: {
        ...(descending ? { startkey: high, endkey: low, descending } : { startkey: low, endkey: high }),
        // `before` itself may be the first or the last one.
        ...(limit === undefined ? {} : { limit: limit + (isBeforeHigh ? 1 : 0) }),
        include_docs: true,
        conflicts: true,
      },
    });
    if (!Array.isArray(body?.rows)) throw notCouch(RETRY_AFTER_S);
    const winners = body.rows.flatMap(({ id, doc }) => (doc && id !== before ? [winnerOf(doc)] : []));
    return limit === undefined ? winners : winners.slice(0, limit);
  }

  async put(id: string, parent: Leaf | undefined, change: { deleted: boolean; body: object }): Promise<string> {
    const { status, body } = await this.#database.request<{ rev?: string }>({
      path: encodeURIComponent(id),
      method: 'PUT',
      body: {
        ...change.body,
        ...(parent ? { _rev: parent.rev } : {}),
        ...(change.deleted ? { _deleted: true } : {}),
      },
      expected: [409],
    });
    if (status === 409) throw new AppError('conflict', `${id} was changed meanwhile`);
    if (status === 202) throw missedQuorum();
    if (typeof body?.rev !== 'string') throw notCouch(RETRY_AFTER_S);
    return body.rev;
  }

  async graft(leaves: readonly NewLeaf[]): Promise<void> {
    if (leaves.length === 0) return;
    const [refused] = await writeReplicated(this.#database, leaves.map(documentOf));
    if (refused) throw new AppError('storage_failed', `CouchDB refused ${refused.id}: ${refused.reason}`);
  }

  async branched(since?: string): Promise<{ ids: string[]; last: string }> {
    const ids: string[] = [];
    for (let last = since ?? '0'; ; ) {
      const { body } = await this.#database.request<{
        results?: { id: string; changes: unknown[] }[];
        last_seq?: unknown;
      }>({ path: '_changes', qs: { style: 'all_docs', since: last, limit: PAGE } });
      const { results, last_seq: lastSeq } = body;
      if (!Array.isArray(results) || lastSeq === undefined) throw notCouch(RETRY_AFTER_S);
      for (const { id, changes } of results) if (changes.length > 1 && !id.startsWith('_design/')) ids.push(id);
      last = String(lastSeq);
      if (results.length < PAGE) return { ids, last };
    }
  }
}

/** Adds documents with the revisions they have; returns those that CouchDB itself refused. */
export async function writeReplicated(
  database: CouchRegistryDatabase,
  documents: readonly object[],
): Promise<{ id: string; reason: string }[]> {
  const { status, body } = await database.request<{ id: string; error: string; reason: string }[]>({
    path: '_bulk_docs',
    method: 'POST',
    body: { docs: documents, new_edits: false },
  });
  if (status === 202) throw missedQuorum();
  if (!Array.isArray(body)) throw notCouch(RETRY_AFTER_S);
  for (const { error, reason } of body) {
    // `forbidden` is a validation function's verdict; anything else is CouchDB's own trouble.
    if (error === 'forbidden') continue;
    const why = `CouchDB could not store a document (${error}: ${reason})`;
    throw new AppError('unavailable', why, { retryAfterS: RETRY_AFTER_S });
  }
  return body.map(({ id, reason }) => ({ id, reason }));
}

function leafOf(document: StoredDocument): Leaf {
  const { _rev: rev, _deleted: deleted = false, _revisions: revisions } = document;
  return { rev, path: revisions?.ids ?? [hashOf(rev)], deleted, body: bodyOf(document) };
}

function winnerOf(document: StoredDocument): Winner {
  const { _id: id, _rev: rev, _conflicts: conflicts = [] } = document;
  return { id, rev, body: bodyOf(document), isContested: conflicts.length > 0 };
}

function documentOf({ id, generation, path, deleted, body }: NewLeaf): object {
  return {
    ...body,
    _id: id,
    _rev: `${generation}-${path[0]}`,
    _revisions: { start: generation, ids: path },
    ...(deleted ? { _deleted: true } : {}),
  };
}

function bodyOf(document: StoredDocument): Record<string, unknown> {
  return Object.fromEntries(Object.entries(document).filter(([name]) => !name.startsWith('_')));
}

function hashOf(rev: string): string {
  return rev.slice(rev.indexOf('-') + 1);
}

function missedQuorum(): AppError {
  return new AppError('unavailable', 'CouchDB has not stored the registry at a quorum of its nodes', {
    retryAfterS: RETRY_AFTER_S,
  });
}
