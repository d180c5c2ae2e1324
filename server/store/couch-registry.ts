/** A village's registry in CouchDB, for replication: asked in CouchDB's own words. */
import { AppError } from '../../shared/app-error.js';
import type { ChangeBell } from './change-bell.js';
import type { LocalDocuments, RevisionsMissing, TelemetryInfo } from './contract.js';
import { notCouch } from './couch-client.js';
import { CouchLocalDocuments } from './couch-local-documents.js';
import type { CouchRegistryDatabase } from './couch-registry-database.js';
import { CouchRegistryLeaves, writeReplicated } from './couch-registry-leaves.js';
import { namesInCouch } from './leaf-names.js';
import type {
  AskedChanges,
  AskedRevision,
  ChangePage,
  ChangePosition,
  FoundRevision,
  LeafName,
  RegistryDatabase,
  RevisionOptions,
  WriteRefusal,
} from './registry-contract.js';

const RETRY_AFTER_S = 5;

export interface CouchRegistryOptions {
  /** Without the prefix. */
  name: string;
  database: CouchRegistryDatabase;
  bell: ChangeBell;
  /** Has the bell rung from now on. */
  listen(): void;
  /** Bounds how many look at once, when all are woken. */
  check<T>(work: () => Promise<T>): Promise<T>;
}

interface BulkGetAnswer {
  results?: {
    id: string;
    docs: ({ ok: Record<string, unknown> } | { error: { rev?: string; error: string; reason?: string } })[];
  }[];
}

export class CouchRegistry extends CouchRegistryLeaves implements RegistryDatabase {
  readonly local: LocalDocuments;
  readonly #options: CouchRegistryOptions;
  readonly #database: CouchRegistryDatabase;

  constructor(options: CouchRegistryOptions) {
    super(options.database);
    this.#options = options;
    this.#database = options.database;
    this.local = new CouchLocalDocuments(options.database, options.name);
  }

  async info(): Promise<TelemetryInfo> {
    const { body } = await this.#database.request<TelemetryInfo>({});
    const { doc_count, doc_del_count, update_seq, instance_start_time } = body;
    if (update_seq === undefined) throw notCouch(RETRY_AFTER_S);
    return { doc_count, doc_del_count, update_seq, instance_start_time };
  }

  async changes({ since, limit, includeDocs = false }: AskedChanges): Promise<ChangePage> {
    const { status, body } = await this.#database.request<Partial<ChangePage>>({
      path: '_changes',
      qs: { style: 'all_docs', since: since ?? 0, limit, ...(includeDocs ? { include_docs: true } : {}) },
      expected: [400],
    });
    if (status === 400) throw new AppError('invalid_request', 'since is not a position this database gave');
    const { results, last_seq, pending } = body;
    if (!Array.isArray(results) || last_seq === undefined) throw notCouch(RETRY_AFTER_S);
    return { results, last_seq, ...(pending === undefined ? {} : { pending }) };
  }

  waitForChange(since: ChangePosition | undefined, signal: AbortSignal): Promise<boolean> {
    const { bell, name, listen, check } = this.#options;
    listen();
    const hasChanged = async () => (await this.changes({ since, limit: 1 })).results.length > 0;
    return bell.wait(name, signal, () => check(hasChanged));
  }

  async revsDiff(asked: Record<string, string[]>): Promise<RevisionsMissing> {
    const request = { path: '_revs_diff', method: 'POST', body: asked } as const;
    return (await this.#database.request<RevisionsMissing>(request)).body;
  }

  async revisions(asked: readonly AskedRevision[], { latest, history }: RevisionOptions): Promise<FoundRevision[][]> {
    if (asked.length === 0) return [];
    const docs = asked.map(({ id, rev }) => (rev === 'all' ? { id } : { id, rev }));
    const { body } = await this.#database.request<BulkGetAnswer>({
      path: '_bulk_get',
      method: 'POST',
      qs: { ...(latest ? { latest } : {}), ...(history ? { revs: true } : {}) },
      body: { docs },
    });
    const { results } = body;
    if (!Array.isArray(results) || results.length !== asked.length) throw notCouch(RETRY_AFTER_S);
    return results.map(({ docs: found }, n) => {
      const rev = asked[n]?.rev ?? 'all';
      return found.flatMap((one): FoundRevision[] => {
        if ('ok' in one) return [one];
        // A shard that cannot be read must not pass for "not there".
        if (one.error.error !== 'not_found') throw unreadable(one.error.error);
        return rev === 'all' ? [] : [{ missing: rev }];
      });
    });
  }

  leafNames(ids: readonly string[]): Promise<LeafName[][]> {
    return namesInCouch(this.#database, ids);
  }

  async write(documents: readonly object[]): Promise<WriteRefusal[]> {
    return documents.length === 0 ? [] : writeReplicated(this.#database, documents);
  }
}

function unreadable(why: string): AppError {
  return new AppError('unavailable', `CouchDB could not read a document (${why})`, { retryAfterS: RETRY_AFTER_S });
}
