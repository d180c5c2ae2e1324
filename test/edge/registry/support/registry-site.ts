/** The registry of one node with its synchronisation and a link of its own, without the rest of the node. */
import { ConnectivityMonitor } from '../../../../edge/monitor/connectivity.js';
import { ObservedLink } from '../../../../edge/monitor/observed-link.js';
import { RightOfWay } from '../../../../edge/push/right-of-way.js';
import { EdgeRegistry } from '../../../../edge/registry/edge-registry.js';
import { RegistryCentre } from '../../../../edge/registry/registry-centre.js';
import type { RegistryStatus } from '../../../../edge/registry/registry-status.js';
import { RegistrySync } from '../../../../edge/registry/registry-sync.js';
import { silentLogger } from '../../../../shared/logger.js';
import { type Clock, systemClock } from '../../../../shared/time.js';
import { waitFor } from '../../../support/wait-for.js';

export interface RegistrySiteOptions {
  folder: string;
  village: string;
  /** API_URL. */
  url: string;
  user: string;
  password: string;
  /** Unless given, rounds are made on request only. */
  live?: boolean;
  timeoutMs?: number;
  clock?: Clock;
}

export class RegistrySite {
  readonly registry: EdgeRegistry;
  readonly sync: RegistrySync;
  readonly link: ObservedLink;
  readonly rightOfWay = new RightOfWay();
  readonly #connectivity: ConnectivityMonitor;
  readonly #village: string;

  private constructor(options: RegistrySiteOptions, registry: EdgeRegistry) {
    const { village, url, user, password, live = false, timeoutMs = 10_000, clock = systemClock } = options;
    this.#village = village;
    this.registry = registry;
    this.#connectivity = new ConnectivityMonitor({
      intervalMs: 100,
      now: () => clock.now(),
      probe: async (signal) => void (await this.link.request({ method: 'GET', path: '/', signal })),
    });
    this.link = new ObservedLink({ url, user, password, timeoutMs }, this.#connectivity);
    this.sync = new RegistrySync({
      ...{ registry, connectivity: this.#connectivity, rightOfWay: this.rightOfWay, clock, log: silentLogger() },
      centre: new RegistryCentre({ link: this.link, village, timeoutMs }),
      // A tenth of the longest wait, so that what is to be tried again is tried soon.
      rules: { live, random: () => 0.1 },
    });
  }

  static async start(options: RegistrySiteOptions): Promise<RegistrySite> {
    const { folder, clock = systemClock } = options;
    const registry = await EdgeRegistry.open({ folder, clock, log: silentLogger() });
    const site = new RegistrySite(options, registry);
    await site.#connectivity.start();
    await site.sync.start();
    return site;
  }

  async stop(): Promise<void> {
    await this.sync.stop();
    await this.#connectivity.stop();
    this.link.close();
    await this.registry.close();
  }

  /** Makes or replaces a document as a person in the village does, knowing what is there. */
  async put(type: string, id: string, body: object): Promise<void> {
    const before = await this.registry.registry.get(type, id);
    const ifMatch = before && `"${before._rev}"`;
    await this.registry.registry.put(type, id, body, { author: `village:${this.#village}`, ifMatch });
  }

  async remove(type: string, id: string): Promise<void> {
    const before = await this.registry.registry.get(type, id);
    const by = { author: `village:${this.#village}`, ifMatch: before && `"${before._rev}"` };
    await this.registry.registry.remove(type, id, by);
  }

  /** Everything it shows, traces and conflicts included. */
  async shown(): Promise<object> {
    const { registry } = this.registry;
    const [items, traces, conflicts] = await Promise.all([
      ...[registry.list(), registry.history(undefined, { limit: 1_000 }), registry.conflicts()],
    ]);
    return { items, traces, conflicts };
  }

  status(): Promise<RegistryStatus> {
    return this.sync.status();
  }

  async untilState(state: RegistryStatus['state'], timeoutMs = 10_000): Promise<void> {
    await waitFor(() => this.sync.state.name === state, { what: `the state ${state}`, timeoutMs });
  }

  /** Until it shows the document with these fields, or none where `fields` is undefined. */
  async untilShown(type: string, id: string, fields: object | undefined, timeoutMs = 10_000): Promise<void> {
    await waitFor(
      async () => {
        const view = await this.registry.registry.get(type, id);
        if (!view || !fields) return view === undefined && fields === undefined;
        return Object.entries(fields).every(([name, value]) => view[name] === value);
      },
      { what: `${type}:${id} to be ${JSON.stringify(fields)}`, timeoutMs },
    );
  }
}
