/**
 * The centre as a whole: the store, the contact log and the HTTP server, started in this order and stopped in reverse,
 * so that no request meets a closed store.
 */
import { HttpServer, type HttpTimeouts } from '../shared/http/server.js';
import type { Logger } from '../shared/logger.js';
import { type Service, ServiceGroup } from '../shared/service.js';
import { type Clock, systemClock } from '../shared/time.js';
import { createApp } from './app.js';
import { CertificateWatch } from './certificate-watch.js';
import { type CentralConfig, DEFAULT_CONNECTIONS } from './config.js';
import { Admission } from './gateway/admission.js';
import { ContactLog } from './gateway/contact-log.js';
import { DEFAULT_LIMITS } from './gateway/gateway-limits.js';
import { LoginGuard } from './gateway/login-guard.js';
import { VillageAllowance } from './gateway/village-allowance.js';
import { VillageDirectory } from './gateway/village-directory.js';
import { CentralMetrics } from './metrics.js';
import { CouchdbStore } from './store/couchdb-store.js';
import { EmbeddedStore } from './store/embedded-store.js';
import { StoreKeeper } from './store/store-keeper.js';
import { loadTokens, type Tokens } from './tokens.js';

export interface CentralOptions {
  config: CentralConfig;
  log: Logger;
  clock?: Clock;
  /** Those left out are the server's own. */
  timeouts?: Partial<HttpTimeouts>;
  /** How often the files of the certificate are looked at. */
  certificateIntervalMs?: number;
}

export class Central implements Service {
  readonly name = 'centre';
  readonly #config: CentralConfig;
  readonly #server: HttpServer;
  readonly #services: ServiceGroup;
  #tokens: Tokens = { admin: '', analyst: '' };

  constructor(options: CentralOptions) {
    const { config, log, clock = systemClock, timeouts = {}, certificateIntervalMs } = options;
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
    const { host, port, silentAfterHours, tls, trustedProxies = 0, maxConnections = DEFAULT_CONNECTIONS } = config;
    const limits = { ...DEFAULT_LIMITS, ...config.limits };
    const metrics = new CentralMetrics();
    const { failedLoginsPerVillage: perName, failedLoginsPerAddress: perAddress } = limits;
    const guard = new LoginGuard({ clock, perName, perAddress });
    metrics.figure('refused_logins', 'Logins not looked at after too many failures.', () => guard.refused);
    const handler = createApp({
      store,
      tokens: () => this.#tokens,
      directory,
      contacts,
      admission: new Admission({ limits, metrics, clock }),
      allowance: new VillageAllowance(limits, clock),
      guard,
      metrics,
      trustedProxies,
      clock,
      log,
      silentAfterHours,
      tls: tls !== undefined,
    });
    this.#server = new HttpServer({
      host,
      port,
      handler,
      timeouts,
      connections: {
        total: maxConnections,
        perAddress: trustedProxies > 0 ? undefined : Math.ceil(maxConnections / 4),
      },
      clock,
      onDropped: (dropped) =>
        log.warn('connections were dropped, there are too many; see MAX_CONNECTIONS', { dropped, maxConnections }),
      ...(tls ? { tls } : {}),
      settingNames: { host: 'CENTRAL_HOST', port: 'CENTRAL_PORT' },
    });
    const loading: Service = { name: 'tokens', start: () => this.#loadTokens(), stop: async () => {} };
    const certificate =
      tls &&
      new CertificateWatch({
        ...{ tls, log, use: (pair) => this.#server.useCertificate(pair) },
        ...(certificateIntervalMs === undefined ? {} : { intervalMs: certificateIntervalMs }),
      });
    const members: Service[] = [keeper, loading, contacts, metrics, this.#server];
    this.#services = new ServiceGroup('centre', certificate ? [...members, certificate] : members);
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
