/**
 * The embedded registries that are open: a PouchDB for each village, opened when it is used and closed again when others
 * are. At most so many are open at once; those in use stay, and whoever finds all places taken waits for one.
 */
import path from 'node:path';
import { MendingDatabase, type MendingOptions } from '../../shared/mending-database.js';
import type { OnDamage } from '../../shared/open-or-repair.js';

export interface OpenRegistriesOptions {
  /** Each registry is a folder in this one. */
  folder: string;
  open: MendingOptions;
  /** By name; damage is an error where absent. */
  onDamage?: ((name: string) => OnDamage) | undefined;
  maxOpen: number;
}

interface Place {
  /** Rejects where it cannot be opened. */
  database: Promise<MendingDatabase>;
  users: number;
}

export class OpenRegistries {
  readonly #options: OpenRegistriesOptions;
  /** In order of use: those idle for longest come first. */
  readonly #places = new Map<string, Place>();
  /** Being closed: each keeps its place, and must be closed before it is opened again. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(options: OpenRegistriesOptions) {
    this.#options = options;
  }

  /** Databases open or being opened or closed. */
  get size(): number {
    return this.#places.size + this.#closing.size;
  }

  /** Throws what opening throws, and what `work` throws. */
  async use<T>(name: string, work: (database: MendingDatabase) => Promise<T>): Promise<T> {
    const place = await this.#enter(name);
    try {
      return await work(await place.database);
    } finally {
      place.users--;
      this.#makeRoom();
    }
  }

  /** Nothing may be in use any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const name of [...this.#places.keys()]) this.#shut(name);
    await Promise.all(this.#closing.values());
  }

  async #enter(name: string): Promise<Place> {
    for (;;) {
      const present = this.#places.get(name);
      if (present) return this.#taken(name, present);
      const closing = this.#closing.get(name);
      if (closing) await closing;
      else if (this.size < this.#options.maxOpen || this.#isClosed) return this.#opened(name);
      else {
        const room = new Promise<void>((resolve) => this.#waiting.push(resolve));
        this.#makeRoom();
        await room;
      }
    }
  }

  #taken(name: string, place: Place): Place {
    this.#places.delete(name);
    this.#places.set(name, place);
    place.users++;
    return place;
  }

  #opened(name: string): Place {
    const { folder, open, onDamage } = this.#options;
    const database = MendingDatabase.open(path.join(folder, name), open, onDamage?.(name));
    const place: Place = { database, users: 1 };
    this.#places.set(name, place);
    place.database.catch(() => {
      // The next one tries anew.
      if (this.#places.get(name) === place) this.#places.delete(name);
      this.#tell();
    });
    return place;
  }

  /** Closes what is idle for longest, where somebody waits for a place. */
  #makeRoom(): void {
    if (this.#waiting.length === 0) return;
    if (this.size < this.#options.maxOpen) {
      this.#tell();
      return;
    }
    const idle = [...this.#places].find(([, { users }]) => users === 0);
    if (idle) this.#shut(idle[0]);
  }

  #shut(name: string): void {
    const place = this.#places.get(name);
    this.#places.delete(name);
    const closing = (async () => {
      const database = await place?.database.catch(() => undefined);
      await database?.close().catch(() => undefined);
      this.#closing.delete(name);
      this.#tell();
    })();
    this.#closing.set(name, closing);
  }

  /** Those who waited look again, in their order. */
  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
