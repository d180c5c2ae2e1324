/**
 * Bounds how many leaves a village can give a document: each is read, joined and replicated again and again. What goes
 * on from a leaf that is there adds none and is always taken.
 *
 * Two gateways may take a few more than one alone.
 */
import type { LeafName, RegistryDatabase } from '../store/registry-contract.js';
import type { RegistryDocument } from './registry-document-check.js';

/** Deleted ones counted: whoever joins two leaves leaves one of these behind. */
const MAX_LEAVES = 400;
/** Joined as soon as they are written, so that honest ones are few. */
const MAX_LIVE_LEAVES = 30;

/**
 * Why documents may not be written because of the leaves there are, by document; nobody else may write to them meanwhile.
 */
export async function refusedLeaves(
  registry: RegistryDatabase,
  documents: readonly RegistryDocument[],
): Promise<Map<RegistryDocument, string>> {
  const ids = [...new Set(documents.map(({ id }) => id))];
  const found = ids.length === 0 ? [] : await registry.leafNames(ids);
  const leaves = new Map(ids.map((id, n) => [id, new Leaves(found[n] ?? [])]));
  const refused = new Map<RegistryDocument, string>();
  for (const document of documents) {
    const reason = leaves.get(document.id)?.add(document);
    if (reason !== undefined) refused.set(document, reason);
  }
  return refused;
}

/** Of one document, with those about to be written. */
class Leaves {
  readonly #isDeleted: Map<string, boolean>;

  constructor(names: readonly LeafName[]) {
    this.#isDeleted = new Map(names.map(({ rev, deleted }) => [rev, deleted]));
  }

  /** Why it may not be added, if so. */
  add({ rev, deleted, document }: RegistryDocument): string | undefined {
    const leaves = this.#isDeleted;
    if (leaves.has(rev)) return undefined;
    const parent = ancestorsOf(document).find((one) => leaves.has(one));
    const live = [...leaves.values()].filter((isDeleted) => !isDeleted).length;
    if (parent === undefined && leaves.size >= MAX_LEAVES) return tooMany(leaves.size, 'versions');
    const hasLiveParent = parent !== undefined && leaves.get(parent) === false;
    if (!deleted && !hasLiveParent && live >= MAX_LIVE_LEAVES) return tooMany(live, 'versions that are not deleted');
    if (parent !== undefined) leaves.delete(parent);
    leaves.set(rev, deleted);
    return undefined;
  }
}

function tooMany(count: number, what: string): string {
  return `has ${count} ${what} side by side already; no more are taken`;
}

/** The revisions before its own. */
function ancestorsOf({ _revisions }: Record<string, unknown>): string[] {
  if (_revisions === undefined) return [];
  const { start, ids } = _revisions as { start: number; ids: string[] };
  return ids.slice(1).map((id, n) => `${start - n - 1}-${id}`);
}
