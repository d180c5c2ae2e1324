/**
 * The entries of a PouchDB database as they lie in LevelDB, held against each other.
 *
 * PouchDB keeps each body under `by-sequence`, what it knows of each document under `document-store`, its `_local`
 * documents under `local-store`, and two counts under `meta-store`. It takes for granted that these agree: a document
 * whose body is gone ends the process when it is listed, and a sequence that was forgotten begins at 0 again and writes
 * over what is there. What does not agree is put right from the bodies; what is no longer JSON is taken out.
 */

/** One change that puts the entries right. */
export type EntryFix = { type: 'put'; key: string; value: string } | { type: 'del'; key: Buffer };

export const LAST_SEQ = '_local_last_update_seq';
export const DOCUMENT_COUNT = '_local_doc_count';
const SEPARATOR = '\xff';
const REVISION = /^([1-9]\d{0,8})-([0-9a-f]{1,64})$/;
const SEQUENCE = /^\d{16}$/;
/** Stores with contents of their own: attachments, which bookkeeping does not use, and the centre's index of numbers. */
const LEFT_ALONE: ReadonlySet<string> = new Set(['attach-store', 'attach-binary-store', 'number-places']);

/** What a stored body says of itself. */
export interface Body {
  id: string;
  rev: string;
  deleted: boolean;
}

/** What to change so that all entries, given in the order of their keys, agree; nothing for a sound database. */
export function entryFixes(entries: Iterable<readonly [key: Buffer, value: Buffer]>): EntryFix[] {
  const check = new EntryCheck();
  for (const [key, value] of entries) check.add(key, value.toString('utf8'));
  return check.conclude();
}

/** Takes the entries in the order of their keys, in which bodies come before documents. */
class EntryCheck {
  readonly #fixes: EntryFix[] = [];
  readonly #bodies = new Map<number, Body>();
  /** Highest sequence of each document's bodies. */
  readonly #newest = new Map<string, number>();
  /** Documents that agree with their bodies, and whether they are deleted. */
  readonly #sound = new Map<string, boolean>();
  readonly #meta = new Map<string, unknown>();

  add(key: Buffer, text: string): void {
    const [start, store = '', ...rest] = key.toString('utf8').split(SEPARATOR);
    const name = rest.join(SEPARATOR);
    if (start === '' && LEFT_ALONE.has(store)) return;
    const isWhole = start === '' && Buffer.from(keyOf(store, name)).equals(key);
    if (!isWhole || !this.#take(store, name, parsed(text))) this.#fixes.push({ type: 'del', key });
  }

  /** False for an entry that must not stay. */
  #take(store: string, name: string, value: unknown): boolean {
    switch (store) {
      case 'by-sequence':
        return this.#takeBody(name, value);
      case 'document-store':
        // One that does not agree is written anew from its newest body, where there is one.
        if (isSound(name, value, this.#bodies, this.#newest.get(name))) this.#sound.set(name, value.deleted);
        return this.#newest.has(name);
      case 'local-store':
        return isObject(value) && value._id === name && typeof value._rev === 'string';
      case 'meta-store':
        this.#meta.set(name, value);
        return value !== undefined;
      default:
        return false;
    }
  }

  #takeBody(name: string, value: unknown): boolean {
    const body = bodyIn(name, value);
    if (!body) return false;
    this.#bodies.set(Number(name), body);
    this.#newest.set(body.id, Number(name));
    return true;
  }

  conclude(): EntryFix[] {
    let count = 0;
    let highest = 0;
    for (const [id, seq] of this.#newest) {
      const body = this.#bodies.get(seq);
      if (!body) continue;
      const isDeleted = this.#sound.get(id);
      if (isDeleted === undefined) this.#put('document-store', id, metadataOf(body, seq));
      if (!(isDeleted ?? body.deleted)) count++;
      highest = Math.max(highest, seq);
    }
    const lastSeq = this.#meta.get(LAST_SEQ) ?? 0;
    if (!Number.isSafeInteger(lastSeq) || Number(lastSeq) < highest) this.#put('meta-store', LAST_SEQ, highest);
    if ((this.#meta.get(DOCUMENT_COUNT) ?? 0) !== count) this.#put('meta-store', DOCUMENT_COUNT, count);
    return this.#fixes;
  }

  #put(store: string, name: string, value: unknown): void {
    this.#fixes.push({ type: 'put', key: keyOf(store, name), value: JSON.stringify(value) });
  }
}

/** The body in an entry of `by-sequence`, when it is one. */
export function bodyIn(name: string, value: unknown): Body | undefined {
  if (!SEQUENCE.test(name) || !isObject(value)) return undefined;
  const { _id: id, _rev: rev, _deleted: deleted } = value;
  if (typeof id !== 'string' || typeof rev !== 'string' || !REVISION.test(rev)) return undefined;
  return { id, rev, deleted: deleted === true };
}

function isSound(
  id: string,
  value: unknown,
  bodies: ReadonlyMap<number, Body>,
  newestSeq: number | undefined,
): value is { deleted: boolean } {
  return isObject(value) && value.seq === newestSeq && isSoundRecord(id, value, (sequence) => bodies.get(sequence));
}

/**
 * True when a document's record is one PouchDB can work with and its winning body is where it says; that the record is of
 * the newest body is for the caller to see.
 */
export function isSoundRecord(
  id: string,
  value: unknown,
  bodyAt: (sequence: number) => Body | undefined,
): value is { deleted: boolean } {
  if (!isObject(value) || value.id !== id || typeof value.deleted !== 'boolean') return false;
  const { winningRev, rev_map: places, rev_tree: trees } = value;
  if (typeof winningRev !== 'string' || !isObject(places) || !Array.isArray(trees)) return false;
  if (!Object.values(places).every(Number.isSafeInteger)) return false;
  if (!trees.every((tree) => isObject(tree) && Number.isSafeInteger(tree.pos) && isRevisionNode(tree.ids)))
    return false;
  const body = bodyAt(Number(places[winningRev]));
  return body?.id === id && body.rev === winningRev && body.deleted === value.deleted;
}

/** `[hash, {status}, [node, …]]` */
function isRevisionNode(node: unknown): boolean {
  if (!Array.isArray(node) || node.length !== 3) return false;
  const [hash, options, branches] = node;
  return (
    typeof hash === 'string' &&
    isObject(options) &&
    typeof options.status === 'string' &&
    Array.isArray(branches) &&
    branches.every(isRevisionNode)
  );
}

/** What PouchDB would have kept of a document whose history is this one body. */
export function metadataOf({ id, rev, deleted }: Body, seq: number): object {
  const [, generation, hash] = REVISION.exec(rev) ?? [];
  const options = { status: 'available', ...(deleted ? { deleted: true } : {}) };
  const trees = [{ pos: Number(generation), ids: [hash, options, []] }];
  return { id, rev, rev_tree: trees, rev_map: { [rev]: seq }, winningRev: rev, deleted, seq };
}

export function keyOf(store: string, name: string): string {
  return `${SEPARATOR}${store}${SEPARATOR}${name}`;
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
