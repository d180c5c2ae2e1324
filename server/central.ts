/**
 * The centre as a whole: the store, the contact log and the HTTP server, started in this order and stopped in reverse,
 * so that no request meets a closed store.
 */
import { HttpServer } from '../shared/http/server.js';
import type { Logger } from '../shared/logger.js';
import { type Service, ServiceGroup } from '../shared/service.js';
import { type Clock, systemClock } from '../shared/time.js';
import { createApp } from './app.js';
import type { CentralConfig } from './config.js';
import { ContactLog } from './gateway/contact-log.js';
import { VillageDirectory } from './gateway/village-directory.js';
import { CouchdbStore } from './store/couchdb-store.js';
import { EmbeddedStore } from './store/embedded-store.js';
import { StoreKeeper } from './store/store-keeper.js';
import { loadTokens, type Tokens } from './tokens.js';

export interface CentralOptions {
  config: CentralConfig;
  log: Logger;
  clock?: Clock;
}

export class Central implements Service {
  readonly name = 'centre';
  readonly #config: CentralConfig;
  readonly #server: HttpServer;
  readonly #services: ServiceGroup;
  #tokens: Tokens = { admin: '', analyst: '' };

  constructor({ config, log, clock = systemClock }: CentralOptions) {
    this.#config = config;
    const keeper = new StoreKeeper({
      open: (signal) =>
        config.couch ? CouchdbStore.open(config.couch, { signal, clock, log }) : EmbeddedStore.open(config.dataPath),
      retries: config.couch !== undefined,
      log,
    });
    const store = () => keeper.store;
    const contacts = new ContactLog({ store, clock, log });
    const directory = new VillageDirectory({ store, clock });
    const { host, port, silentAfterHours, tls } = config;
    const handler = createApp({
      store,
      tokens: () => this.#tokens,
      directory,
      contacts,
      clock,
      log,
      silentAfterHours,
      tls: tls !== undefined,
    });
    this.#server = new HttpServer({
      host,
      port,
      handler,
      ...(tls ? { tls } : {}),
      settingNames: { host: 'CENTRAL_HOST', port: 'CENTRAL_PORT' },
    });
    const loading: Service = { name: 'tokens', start: () => this.#loadTokens(), stop: async () => {} };
    this.#services = new ServiceGroup('centre', [keeper, loading, contacts, this.#server]);
  }

  /** Where it listens; only while it runs. */
  get url(): string {
    return this.#server.url;
  }

  /** The tokens in use, for whoever runs the centre in-process. */
  get tokens(): Readonly<Tokens> {
    return this.#tokens;
  }

  /**
   * Resolves when requests are answered. Throws `in_use` for a port or data folder in use, `usage` for settings that
   * cannot work.
   */
  start(): Promise<void> {
    return this.#services.start();
  }

  /** Takes no new request, finishes those running, writes down the contacts and closes the store. */
  stop(): Promise<void> {
    return this.#services.stop();
  }

  async #loadTokens(): Promise<void> {
    this.#tokens = await loadTokens(this.#config);
  }
}
