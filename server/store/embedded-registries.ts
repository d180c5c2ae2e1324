/** The registries of all villages in an embedded centre: a PouchDB each, in the folder `registry`. */
import type { MendingOptions } from '../../shared/mending-database.js';
import type { OnDamage } from '../../shared/open-or-repair.js';
import { REVS_LIMIT } from '../../shared/registry/leaf-store.js';
import type { Clock } from '../../shared/time.js';
import { ChangeBell } from './change-bell.js';
import { EmbeddedRegistry } from './embedded-registry.js';
import { OpenRegistries } from './open-registries.js';

/** Open at once; each takes some megabytes. */
const MAX_OPEN = 32;
const CACHE_BYTES = 256 * 1024;
const WRITE_BUFFER_BYTES = 256 * 1024;

export interface EmbeddedRegistriesOptions {
  folder: string;
  open: MendingOptions;
  onDamage?: (village: string) => OnDamage;
  clock: Clock;
  maxOpen?: number;
}

export class EmbeddedRegistries {
  readonly #clock: Clock;
  readonly #open: OpenRegistries;
  readonly #bell = new ChangeBell();
  readonly #registries = new Map<string, EmbeddedRegistry>();

  constructor({ folder, open, onDamage, clock, maxOpen = MAX_OPEN }: EmbeddedRegistriesOptions) {
    const small = { cacheSizeBytes: CACHE_BYTES, writeBufferBytes: WRITE_BUFFER_BYTES };
    this.#clock = clock;
    this.#open = new OpenRegistries({
      folder,
      open: { ...small, ...open, revsLimit: REVS_LIMIT, autoCompaction: true },
      onDamage,
      maxOpen,
    });
  }

  /** How many are open now. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Opened when it is used. */
  of(village: string): EmbeddedRegistry {
    const known = this.#registries.get(village);
    if (known) return known;
    const registry = new EmbeddedRegistry({
      village,
      bell: this.#bell,
      clock: this.#clock,
      use: (work) => this.#open.use(village, work),
    });
    this.#registries.set(village, registry);
    return registry;
  }

  close(): Promise<void> {
    return this.#open.close();
  }
}
