/**
 * Order of arrival in a CouchDB: its changes feed. A position is CouchDB's own `seq`, which stands for the state of every
 * shard, so that nothing is skipped however many there are. A cluster that has lost a shard's newest changes, or moved
 * the shard, gives some documents again rather than leave one out.
 */
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import type { ArrivalOrder, ArrivalPage } from './contract.js';
import { type CouchClient, notCouch } from './couch-client.js';
import type { CouchSetup } from './couch-setup.js';

const DB = 'telemetry';
const RETRY_AFTER_S = 10;

interface Changes {
  results?: { seq: unknown; id: string; deleted?: boolean; doc?: TelemetryDocument | null }[];
  last_seq?: unknown;
}

export class CouchArrivals implements ArrivalOrder {
  readonly #client: CouchClient;
  readonly #setup: CouchSetup;

  constructor(client: CouchClient, setup: CouchSetup) {
    this.#client = client;
    this.#setup = setup;
  }

  async identity(): Promise<string> {
    const { body } = await this.#client.request<{ instance_start_time?: string }>({ db: DB });
    return `${this.#setup.identity.uuid}/${body.instance_start_time}`;
  }

  async read(position: string | undefined, limit: number): Promise<ArrivalPage> {
    const { status, body } = await this.#client.request<Changes>({
      db: DB,
      path: '_changes',
      qs: { limit, include_docs: true, ...(position === undefined ? {} : { since: position }) },
      expected: [400],
    });
    if (status === 400) throw new AppError('invalid_request', 'since is not a cursor this database gave');
    const { results, last_seq: last } = body;
    if (!Array.isArray(results) || last === undefined) throw notCouch(RETRY_AFTER_S);
    const arrivals = results.flatMap(({ seq, id, deleted, doc }) =>
      doc && deleted !== true && !id.startsWith('_design/') ? [{ position: String(seq), document: doc }] : [],
    );
    return { arrivals, last: String(last), isEnd: results.length < limit };
  }
}
