/**
 * A village's registry in an embedded PouchDB. One process alone has it open: its own writes are all there are, and wake
 * whoever waits for a change.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import type { MendingDatabase } from '../../shared/mending-database.js';
import { type Database, isNotFound } from '../../shared/pouchdb.js';
import type { Leaf, NewLeaf, RangeOptions } from '../../shared/registry/leaf-store.js';
import { PouchLeaves } from '../../shared/registry/pouchdb-leaves.js';
import type { Clock } from '../../shared/time.js';
import type { ChangeBell } from './change-bell.js';
import type { LocalDocuments, RevisionsMissing, TelemetryInfo } from './contract.js';
import { readCreated, writeCreated } from './database-created.js';
import { EmbeddedLocalDocuments } from './embedded-local-documents.js';
import { namesInTree } from './leaf-names.js';
import { OverlapTurns } from './overlap-turns.js';
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

const POSITION = /^\d{1,15}$/;

export interface EmbeddedRegistryOptions {
  village: string;
  bell: ChangeBell;
  clock: Clock;
  /** Has the database open while `work` runs. */
  use<T>(work: (database: MendingDatabase) => Promise<T>): Promise<T>;
}

export class EmbeddedRegistry implements RegistryDatabase {
  readonly local: LocalDocuments;
  readonly #options: EmbeddedRegistryOptions;
  /** `put` looks and then writes; the database may be opened anew for each. */
  readonly #turns = new OverlapTurns();

  constructor(options: EmbeddedRegistryOptions) {
    this.#options = options;
    const { use } = options;
    this.local = {
      get: (village, name) => use((database) => new EmbeddedLocalDocuments(database).get(village, name)),
      put: (village, name, body, rev) =>
        use((database) => new EmbeddedLocalDocuments(database).put(village, name, body, rev)),
      delete: (village, name, rev) =>
        use((database) => new EmbeddedLocalDocuments(database).delete(village, name, rev)),
    };
  }

  leaves(id: string) {
    return this.#options.use((database) => new PouchLeaves(database).leaves(id));
  }

  winners(range?: RangeOptions) {
    return this.#options.use((database) => new PouchLeaves(database).winners(range));
  }

  branched(since?: string) {
    return this.#options.use((database) => new PouchLeaves(database).branched(since));
  }

  put(id: string, parent: Leaf | undefined, change: { deleted: boolean; body: object }): Promise<string> {
    return this.#turns.run([id], () => this.#change((database) => new PouchLeaves(database).put(id, parent, change)));
  }

  async graft(leaves: readonly NewLeaf[]): Promise<void> {
    if (leaves.length > 0) await this.#change((database) => new PouchLeaves(database).graft(leaves));
  }

  info(): Promise<TelemetryInfo> {
    return this.#options.use(async (database) => {
      const createdMs = await this.#createdMs(database);
      const { doc_count, update_seq } = await database.read((open) => open.info());
      // Deleted documents are not counted by PouchDB: no replicator asks for their number.
      const instance_start_time = String(createdMs * 1000);
      return { doc_count, doc_del_count: 0, update_seq, instance_start_time };
    });
  }

  async changes({ since, limit, includeDocs = false }: AskedChanges): Promise<ChangePage> {
    const from = positionOf(since);
    const asked = { since: from, limit, style: 'all_docs', include_docs: includeDocs } as const;
    const { results, last_seq } = await this.#options.use((database) => database.read((open) => open.changes(asked)));
    return { results: results.map((change) => ({ ...change, changes: change.changes ?? [] })), last_seq };
  }

  waitForChange(since: ChangePosition | undefined, signal: AbortSignal): Promise<boolean> {
    const { bell, village } = this.#options;
    return bell.wait(village, signal, async () => (await this.changes({ since, limit: 1 })).results.length > 0);
  }

  revsDiff(asked: Record<string, string[]>): Promise<RevisionsMissing> {
    return this.#options.use((database) =>
      database.read(async (open) => (await open.revsDiff(asked)) as RevisionsMissing),
    );
  }

  revisions(asked: readonly AskedRevision[], options: RevisionOptions): Promise<FoundRevision[][]> {
    return this.#options.use((database) =>
      database.read((open) => {
        const reading: Reading = { database: open, names: new Map(), leaves: new Map() };
        return Promise.all(asked.map((one) => revisionsIn(reading, one, options)));
      }),
    );
  }

  leafNames(ids: readonly string[]): Promise<LeafName[][]> {
    return this.#options.use((database) =>
      database.read((open) => Promise.all(ids.map((id) => namesInTree(open, id)))),
    );
  }

  async write(documents: readonly object[]): Promise<WriteRefusal[]> {
    if (documents.length === 0) return [];
    return this.#change(async (database) => {
      const answers = await database.write((open) => open.bulkDocs([...documents], { new_edits: false }));
      const failed = answers.find(({ error }) => error !== undefined);
      if (!failed) return [];
      throw new AppError('storage_failed', `the registry could not be written: ${messageOf(failed)}`);
    });
  }

  async #change<T>(work: (database: MendingDatabase) => Promise<T>): Promise<T> {
    const { use, bell, village } = this.#options;
    try {
      return await use(work);
    } finally {
      // What failed may have been written in part.
      bell.ring(village);
    }
  }

  async #createdMs(database: MendingDatabase): Promise<number> {
    const kept = await database.read(readCreated);
    if (kept !== undefined) return kept;
    return this.#turns.run(['created'], async () => {
      const meanwhile = await database.read(readCreated);
      if (meanwhile !== undefined) return meanwhile;
      const atMs = this.#options.clock.now();
      await database.write((open) => writeCreated(open, atMs));
      return atMs;
    });
  }
}

/** What is asked of a document more than once: of one that has many leaves many are asked for, and each read is of all. */
interface Reading {
  database: Database;
  names: Map<string, Promise<LeafName[]>>;
  leaves: Map<string, Promise<FoundRevision[]>>;
}

function once<T>(found: Map<string, Promise<T>>, id: string, read: () => Promise<T>): Promise<T> {
  const answer = found.get(id) ?? read();
  found.set(id, answer);
  return answer;
}

async function revisionsIn(
  reading: Reading,
  { id, rev }: AskedRevision,
  { latest, history }: RevisionOptions,
): Promise<FoundRevision[]> {
  const { database, names } = reading;
  const isAskedForLater = latest && rev !== 'all';
  const leaves = isAskedForLater ? await once(names, id, () => namesInTree(database, id)) : [];
  const isLater = isAskedForLater && !leaves.some((leaf) => leaf.rev === rev);
  return isLater ? leavesAfter(reading, { id, rev }, history) : openRevisions(database, { id, rev }, history);
}

async function openRevisions(
  database: Database,
  { id, rev }: AskedRevision,
  history: boolean,
): Promise<FoundRevision[]> {
  const revs = rev === 'all' ? 'all' : [rev];
  try {
    return await database.get(id, { open_revs: revs, revs: history });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return rev === 'all' ? [] : [{ missing: rev }];
  }
}

/** PouchDB's own `latest` ends the process where the revision is none of the document's. */
async function leavesAfter(
  { database, leaves: read }: Reading,
  { id, rev }: AskedRevision,
  history: boolean,
): Promise<FoundRevision[]> {
  const leaves = await once(read, id, () => openRevisions(database, { id, rev: 'all' }, true));
  const after = leaves.flatMap((leaf) => ('ok' in leaf && isAfter(leaf.ok, rev) ? [leaf.ok] : []));
  if (after.length === 0) return [{ missing: rev }];
  return after.map(({ _revisions, ...document }) => ({ ok: history ? { ...document, _revisions } : document }));
}

/** The leaf is the revision itself, or comes after it. */
function isAfter({ _revisions }: Record<string, unknown>, rev: string): boolean {
  const { start, ids } = _revisions as { start: number; ids: string[] };
  return ids.some((id, n) => `${start - n}-${id}` === rev);
}

function positionOf(since: ChangePosition | undefined): number {
  if (since === undefined) return 0;
  if (POSITION.test(String(since))) return Number(since);
  throw new AppError('invalid_request', 'since is not a position this database gave');
}
