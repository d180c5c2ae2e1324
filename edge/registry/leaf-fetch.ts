/**
 * Fetches leaves in requests small enough to be answered. What cannot be had, whatever one does, is told and passed over:
 * the others do not wait for it.
 */
import { LinkError } from '../link/link-error.js';
import type { AskedLeaves, FoundLeaves } from './replication-peer.js';

/** Nearly all have less than a tenth of the longest answer that is read together; what has more is halved. */
const MAX_ASKED = 100;
/** A gateway takes 400 of a document, the deleted ones counted; more are not worth what they cost to join. */
const MAX_LEAVES = 1_000;
const MAX_REASON_LENGTH = 200;
/** What an answer may say of one leaf that is no trouble of the moment. */
const FINAL: ReadonlySet<unknown> = new Set([
  ...['not_found', 'forbidden', 'unauthorized', 'bad_request', 'illegal_docid', 'too_large'],
]);

export interface FetchedLeaves {
  /** Without what could not be had. */
  found: FoundLeaves;
  /** Why, by document. */
  unfetched: Map<string, string>;
}

type Asked = AskedLeaves['docs'];

export interface LeafFetchOptions {
  /** Rejects with LinkError. */
  ask(asked: AskedLeaves): Promise<FoundLeaves>;
  /** Leaves in a request; no more than 100 are asked for in any case. */
  atMost: number;
}

/** Throws LinkError where the link fails, or the centre says something of a leaf that it may not say again. */
export async function fetchLeaves({ docs }: AskedLeaves, { ask, atMost }: LeafFetchOptions): Promise<FetchedLeaves> {
  const unfetched = new Map<string, string>();
  const found: FoundLeaves = { results: [] };
  const wanted = withoutBushes(docs, unfetched);
  const most = Math.min(atMost, MAX_ASKED);
  let size = most;
  for (let start = 0; start < wanted.length; ) {
    const part = wanted.slice(start, start + size);
    try {
      const { results } = await ask({ docs: part });
      found.results.push(...results.map((result) => withoutErrors(result, unfetched)));
      start += part.length;
      size = Math.min(2 * size, most);
    } catch (error) {
      if (!(error instanceof LinkError) || !error.isTooMuch) throw error;
      const [only] = part;
      if (part.length === 1 && only) {
        unfetched.set(only.id, error.message.slice(0, MAX_REASON_LENGTH));
        start++;
      }
      size = Math.ceil(part.length / 2);
    }
  }
  return { found, unfetched };
}

/** Without the documents of which too much is there. */
function withoutBushes(docs: Asked, unfetched: Map<string, string>): Asked {
  const counts = new Map<string, number>();
  for (const { id } of docs) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const [id, count] of counts) {
    if (count > MAX_LEAVES) unfetched.set(id, `has ${count} versions side by side; at most ${MAX_LEAVES} are fetched`);
  }
  return docs.filter(({ id }) => !unfetched.has(id));
}

/** The replicator would give up the whole page for one leaf. */
function withoutErrors(
  { id, docs }: FoundLeaves['results'][number],
  unfetched: Map<string, string>,
): FoundLeaves['results'][number] {
  const whole = docs.filter(({ error }) => error === undefined);
  for (const { error } of docs) {
    if (error === undefined) continue;
    const { error: word, reason = word } = error as { error?: unknown; reason?: unknown };
    if (!FINAL.has(word)) {
      const what = String(word).slice(0, MAX_REASON_LENGTH);
      throw new LinkError('REQUEST_ERROR', `the centre could not read a registry document: ${what}`);
    }
    unfetched.set(id, String(reason).slice(0, MAX_REASON_LENGTH));
  }
  return { id, docs: whole };
}
