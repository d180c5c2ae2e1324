/**
 * Telemetry in CouchDB: looked up by `_revs_diff`, written with `new_edits: false`, read by partition.
 *
 * Between look-up and write another request could store the same id: within this process such requests take turns;
 * between gateways only a village racing against itself with two contents could, and then both revisions are kept and
 * the winner is CouchDB's choice. In a cluster the first copy that answers a look-up decides. One that lags may take a
 * document that is held for new. One that is ahead, after a write that missed its quorum (answered 503), holds what the
 * others have yet to get: so what is held already is written once more, which changes nothing where it is, and is
 * answered by the quorum like everything else. Receipts and `_revs_diff` tell what one copy holds.
 */
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import type { FoundSeries, RangeReader, ReadRange } from '../../shared/range-reader.js';
import type { IncomingDocument, RevisionsMissing, TelemetryInfo, WriteOutcome } from './contract.js';
import { type CouchClient, notCouch } from './couch-client.js';
import { newestIds } from './couch-newest.js';
import { likelySeries, seriesBelow } from './couch-series.js';
import { FewAtOnce } from './few-at-once.js';
import { KnownSeries } from './known-series.js';
import { OverlapTurns } from './overlap-turns.js';
import { type HeldDocument, planWrite } from './write-plan.js';

const DB = 'telemetry';
/** Ten digits: no revision the gateway takes has as many. */
const LATER_THAN_ALL = '1000000000-0';
const RETRY_AFTER_S = 5;
/**
 * Documents per request to CouchDB, so that one village's large body does not hold a connection and its memory for
 * long.
 */
const MAX_GROUP = 2000;
/** Ranges per request to CouchDB, which reads one after the other, and requests at once. */
const MAX_RANGES = 32;
const PARALLEL_READS = 4;
/** So many series are worth asking for hints before they are looked for. */
const MANY_SERIES = 16;

interface Row {
  id?: string;
  key: string;
  error?: string;
  value?: { rev: string; deleted?: boolean };
  doc?: TelemetryDocument | null;
}

interface Refusal {
  id: string;
  error: string;
  reason: string;
}

export class CouchTelemetry implements RangeReader {
  readonly #client: CouchClient;
  readonly #turns = new OverlapTurns();
  readonly #known = new KnownSeries();

  constructor(client: CouchClient) {
    this.#client = client;
  }

  async write(documents: readonly IncomingDocument[]): Promise<WriteOutcome[]> {
    const outcomes: WriteOutcome[] = [];
    for (let start = 0; start < documents.length; start += MAX_GROUP) {
      const group = documents.slice(start, start + MAX_GROUP);
      const ids = group.map(({ id }) => id);
      outcomes.push(...(await this.#turns.run(ids, () => this.#writeGroup(group))));
    }
    return outcomes;
  }

  async #writeGroup(documents: readonly IncomingDocument[]): Promise<WriteOutcome[]> {
    const { held, kept } = await this.#lookUp(documents);
    const plan = planWrite(documents, held);
    return plan.outcomes(await this.#store([...plan.toWrite, ...kept]));
  }

  /**
   * One `_revs_diff` tells new, held and held with other content apart, in a sixth of the time of `_all_docs` with
   * keys: a revision later than any real one is asked for too, and for it CouchDB names what it holds as possible
   * ancestors. `kept` are those that are held as they are sent, as they are stored.
   */
  async #lookUp(
    documents: readonly IncomingDocument[],
  ): Promise<{ held: Map<string, HeldDocument>; kept: IncomingDocument[] }> {
    const revisions = new Map<string, string>();
    // Of an id that comes twice the first counts.
    for (const { id, rev } of documents) if (!revisions.has(id)) revisions.set(id, rev);
    const asked = Object.fromEntries([...revisions].map(([id, rev]) => [id, [rev, LATER_THAN_ALL]]));
    const answer = new Map(Object.entries(await this.revsDiff(asked)));
    const held = new Map<string, HeldDocument>();
    const same: string[] = [];
    for (const [id, rev] of revisions) {
      const found = answer.get(id);
      if (!found?.missing.includes(LATER_THAN_ALL)) throw notCouch(RETRY_AFTER_S);
      const [other] = found.possible_ancestors ?? [];
      if (!found.missing.includes(rev)) same.push(id);
      else if (other !== undefined) held.set(id, { rev: other, deleted: false, node: '', seq: 0 });
    }
    // Only of a document that is held as it is sent must the number be known, and whether it has been deleted since.
    const kept: IncomingDocument[] = [];
    for (const { key, value, doc } of await this.#rows(same)) {
      const { node = '', seq = 0 } = doc ?? {};
      if (value) held.set(key, { rev: value.rev, deleted: value.deleted === true, node, seq });
      if (value && doc) kept.push({ id: key, rev: value.rev, node, seq, body: doc });
    }
    return { held, kept };
  }

  async #rows(keys: string[]): Promise<Row[]> {
    if (keys.length === 0) return [];
    const { body } = await this.#client.request<{ rows: Row[] }>({
      db: DB,
      path: '_all_docs',
      method: 'POST',
      qs: { include_docs: true },
      body: { keys },
    });
    for (const { error } of rowsOf(body)) {
      // A shard that cannot be read shows as an error of its rows: taking that for "not held" would rewrite history.
      if (error !== undefined && error !== 'not_found') throw unavailable(`could not look documents up (${error})`);
    }
    return body.rows;
  }

  /** Stores new documents; returns the reasons of those CouchDB itself refuses, by id. */
  async #store(documents: readonly IncomingDocument[]): Promise<Map<string, string>> {
    if (documents.length === 0) return new Map();
    const { status, body } = await this.#client.request<Refusal[] | Partial<Refusal>>({
      db: DB,
      path: '_bulk_docs',
      method: 'POST',
      body: { docs: documents.map((document) => document.body), new_edits: false },
      expected: [400, 413],
    });
    if (status === 202) throw unavailable('has not stored the documents at a quorum of its nodes');
    if (status === 201 && Array.isArray(body)) return refusalsOf(body);
    if (status !== 400 && status !== 413) throw unavailable(`answered ${status} to a write`);
    // What stands before CouchDB may answer 400 as well, and knows nothing of the documents.
    if (Array.isArray(body) || typeof body?.error !== 'string')
      throw unavailable(`answered ${status} without a reason`);
    return this.#bisect(documents, body.reason);
  }

  /** One document CouchDB cannot take turns the whole request into a failure: the others must not suffer for it. */
  async #bisect(
    documents: readonly IncomingDocument[],
    reason = 'was refused by CouchDB',
  ): Promise<Map<string, string>> {
    const [first] = documents;
    if (first && documents.length === 1) return new Map([[first.id, reason]]);
    const middle = Math.ceil(documents.length / 2);
    const lower = await this.#store(documents.slice(0, middle));
    const upper = await this.#store(documents.slice(middle));
    return new Map([...lower, ...upper]);
  }

  async revsDiff(asked: Record<string, string[]>): Promise<RevisionsMissing> {
    const request = { db: DB, path: '_revs_diff', method: 'POST', body: asked } as const;
    return (await this.#client.request<RevisionsMissing>(request)).body;
  }

  /** Throws when the database cannot be used now. */
  async ping(): Promise<void> {
    await this.#client.request({ db: DB });
  }

  /** As CouchDB says, but for the design documents it counts among the others: nobody has sent those. */
  async info(): Promise<TelemetryInfo> {
    const [{ body: info }, { body: designs }] = await Promise.all([
      this.#client.request<TelemetryInfo>({ db: DB }),
      this.#client.request<{ rows: Row[] }>({ db: DB, path: '_design_docs' }),
    ]);
    const { doc_count, doc_del_count, update_seq, instance_start_time } = info;
    return { doc_count: doc_count - rowsOf(designs).length, doc_del_count, update_seq, instance_start_time };
  }

  async readRange(range: ReadRange): Promise<TelemetryDocument[]> {
    const [found = []] = await this.readRanges([range]);
    return found;
  }

  /** Many ranges in one request: by itself each takes longer than the documents of a small one. */
  async readRanges(ranges: readonly ReadRange[]): Promise<TelemetryDocument[][]> {
    const count = Math.ceil(ranges.length / MAX_RANGES);
    const size = Math.ceil(ranges.length / count);
    const few = new FewAtOnce(PARALLEL_READS);
    const groups = Array.from({ length: count }, (_, n) => ranges.slice(n * size, (n + 1) * size));
    return (await Promise.all(groups.map((group) => few.run(() => this.#documentsIn(group))))).flat();
  }

  async #documentsIn(ranges: readonly ReadRange[]): Promise<TelemetryDocument[][]> {
    const queries = ranges.map(({ startId, endId, descending, limit }) => ({
      ...{ start_key: startId, end_key: endId, descending, limit, include_docs: true },
    }));
    const { body } = await this.#client.request<{ results?: { rows?: Row[] }[] }>({
      db: DB,
      path: `${partitionOf(ranges[0]?.startId)}/_all_docs/queries`,
      method: 'POST',
      body: { queries },
    });
    if (!Array.isArray(body?.results) || body.results.length !== ranges.length) throw notCouch(RETRY_AFTER_S);
    return body.results.map((result) => rowsOf(result).flatMap(({ doc }) => (doc ? [doc] : [])));
  }

  async seriesBelow(scope: string): Promise<FoundSeries[]> {
    const known = this.#known.below(scope);
    const isWorthIt = known.length === 0 || known.length >= MANY_SERIES;
    const newest = isWorthIt ? await newestIds(this.#client, scope.slice(0, scope.indexOf(':'))) : [];
    const likely = likelySeries(scope, known, newest);
    const found = await seriesBelow((ranges) => this.readRanges(ranges), scope, likely);
    const prefixes = found.map(({ prefix }) => prefix);
    this.#known.keep(scope, prefixes);
    return found;
  }

  async firstId(startId: string, endId: string): Promise<string | undefined> {
    const { body } = await this.#client.request<{ rows: Row[] }>({
      db: DB,
      path: `${partitionOf(startId)}/_all_docs`,
      qs: { startkey: startId, endkey: endId, limit: 1 },
    });
    return rowsOf(body)[0]?.id;
  }
}

/** All ids of a range name the same village, which is the partition: one shard is asked, not all. */
function partitionOf(id = ''): string {
  return `_partition/${encodeURIComponent(id.slice(0, id.indexOf(':')))}`;
}

function rowsOf(body: { rows?: Row[] }): Row[] {
  if (Array.isArray(body?.rows)) return body.rows;
  throw notCouch(RETRY_AFTER_S);
}

function refusalsOf(answers: readonly Refusal[]): Map<string, string> {
  const refused = new Map<string, string>();
  for (const { id, error, reason } of answers) {
    // `forbidden` is a validation function's verdict on the document; anything else (a timeout, a lost node) is
    // CouchDB's own trouble.
    if (error !== 'forbidden') throw unavailable(`could not store a document (${error}: ${reason})`);
    refused.set(id, reason);
  }
  return refused;
}

function unavailable(what: string): AppError {
  return new AppError('unavailable', `CouchDB ${what}`, { retryAfterS: RETRY_AFTER_S });
}
