/**
 * The village's registry at the edge: the database in LOCAL_CACHE_PATH, and who is told when something in it changed.
 *
 * Damaged files are repaired or replaced as the database opens: what the centre holds comes back from there.
 */
import path from 'node:path';
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { MendingDatabase } from '../../shared/mending-database.js';
import type { OpenOptions } from '../../shared/pouchdb.js';
import { type LeafStore, REVS_LIMIT } from '../../shared/registry/leaf-store.js';
import { PouchLeaves } from '../../shared/registry/pouchdb-leaves.js';
import { Registry } from '../../shared/registry/registry.js';
import type { Clock } from '../../shared/time.js';

export interface RegistryChange {
  /** Ids of the documents written. */
  ids: readonly string[];
  /** `here`: written by this node; `centre`: brought by replication. */
  from: 'here' | 'centre';
}

export interface EdgeRegistryOptions {
  /** LOCAL_CACHE_PATH. */
  folder: string;
  clock: Pick<Clock, 'now'>;
  log: Logger;
  database?: OpenOptions;
}

export class EdgeRegistry {
  readonly registry: Registry;
  /** For replication. */
  readonly database: MendingDatabase;
  readonly #listeners = new Set<(change: RegistryChange) => void>();

  private constructor(database: MendingDatabase, { clock }: EdgeRegistryOptions) {
    this.database = database;
    const leaves = this.#told(new PouchLeaves(database));
    this.registry = new Registry({ leaves, now: () => clock.now() });
  }

  /** Throws `in_use` and `storage_failed`. */
  static async open(options: EdgeRegistryOptions): Promise<EdgeRegistry> {
    const { folder, clock, log, database: openOptions = {} } = options;
    const settings = { revsLimit: REVS_LIMIT, autoCompaction: true, ...openOptions };
    const database = await MendingDatabase.open(path.join(folder, 'registry'), settings, {
      action: 'repair-or-replace',
      damagedFolder: path.join(folder, 'damaged'),
      now: () => clock.now(),
      onMended: async (mending) => {
        log.error('the files of the registry were damaged; edits that had not reached the centre may be missing', {
          ...mending,
        });
      },
    });
    const registry = new EdgeRegistry(database, options);
    // What replication brought before a crash may wait to be joined.
    await registry.registry.tend().catch((error) => {
      log.warn('documents of the registry that were edited on both sides could not be joined', {
        error: messageOf(error),
      });
    });
    return registry;
  }

  /** Calls back after every write; returns how to end it. */
  onChanged(listener: (change: RegistryChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Replication has brought these documents. */
  noteReplicated(ids: readonly string[]): void {
    this.#tell({ ids, from: 'centre' });
  }

  close(): Promise<void> {
    return this.database.close();
  }

  #told(leaves: LeafStore): LeafStore {
    return {
      leaves: (id) => leaves.leaves(id),
      winners: (range) => leaves.winners(range),
      branched: (since) => leaves.branched(since),
      put: async (id, parent, change) => {
        const rev = await leaves.put(id, parent, change);
        this.#tell({ ids: [id], from: 'here' });
        return rev;
      },
      graft: async (additions) => {
        await leaves.graft(additions);
        this.#tell({ ids: additions.map(({ id }) => id), from: 'here' });
      },
    };
  }

  #tell(change: RegistryChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
