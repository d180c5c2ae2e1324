/** A centre running in the test's own process, and the requests of those who use it. */
import { Central, type CentralOptions } from '../../../server/central.js';
import type { CentralConfig } from '../../../server/config.js';
import { silentLogger } from '../../../shared/logger.js';
import { type Clock, systemClock } from '../../../shared/time.js';
import { configIn, createPlace, type Place, type StoreKind } from './stores.js';

export interface VillageLogin {
  id: string;
  password: string;
}

export class Centre {
  readonly place: Place;
  readonly #config: Partial<CentralConfig>;
  readonly #clock: Clock;
  readonly #options: Partial<CentralOptions>;
  #central: Central;

  private constructor(
    place: Place,
    config: Partial<CentralConfig>,
    { clock = systemClock, ...options }: Partial<CentralOptions>,
  ) {
    this.place = place;
    this.#config = config;
    this.#clock = clock;
    this.#options = options;
    this.#central = this.#make();
  }

  static async start(
    kind: StoreKind,
    { config = {}, ...options }: Partial<Omit<CentralOptions, 'config'>> & { config?: Partial<CentralConfig> } = {},
  ): Promise<Centre> {
    const centre = new Centre(await createPlace(kind), config, options);
    await centre.#central.start();
    return centre;
  }

  /** Another gateway before the same CouchDB; `stop` it before this one. */
  async second(): Promise<Centre> {
    const { place } = this;
    if (!place.couch) throw new Error('an embedded store has one gateway');
    const tokens = { adminToken: this.tokens.admin, analystToken: this.tokens.analyst };
    const options = { ...this.#options, clock: this.#clock };
    const centre = new Centre({ ...place, remove: async () => {} }, { ...this.#config, ...tokens }, options);
    await centre.#central.start();
    return centre;
  }

  get url(): string {
    return this.#central.url;
  }

  get tokens() {
    return this.#central.tokens;
  }

  #make(): Central {
    return new Central({ config: configIn(this.place, this.#config), ...this.#given() });
  }

  #given() {
    // Alerts are told from numbers as they are, and looked at when a test says so.
    const alerts = { numbersAgeMs: 0, everyMs: 3_600_000, ...this.#options.alerts };
    return { log: silentLogger(), clock: this.#clock, ...this.#options, alerts };
  }

  async restart(): Promise<void> {
    await this.#central.stop();
    this.#central = this.#make();
    await this.#central.start();
  }

  async stop(): Promise<void> {
    await this.#central.stop();
    await this.place.remove();
  }

  lookAtAlerts(): Promise<void> {
    return this.#central.lookAtAlerts();
  }

  admin(path: string, init: RequestInit = {}): Promise<Response> {
    return this.#as(`Bearer ${this.tokens.admin}`, path, init);
  }

  analyst(path: string, init: RequestInit = {}): Promise<Response> {
    return this.#as(`Bearer ${this.tokens.analyst}`, path, init);
  }

  as({ id, password }: VillageLogin, path: string, init: RequestInit = {}): Promise<Response> {
    return this.#as(basic(id, password), path, init);
  }

  anonymous(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.url + path, init);
  }

  #as(authorization: string, path: string, init: RequestInit): Promise<Response> {
    return fetch(this.url + path, { ...init, headers: { ...init.headers, Authorization: authorization } });
  }

  async addVillage(id: string): Promise<VillageLogin> {
    const response = await this.admin('/v1/villages', json({ id }));
    if (response.status !== 201) throw new Error(`adding ${id} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as VillageLogin;
  }

  /** Sends documents as an edge node does and returns the answer's entries. */
  async push(village: VillageLogin, docs: unknown[]): Promise<Record<string, unknown>[]> {
    const init = json({ docs, new_edits: false }, { Prefer: 'return=representation' });
    const response = await this.as(village, '/telemetry/_bulk_docs', init);
    if (response.status !== 201) throw new Error(`a push answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>[];
  }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

export function json(body: unknown, headers: Record<string, string> = {}, method = 'POST'): RequestInit {
  return { method, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
