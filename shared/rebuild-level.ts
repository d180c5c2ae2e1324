/** A LevelDB that a repair writes and reads, keys and values as they are. */
import { loadLeveldown } from './pouchdb.js';

export type RawKey = Buffer | string;
export type RawLevelEntry = readonly [key: Buffer, value: Buffer];

type Callback<T = void> = (error?: Error | null, value?: T) => void;

interface RawIterator {
  next(callback: (error?: Error | null, key?: Buffer, value?: Buffer) => void): void;
  end(callback: Callback): void;
}

interface RawLevel {
  open(options: object, callback: Callback): void;
  close(callback: Callback): void;
  batch(operations: readonly object[], options: object, callback: Callback): void;
  getMany(keys: readonly RawKey[], options: object, callback: Callback<(string | undefined)[]>): void;
  iterator(options: object): RawIterator;
}

/** Few and large tables; what is looked up was written a moment ago, or lies next to what was. */
const OPTIONS = { createIfMissing: true, writeBufferSize: 8 * 1024 * 1024, cacheSize: 8 * 1024 * 1024 };

export class RebuildLevel {
  readonly #level: RawLevel;

  private constructor(level: RawLevel) {
    this.#level = level;
  }

  static async open(folder: string, leveldown: unknown): Promise<RebuildLevel> {
    const level = ((leveldown ?? loadLeveldown()) as (location: string) => RawLevel)(folder);
    await called((done) => level.open(OPTIONS, done));
    return new RebuildLevel(level);
  }

  /** One batch, not synced. */
  async put(entries: readonly (readonly [RawKey, Buffer | string])[], gone: readonly RawKey[] = []): Promise<void> {
    if (entries.length + gone.length === 0) return;
    const puts = entries.map(([key, value]) => ({ type: 'put', key, value }));
    const operations = [...puts, ...gone.map((key) => ({ type: 'del', key }))];
    await called((done) => this.#level.batch(operations, { sync: false }, done));
  }

  async getMany(keys: readonly RawKey[]): Promise<(string | undefined)[]> {
    if (keys.length === 0) return [];
    const values = await called<(string | undefined)[]>((done) =>
      this.#level.getMany(keys, { asBuffer: false, fillCache: false }, done),
    );
    return values ?? [];
  }

  /** The entries from `from` to `to`, or all of them, as they were at the call. */
  async *batches(size: number, from?: RawKey, to?: RawKey): AsyncGenerator<RawLevelEntry[]> {
    const range = { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lte: to }) };
    const iterator = this.#level.iterator({ ...range, keyAsBuffer: true, valueAsBuffer: true, fillCache: false });
    try {
      for (;;) {
        const batch = await nextOf(iterator, size);
        if (batch.length > 0) yield batch;
        if (batch.length < size) return;
      }
    } finally {
      await called((done) => iterator.end(done));
    }
  }

  close(): Promise<void> {
    return called<void>((done) => this.#level.close(done)).then(() => undefined);
  }
}

function nextOf(iterator: RawIterator, size: number): Promise<RawLevelEntry[]> {
  const batch: RawLevelEntry[] = [];
  return new Promise((resolve, reject) => {
    const step = () =>
      iterator.next((error, key, value) => {
        if (error) return reject(error);
        if (key === undefined || value === undefined) return resolve(batch);
        batch.push([key, value]);
        if (batch.length === size) resolve(batch);
        else step();
      });
    step();
  });
}

function called<T = void>(work: (done: Callback<T>) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    work((error, value) => (error ? reject(error) : resolve(value)));
  });
}
