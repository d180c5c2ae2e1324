/** The registries of all villages in one CouchDB: `registry-<village>`, and the feed that tells which was changed. */
import type { Logger } from '../../shared/logger.js';
import type { CouchConfig } from '../config.js';
import { ChangeBell } from './change-bell.js';
import { CouchClient } from './couch-client.js';
import { CouchRegistry } from './couch-registry.js';
import { CouchRegistryDatabase, RegistryGone } from './couch-registry-database.js';
import { CouchUpdates } from './couch-updates.js';
import { FewAtOnce } from './few-at-once.js';

/** When many are woken at once, so many of them ask CouchDB whether it was for them. */
const CHECKS_AT_ONCE = 16;

export class CouchRegistries {
  /** Its own, for which a missing database is no reason to set up everything again. */
  readonly #client: CouchClient;
  readonly #user: string | undefined;
  readonly #log: Logger;
  readonly #bell = new ChangeBell();
  readonly #checks = new FewAtOnce(CHECKS_AT_ONCE);
  readonly #updates: CouchUpdates;
  readonly #registries = new Map<string, CouchRegistry>();

  constructor(config: CouchConfig, log: Logger) {
    const client = new CouchClient(config);
    client.onDatabaseGone((db) => new RegistryGone(client.prefix + db));
    this.#client = client;
    this.#user = config.user;
    this.#log = log;
    this.#updates = new CouchUpdates({ client, bell: this.#bell, log });
  }

  /** Made when it is first used. */
  of(village: string): CouchRegistry {
    const known = this.#registries.get(village);
    if (known) return known;
    const name = `registry-${village}`;
    const registry = new CouchRegistry({
      name,
      database: new CouchRegistryDatabase({ client: this.#client, name, user: this.#user, log: this.#log }),
      bell: this.#bell,
      listen: () => this.#updates.start(),
      check: (work) => this.#checks.run(work),
    });
    this.#registries.set(village, registry);
    return registry;
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#updates.close();
  }
}
