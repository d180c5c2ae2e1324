/** The revision a replicated document carries. */

const MAX_HISTORY = 1000;
const HASH = /^[0-9a-f]{1,64}$/;

/** A name of a revision as CouchDB makes them. */
export const REVISION = /^[1-9]\d{0,8}-[0-9a-f]{1,64}$/;

type Fields = Record<string, unknown>;

/** The revision from `_rev`, from `_revisions` (CouchDB's history), or from both when they agree. */
export function revisionOf({ _rev: rev, _revisions: revisions }: Fields): string | undefined {
  if (rev !== undefined && (typeof rev !== 'string' || !REVISION.test(rev))) return undefined;
  if (revisions === undefined) return rev;
  if (typeof revisions !== 'object' || revisions === null) return undefined;
  const { start, ids, ...more } = revisions as Fields;
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > MAX_HISTORY || Object.keys(more).length > 0)
    return undefined;
  if (!Number.isSafeInteger(start) || (start as number) < ids.length) return undefined;
  if (!ids.every((hash) => typeof hash === 'string' && HASH.test(hash))) return undefined;
  const newest = `${start}-${ids[0]}`;
  return REVISION.test(newest) && (rev === undefined || rev === newest) ? newest : undefined;
}
