/** The registry in a PouchDB database: the edge's, and the embedded centre's. */
import { AppError } from '../app-error.js';
import type { MendingDatabase } from '../mending-database.js';
import { type Database, isNotFound } from '../pouchdb.js';
import { childOf, winnerOf } from './leaf-join.js';
import type { Leaf, LeafStore, NewLeaf, RangeOptions, Winner } from './leaf-store.js';

/** Above every character of an id. */
const LAST = '\uffff';

/** A document as PouchDB gives it. */
interface Stored {
  _rev: string;
  _deleted?: boolean;
  _revisions?: { start: number; ids: string[] };
  _conflicts?: string[];
  [name: string]: unknown;
}

export class PouchLeaves implements LeafStore {
  readonly #database: MendingDatabase;
  /** Looking whether a parent is still a leaf and writing below it must not be interrupted by another `put`. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(database: MendingDatabase) {
    this.#database = database;
  }

  leaves(id: string): Promise<Leaf[]> {
    return this.#database.read((database) => leavesOf(database, id));
  }

  async winners({ prefix = '', before, descending = false, limit }: RangeOptions = {}): Promise<Winner[]> {
    const [low, high] = [prefix, before ?? `${prefix}${LAST}`];
    const { rows } = await this.#database.read((database) =>
      database.allDocs({
        ...(descending ? { startkey: high, endkey: low } : { startkey: low, endkey: high }),
        ...{ descending, include_docs: true, conflicts: true, inclusive_end: descending },
        // `before` itself is read as well, where there is such a document.
        ...(limit === undefined ? {} : { limit: limit + 1 }),
      }),
    );
    const found = rows.filter(({ id }) => id !== before && !id.startsWith('_design/'));
    return found.slice(0, limit).flatMap(({ id, doc }) => (doc ? [asWinner(id, doc as Stored)] : []));
  }

  put(id: string, parent: Leaf | undefined, { deleted, body }: { deleted: boolean; body: object }): Promise<string> {
    const result = this.#turn.then(async () => {
      const present = await this.leaves(id);
      const isThere = present.some(({ rev }) => rev === parent?.rev);
      if (parent ? !isThere : present.some((leaf) => !leaf.deleted)) {
        throw new AppError('conflict', `${id} was changed meanwhile`);
      }
      const leaf = childOf(id, parent ?? winnerOf(present), deleted, { ...body });
      await this.graft([leaf]);
      return `${leaf.generation}-${leaf.path[0]}`;
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async graft(leaves: readonly NewLeaf[]): Promise<void> {
    const documents = leaves.map(({ id, generation, path, deleted, body }) => ({
      ...body,
      ...{ _id: id, _rev: `${generation}-${path[0]}`, _revisions: { start: generation, ids: [...path] } },
      ...(deleted ? { _deleted: true } : {}),
    }));
    const answers = await this.#database.write((database) => database.bulkDocs(documents, { new_edits: false }));
    const failed = answers.find((answer) => answer.error !== undefined);
    if (failed) throw new AppError('storage_failed', `the registry could not be written: ${failed.message}`);
  }

  async branched(since?: string): Promise<{ ids: string[]; last: string }> {
    const { results, last_seq: last } = await this.#database.read((database) =>
      database.changes({ since: since === undefined ? 0 : Number(since), style: 'all_docs' }),
    );
    const ids = results.filter(({ id, changes = [] }) => changes.length > 1 && !id.startsWith('_design/'));
    return { ids: ids.map(({ id }) => id), last: String(last) };
  }
}

async function leavesOf(database: Database, id: string): Promise<Leaf[]> {
  const revs = await database.get(id, { open_revs: 'all', revs: true }).catch((error) => {
    if (isNotFound(error)) return [];
    throw error;
  });
  const answers = revs as unknown as { ok?: Stored }[];
  return answers.flatMap(({ ok }) => (ok ? [asLeaf(ok)] : []));
}

function asLeaf({ _id, _rev, _revisions, _deleted, _conflicts, ...body }: Stored): Leaf {
  return { rev: _rev, path: _revisions?.ids ?? [], deleted: _deleted === true, body };
}

function asWinner(id: string, { _id, _rev, _conflicts = [], ...body }: Stored): Winner {
  return { id, rev: _rev, body, isContested: _conflicts.length > 0 };
}
