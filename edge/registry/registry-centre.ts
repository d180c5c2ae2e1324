/**
 * A village's registry at the centre, as replication sees it: the few requests of CouchDB's protocol, each answer
 * doubted until it proves what it says.
 *
 * Protocol: https://docs.couchdb.org/en/stable/replication/protocol.html. What was sent is asked for afterwards: to
 * leaves with their own revisions a plain CouchDB answers with failures alone, and `[]` may come from anything.
 */
import type { Link, LinkRequest } from '../link/link.js';
import { LinkError } from '../link/link-error.js';
import { type FetchedLeaves, fetchLeaves } from './leaf-fetch.js';
import type {
  AskedLeaves,
  AskedRevisions,
  ChangesPage,
  FoundLeaves,
  LeafDocument,
  MissingRevisions,
} from './replication-peer.js';

/** What the centre says of the database. */
export interface DatabaseLook {
  /** When it was made, in the centre's own words. */
  instanceStartTime: string;
  /** Changes it has had. */
  updateSeq: number;
  /** Documents that are not deleted. */
  documents: number;
}

/** A document the centre will not have. */
export interface Refusal {
  id: string;
  reason: string;
}

/** One newline of the gateway: less than what carriers take for a connection nobody uses. */
const HEARTBEAT_MS = 90_000;
/** As long as the gateway lets anybody wait. */
const WAIT_MS = 600_000;
const MAX_CHANGES = 100;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** A revision no document has; a truthful `_revs_diff` reports it missing. */
const IMPOSSIBLE_REVISION = '1-00000000000000000000000000000000';
const CANARY = 'device:canary';
const REFUSALS: ReadonlySet<string> = new Set([
  ...['forbidden', 'unauthorized', 'bad_request', 'doc_validation', 'too_large', 'illegal_docid'],
]);

export interface RegistryCentreOptions {
  link: Pick<Link, 'request' | 'url'>;
  village: string;
  /** SYNC_TIMEOUT. */
  timeoutMs: number;
}

export class RegistryCentre {
  readonly #options: RegistryCentreOptions;
  readonly #database: string;

  constructor(options: RegistryCentreOptions) {
    this.#options = options;
    this.#database = `/registry-${options.village}`;
  }

  /** Who answers. Throws LinkError, also where it is neither a gateway nor a CouchDB. */
  async uuid(signal: AbortSignal): Promise<string> {
    const { json } = await this.#options.link.request({ method: 'GET', path: '/', signal, aside: true });
    const { couchdb, uuid } = asRecord(json);
    if (couchdb !== 'Welcome' || typeof uuid !== 'string') throw this.#unreadable('who it is');
    return uuid;
  }

  /** Throws LinkError: with status 404 where there is no such database. */
  async look(signal: AbortSignal): Promise<DatabaseLook> {
    const { json } = await this.#options.link.request({ method: 'GET', path: this.#database, signal, aside: true });
    const { instance_start_time: startTime, update_seq: updateSeq, doc_count: documents } = asRecord(json);
    // CouchDB's sequence is `123-…`.
    const changes = Number.parseInt(String(updateSeq), 10);
    if (!Number.isSafeInteger(changes) || typeof documents !== 'number') throw this.#unreadable('the registry');
    return { instanceStartTime: String(startTime), updateSeq: changes, documents };
  }

  async changes(since: number | string, limit: number, signal: AbortSignal): Promise<ChangesPage> {
    const path = `/_changes?style=all_docs&since=${encodeURIComponent(since)}&limit=${limit}`;
    return this.#page(await this.#ask('GET', path, signal));
  }

  /**
   * Resolves with changes after `since` as soon as there are any, or without any when the centre has waited long
   * enough. The centre says every now and then that it is still there.
   */
  async waitForChanges(since: number | string, signal: AbortSignal): Promise<ChangesPage> {
    const wait = `feed=longpoll&heartbeat=${HEARTBEAT_MS}&timeout=${WAIT_MS}`;
    const path = `/_changes?${wait}&style=all_docs&since=${encodeURIComponent(since)}&limit=${MAX_CHANGES}`;
    const timeoutMs = HEARTBEAT_MS + this.#options.timeoutMs;
    return this.#page(await this.#ask('GET', path, signal, { waits: true, timeoutMs }));
  }

  /** Of the revisions asked for those the centre lacks. */
  async revsDiff(asked: AskedRevisions, signal: AbortSignal): Promise<MissingRevisions> {
    // With one revision known to be missing: `{}` alone could come from anything that answers.
    const body = { ...asked, [CANARY]: [...(asked[CANARY] ?? []), IMPOSSIBLE_REVISION] };
    const missing = asRecord(await this.#ask('POST', '/_revs_diff', signal, { body })) as MissingRevisions;
    const canary = missing[CANARY]?.missing;
    if (!Array.isArray(canary) || !canary.includes(IMPOSSIBLE_REVISION)) throw this.#unreadable('what it holds');
    const others = canary.filter((rev) => rev !== IMPOSSIBLE_REVISION);
    const { [CANARY]: _, ...rest } = missing;
    return others.length === 0 ? rest : { ...rest, [CANARY]: { missing: others } };
  }

  /**
   * Leaves with their revisions, `atMost` in a request, and which documents could not be had whole. Throws LinkError where
   * another time may be better.
   */
  bulkGet(asked: AskedLeaves, atMost: number, signal: AbortSignal): Promise<FetchedLeaves> {
    return fetchLeaves(asked, { atMost, ask: (part) => this.#getAtOnce(part, signal) });
  }

  async #getAtOnce({ docs }: AskedLeaves, signal: AbortSignal): Promise<FoundLeaves> {
    const answer = asRecord(await this.#ask('POST', '/_bulk_get?revs=true&latest=true', signal, { body: { docs } }));
    const { results } = answer as { results?: FoundLeaves['results'] };
    if (!Array.isArray(results)) throw this.#unreadable('its documents');
    const found = results.flatMap((entry) => (Array.isArray(entry?.docs) ? entry.docs : []));
    const isWhole = found.every(({ ok, error }) => error !== undefined || isLeaf(ok));
    // The replicator takes what is not mentioned for dealt with.
    const mentioned = new Set(results.map(({ id }) => id));
    if (!isWhole || docs.some(({ id }) => !mentioned.has(id))) throw this.#unreadable('its documents');
    return { results };
  }

  /** Stores leaves; resolves with the documents that were refused. Throws LinkError when the fate of any is unknown. */
  async bulkDocs(leaves: readonly LeafDocument[], signal: AbortSignal): Promise<Refusal[]> {
    const refusals = await this.#send(leaves, signal);
    const refused = new Set(refusals.map(({ id }) => id));
    const asked: AskedRevisions = {};
    for (const { _id, _rev } of leaves) if (!refused.has(_id)) asked[_id] = [...(asked[_id] ?? []), _rev];
    const missing = Object.keys(asked).length === 0 ? {} : await this.revsDiff(asked, signal);
    const lacking = Object.keys(missing).length;
    if (lacking === 0) return refusals;
    throw new LinkError('REQUEST_ERROR', `the centre does not hold ${lacking} registry documents it took`);
  }

  async #send(leaves: readonly LeafDocument[], signal: AbortSignal): Promise<Refusal[]> {
    try {
      return await this.#sendAtOnce(leaves, signal);
    } catch (error) {
      if (!(error instanceof LinkError) || !error.isTooMuch) throw error;
      const [only] = leaves;
      if (leaves.length === 1 && only) return [{ id: only._id, reason: error.message }];
      const half = Math.ceil(leaves.length / 2);
      const first = await this.#send(leaves.slice(0, half), signal);
      return [...first, ...(await this.#send(leaves.slice(half), signal))];
    }
  }

  async #sendAtOnce(leaves: readonly LeafDocument[], signal: AbortSignal): Promise<Refusal[]> {
    const path = `${this.#database}/_bulk_docs`;
    const body = { docs: leaves, new_edits: false };
    const { status, json } = await this.#options.link.request({
      ...{ method: 'POST', path, body, signal, maxAnswerBytes: MAX_ANSWER_BYTES, aside: true },
    });
    if (status === 202) {
      throw new LinkError('HTTP_ERROR', 'the centre took registry documents without a quorum', { status: 503 });
    }
    if (status !== 201 || !Array.isArray(json)) throw this.#unreadable('the documents it was sent');
    return json.map(asRecord).flatMap((entry) => {
      if (entry.error === undefined) return [];
      return [refusalOf(entry, leaves)];
    });
  }

  async #ask(
    method: 'GET' | 'POST',
    path: string,
    signal: AbortSignal,
    more: Pick<LinkRequest, 'body' | 'waits' | 'timeoutMs'> = {},
  ): Promise<unknown> {
    const bounds = { signal, maxAnswerBytes: MAX_ANSWER_BYTES, aside: true };
    return (await this.#options.link.request({ method, path: this.#database + path, ...bounds, ...more })).json;
  }

  #page(json: unknown): ChangesPage {
    const { results, last_seq: lastSeq } = asRecord(json);
    const isSeq = typeof lastSeq === 'number' || typeof lastSeq === 'string';
    if (!Array.isArray(results) || !isSeq || !results.every(isChange)) throw this.#unreadable('its changes');
    return { results, last_seq: lastSeq };
  }

  #unreadable(what: string): LinkError {
    return new LinkError('REQUEST_ERROR', `what ${this.#options.link.url} answers about ${what} makes no sense`);
  }
}

/** Only a known word of refusal is one; anything else is the centre's trouble and tried again. */
function refusalOf({ id, error, reason }: Record<string, unknown>, leaves: readonly LeafDocument[]): Refusal {
  const isKnown = typeof error === 'string' && REFUSALS.has(error);
  if (!isKnown || typeof id !== 'string' || !leaves.some(({ _id }) => _id === id)) {
    throw new LinkError(
      'REQUEST_ERROR',
      `the centre could not store a registry document: ${String(error).slice(0, 200)}`,
    );
  }
  return { id, reason: typeof reason === 'string' ? reason.slice(0, 200) : error };
}

function isChange(row: unknown): boolean {
  const { id, seq, changes } = asRecord(row);
  const isSeq = typeof seq === 'number' || typeof seq === 'string';
  return (
    typeof id === 'string' &&
    isSeq &&
    Array.isArray(changes) &&
    changes.every((one) => typeof asRecord(one).rev === 'string')
  );
}

function isLeaf(value: unknown): boolean {
  const { _id, _rev, _revisions } = asRecord(value);
  return typeof _id === 'string' && typeof _rev === 'string' && Array.isArray(asRecord(_revisions).ids);
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
