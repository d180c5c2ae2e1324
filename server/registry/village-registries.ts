/**
 * The registries of the villages, each over its own database. One object a village while it is in use, so that what
 * happens to a registry in this process takes turns, and only what changed since is looked at when it is tended. Which of
 * them are kept is a cache and nothing more: other gateways write to the same databases anyway.
 */
import { Registry } from '../../shared/registry/registry.js';
import type { Clock } from '../../shared/time.js';
import type { CentralStore } from '../store/contract.js';

export interface VillageRegistriesOptions {
  /** Throws `unavailable` while there is none. */
  store(): CentralStore;
  clock: Clock;
}

const MAX_KEPT = 10_000;

export class VillageRegistries {
  readonly #options: VillageRegistriesOptions;
  readonly #kept = new Map<string, Registry>();
  /** That the kept ones belong to. */
  #store: CentralStore | undefined;

  constructor(options: VillageRegistriesOptions) {
    this.#options = options;
  }

  /** The registry of a village that exists: callers have made sure. Throws `unavailable` while there is no store. */
  of(village: string): Registry {
    const store = this.#options.store();
    if (store !== this.#store) this.#kept.clear();
    this.#store = store;
    const { clock } = this.#options;
    const registry =
      this.#kept.get(village) ?? new Registry({ leaves: store.registry(village), now: () => clock.now() });
    this.#kept.delete(village);
    this.#kept.set(village, registry);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
    return registry;
  }
}
