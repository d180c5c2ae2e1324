/**
 * A leaf store in memory over PouchDB's own trees of revisions, quick enough for thousands of replicas, which can fail in
 * the middle of what it writes and can be replicated from as partially as a broken link does.
 */
import { collectLeaves, merge, type RevTree, rootToLeaf } from 'pouchdb-merge';
import { AppError } from '../../../shared/app-error.js';
import { childOf, winnerOf } from '../../../shared/registry/leaf-join.js';
import {
  type Leaf,
  type LeafStore,
  type NewLeaf,
  type RangeOptions,
  REVS_LIMIT,
  type Winner,
} from '../../../shared/registry/leaf-store.js';
import type { SeededRandom } from '../../../sim/random.js';

interface Kept {
  tree: RevTree;
  bodies: Map<string, { deleted: boolean; body: NewLeaf['body'] }>;
  changedAt: number;
}

/** What a write that is cut short throws. */
export class Crash extends Error {}

export class MemoryLeaves implements LeafStore {
  readonly #documents = new Map<string, Kept>();
  #changes = 0;
  /** How many of the next revisions are written before the crash. */
  crashAfter: number | undefined;

  async leaves(id: string): Promise<Leaf[]> {
    const kept = this.#documents.get(id);
    return kept ? leavesOf(kept) : [];
  }

  async winners({ prefix = '', before, descending = false, limit }: RangeOptions = {}): Promise<Winner[]> {
    const ids = [...this.#documents.keys()].filter(
      (id) => id.startsWith(prefix) && (before === undefined || id < before),
    );
    ids.sort();
    if (descending) ids.reverse();
    const found = ids.flatMap((id) => asWinner(id, leavesOf(this.#documents.get(id) as Kept)));
    return found.slice(0, limit);
  }

  async put(
    id: string,
    parent: Leaf | undefined,
    { deleted, body }: { deleted: boolean; body: object },
  ): Promise<string> {
    const present = await this.leaves(id);
    const isThere = present.some(({ rev }) => rev === parent?.rev);
    if (parent ? !isThere : present.some((leaf) => !leaf.deleted)) throw new AppError('conflict', 'changed meanwhile');
    const leaf = childOf(id, parent ?? winnerOf(present), deleted, { ...body });
    await this.graft([leaf]);
    return `${leaf.generation}-${leaf.path[0]}`;
  }

  async graft(leaves: readonly NewLeaf[]): Promise<void> {
    for (const leaf of leaves) {
      if (this.crashAfter === 0) throw new Crash();
      if (this.crashAfter !== undefined) this.crashAfter--;
      this.#add(leaf);
    }
  }

  async branched(since?: string): Promise<{ ids: string[]; last: string }> {
    const from = Number(since ?? 0);
    const changed = [...this.#documents].filter(([, kept]) => kept.changedAt > from && leavesOf(kept).length > 1);
    return { ids: changed.map(([id]) => id), last: String(this.#changes) };
  }

  /**
   * Adds what another replica has, a revision at a time and in any order; with a `loss` between 0 and 1 so many of the
   * revisions do not come through.
   */
  pullFrom(other: MemoryLeaves, random: SeededRandom, loss: number): void {
    for (const [id, kept] of other.#documents) {
      for (const { rev, path, deleted, body } of leavesOf(kept)) {
        if (random.next() >= loss) this.#add({ id, generation: Number.parseInt(rev, 10), path, deleted, body });
      }
    }
  }

  /** Everything there is, for comparison. */
  get ids(): string[] {
    return [...this.#documents.keys()].sort();
  }

  #add({ id, generation, path, deleted, body }: NewLeaf): void {
    const rev = `${generation}-${path[0]}`;
    const kept = this.#documents.get(id) ?? { tree: [], bodies: new Map(), changedAt: 0 };
    if (kept.bodies.has(rev)) return;
    // As it would come off a disk or a line.
    kept.bodies.set(rev, { deleted, body: JSON.parse(JSON.stringify(body)) });
    kept.tree = merge(kept.tree, asPath(generation, path, deleted), REVS_LIMIT).tree;
    kept.changedAt = ++this.#changes;
    this.#documents.set(id, kept);
  }
}

function asPath(generation: number, path: readonly string[], deleted: boolean): RevTree[number] {
  const [own = '', ...ancestors] = path;
  let node: RevTree[number]['ids'] = [own, { status: 'available', ...(deleted ? { deleted } : {}) }, []];
  for (const id of ancestors) node = [id, { status: 'missing' }, [node]];
  return { pos: generation - ancestors.length, ids: node };
}

function leavesOf({ tree, bodies }: Kept): Leaf[] {
  const paths = rootToLeaf(tree).map(({ ids }) => ids.map(({ id }) => id).reverse());
  return collectLeaves(tree).flatMap(({ rev }) => {
    const stored = bodies.get(rev);
    const path = paths.find(([first]) => rev.endsWith(`-${first}`));
    return stored && path ? [{ rev, path, ...stored }] : [];
  });
}

function asWinner(id: string, leaves: readonly Leaf[]): Winner[] {
  const winner = winnerOf(leaves);
  if (!winner || winner.deleted) return [];
  return [{ id, rev: winner.rev, body: winner.body, isContested: leaves.filter(({ deleted }) => !deleted).length > 1 }];
}
