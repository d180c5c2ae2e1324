/**
 * Which numbers a CouchDB holds, counted by the view of the receipts: whole subtrees of its index are counted at once, so
 * that a question costs the same however many documents there are. The view is brought up to date before each answer.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import type { NodeNumbers, NumberIndex, NumberSpan } from './contract.js';
import { type CouchClient, notCouch } from './couch-client.js';
import { DESIGN, VIEW } from './couch-receipts.js';
import type { CouchSetup } from './couch-setup.js';

const DB = 'telemetry';
/** Questions in one request: of a few hundred microseconds each. */
const MAX_QUERIES = 500;
const RETRY_AFTER_S = 10;

interface Row {
  key?: unknown;
  value?: unknown;
  doc?: TelemetryDocument | null;
}

interface Rows {
  rows?: Row[];
}

interface Question {
  query: object;
  resolve(rows: Row[]): void;
  reject(error: unknown): void;
}

export class CouchNumbers implements NumberIndex {
  readonly #client: CouchClient;
  readonly #setup: CouchSetup;
  /** By village. */
  readonly #waiting = new Map<string, Question[]>();

  constructor(client: CouchClient, setup: CouchSetup) {
    this.#client = client;
    this.#setup = setup;
  }

  async nodes(village: string): Promise<NodeNumbers[]> {
    const { rows: counted } = await this.#ask<Rows>(village, '', { group_level: 1 });
    const nodes = asRows(counted).map(({ key, value }) => ({ node: nodeIn(key), held: countIn(value) }));
    const last = nodes.map(({ node }) => ({
      ...{ start_key: [node, {}], end_key: [node], descending: true, limit: 1, reduce: false },
    }));
    const found = await this.#askAll(village, last);
    return nodes.map((one, n) => ({ ...one, highest: seqIn(found[n]?.[0]?.key) }));
  }

  async counts(village: string, node: string, spans: readonly NumberSpan[]): Promise<number[]> {
    const found = await this.#askAll(
      village,
      spans.map(([from, to]) => ({ start_key: [node, from], end_key: [node, to] })),
    );
    return found.map((rows) => (rows[0] === undefined ? 0 : countIn(rows[0].value)));
  }

  async besideGaps(village: string, node: string, seqs: readonly number[]): Promise<(TelemetryDocument | undefined)[]> {
    const each = seqs.map((seq) => ({ key: [node, seq], reduce: false, include_docs: true, limit: 1 }));
    return (await this.#askAll(village, each)).map(([row]) => row?.doc ?? undefined);
  }

  /** The rows of each query, in their order. What is asked of a village in the same moment goes in one request. */
  #askAll(village: string, queries: readonly object[]): Promise<Row[][]> {
    const asked = queries.map(
      (query) => new Promise<Row[]>((resolve, reject) => this.#await(village, { query, resolve, reject })),
    );
    return Promise.all(asked);
  }

  #await(village: string, question: Question): void {
    const waiting = this.#waiting.get(village);
    if (waiting) waiting.push(question);
    else {
      this.#waiting.set(village, [question]);
      setImmediate(() => void this.#askWaiting(village));
    }
  }

  /** Never rejects: whoever asked is told. */
  async #askWaiting(village: string): Promise<void> {
    const waiting = this.#waiting.get(village) ?? [];
    this.#waiting.delete(village);
    for (let start = 0; start < waiting.length; start += MAX_QUERIES) {
      const part = waiting.slice(start, start + MAX_QUERIES);
      try {
        const queries = part.map(({ query }) => query);
        const { results } = await this.#ask<{ results?: Rows[] }>(village, '/queries', {}, { queries });
        if (!Array.isArray(results) || results.length !== part.length) throw notCouch(RETRY_AFTER_S);
        const found = results.map(({ rows }) => asRows(rows));
        for (const [n, { resolve }] of part.entries()) resolve(found[n] ?? []);
      } catch (error) {
        for (const { reject } of waiting.slice(start)) reject(error);
        return;
      }
    }
  }

  async #ask<T>(village: string, below: string, qs: Record<string, unknown>, body?: object): Promise<T> {
    const { status, body: answer } = await this.#client.request<T>({
      db: DB,
      path: `_partition/${encodeURIComponent(village)}/${DESIGN}/_view/${VIEW}${below}`,
      qs,
      ...(body === undefined ? {} : { method: 'POST' as const, body }),
      expected: [404],
    });
    if (status === 404) throw this.#setup.again(DESIGN);
    return answer;
  }
}

function asRows(rows: Row[] | undefined): Row[] {
  if (Array.isArray(rows)) return rows;
  throw notCouch(RETRY_AFTER_S);
}

function nodeIn(key: unknown): string {
  const node = Array.isArray(key) ? key[0] : undefined;
  if (typeof node === 'string') return node;
  throw notCouch(RETRY_AFTER_S);
}

function seqIn(key: unknown): number {
  // Between the two questions somebody may have deleted the node's last document.
  return Array.isArray(key) && typeof key[1] === 'number' ? key[1] : 0;
}

function countIn(value: unknown): number {
  const count = Array.isArray(value) ? value[0] : undefined;
  if (Number.isSafeInteger(count)) return count as number;
  throw notCouch(RETRY_AFTER_S);
}
