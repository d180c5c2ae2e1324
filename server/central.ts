/**
 * The centre as a whole: the store, the contact log and the HTTP server, started in this order and stopped in reverse,
 * so that no request meets a closed store.
 */

import { LoginGuard } from '../shared/http/login-guard.js';
import { HttpServer, type HttpTimeouts } from '../shared/http/server.js';
import type { Logger } from '../shared/logger.js';
import { type Service, ServiceGroup } from '../shared/service.js';
import { type Clock, systemClock } from '../shared/time.js';
import { type AlertTimes, AlertWatch } from './alerts/alert-watch.js';
import { NumbersMemory } from './alerts/numbers-memory.js';
import type { WebhookTimes } from './alerts/webhook.js';
import { Webhooks } from './alerts/webhooks.js';
import { createApp } from './app.js';
import { CertificateWatch } from './certificate-watch.js';
import { type CentralConfig, DEFAULT_CONNECTIONS } from './config.js';
import { addFleetFigures } from './fleet-metrics.js';
import { Admission } from './gateway/admission.js';
import { ContactLog } from './gateway/contact-log.js';
import { DEFAULT_LIMITS } from './gateway/gateway-limits.js';
import { RegistryWaits } from './gateway/registry-waits.js';
import { VillageAllowance } from './gateway/village-allowance.js';
import { VillageDirectory } from './gateway/village-directory.js';
import { CentralMetrics } from './metrics.js';
import { RegistryNotes } from './registry/registry-notes.js';
import { VillageRegistries } from './registry/village-registries.js';
import type { CentralStore } from './store/contract.js';
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
  /** How long running requests may take to finish when stopping; the server's own unless given. */
  graceMs?: number;
  /** How often the files of the certificate are looked at. */
  certificateIntervalMs?: number;
  /** `numbersAgeMs`: how old numbers may be that `/v1/alerts` is told from. */
  alerts?: Partial<AlertTimes & WebhookTimes & { numbersAgeMs: number }>;
}

const NUMBERS_AGE_MS = 60_000;
const NAMED_VILLAGES = 20;

export class Central implements Service {
  readonly name = 'centre';
  readonly #config: CentralConfig;
  readonly #server: HttpServer;
  readonly #services: ServiceGroup;
  readonly #watch: AlertWatch;
  readonly #store: () => CentralStore;
  #tokens: Tokens = { admin: '', analyst: '' };

  constructor(options: CentralOptions) {
    const { config, log, clock = systemClock, timeouts = {}, graceMs, certificateIntervalMs, alerts = {} } = options;
    this.#config = config;
    const keeper = new StoreKeeper({
      open: (signal) =>
        config.couch
          ? CouchdbStore.open(config.couch, { signal, clock, log })
          : EmbeddedStore.open(config.dataPath, { signal, clock, log }),
      retries: config.couch !== undefined,
      log,
    });
    const store = () => keeper.store;
    this.#store = store;
    const contacts = new ContactLog({ store, clock, log });
    const directory = new VillageDirectory({ store, clock });
    const registries = new VillageRegistries({ store, clock });
    const notes = new RegistryNotes({ store, registries, contacts, clock, log });
    const { host, port, silentAfterHours, tls, trustedProxies = 0, maxConnections = DEFAULT_CONNECTIONS } = config;
    const limits = { ...DEFAULT_LIMITS, ...config.limits };
    const metrics = new CentralMetrics();
    const { failedLoginsPerVillage: perName, failedLoginsPerAddress: perAddress } = limits;
    const guard = new LoginGuard({ clock, perName, perAddress });
    const { figures } = metrics;
    figures.counter('refused_logins_total', 'Logins not looked at after too many failures.', () => guard.refused);
    const waits = new RegistryWaits();
    figures.gauge('registry_waits', 'Requests that wait for a change of a registry.', () => waits.count);
    const memory = new NumbersMemory({ store, contacts, clock, log, silentAfterHours });
    const { webhooks: targets = [], webhookSecret, metricsVillages = NAMED_VILLAGES } = config;
    const webhooks = new Webhooks({ targets, secret: webhookSecret, clock, log, times: alerts });
    this.#watch = new AlertWatch({
      ...{ store, contacts, memory, clock, log, silentAfterHours, times: alerts },
      ...(targets.length === 0 ? {} : { tell: (news) => webhooks.tell(news) }),
    });
    addFleetFigures({ watch: this.#watch, webhooks, clock, named: metricsVillages }, figures);
    const handler = createApp({
      store,
      tokens: () => this.#tokens,
      directory,
      contacts,
      admission: new Admission({ limits, metrics, clock }),
      allowance: new VillageAllowance(limits, clock),
      waits,
      guard,
      registries,
      notes,
      metrics,
      ...{ memory, numbersAgeMs: alerts.numbersAgeMs ?? NUMBERS_AGE_MS },
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
      ...(graceMs === undefined ? {} : { graceMs }),
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
    const members: Service[] = [keeper, loading, contacts, metrics, webhooks, this.#watch, this.#server, waits];
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

  /** Looks now at what should be known of the villages, as it is done every minute. */
  lookAtAlerts(): Promise<void> {
    return this.#watch.look();
  }

  /**
   * Resolves when the store has answered, be it that it cannot be used now: starting the centre again would not help
   * there. Stays pending while the store says nothing.
   */
  async pulse(): Promise<void> {
    await this.#ping().catch(() => undefined);
  }

  async #ping(): Promise<void> {
    await this.#store().ping();
  }

  async #loadTokens(): Promise<void> {
    this.#tokens = await loadTokens(this.#config);
  }
}
