/** A LevelDB opened without PouchDB, which would stumble over what is damaged in it, or write into it. */
import { loadLeveldown } from '../../shared/pouchdb.js';
import type { Level, LevelOperation } from '../../shared/watched-level.js';

interface RawLeveldown {
  (
    folder: string,
  ): Level & {
    open(options: object, callback: (error?: Error) => void): void;
    close(callback: (error?: Error) => void): void;
  };
  repair(folder: string, callback: (error?: Error) => void): void;
}

export interface RawEntry {
  key: string;
  value: string;
}

/** `leveldown.repair`: makes of whatever tables and logs can be read a database that opens. */
export function repairLevel(folder: string): Promise<void> {
  const { repair } = loadLeveldown() as RawLeveldown;
  return new Promise((resolve, reject) => repair(folder, (error) => (error ? reject(error) : resolve())));
}

export class RawLevel {
  readonly #level: ReturnType<RawLeveldown>;

  private constructor(level: ReturnType<RawLeveldown>) {
    this.#level = level;
  }

  static async open(folder: string, options: object = {}): Promise<RawLevel> {
    const level = (loadLeveldown() as RawLeveldown)(folder);
    await new Promise<void>((resolve, reject) => level.open(options, (error) => (error ? reject(error) : resolve())));
    return new RawLevel(level);
  }

  /** Entries behind `gt` and before `lt`, at most `limit`, and whether something in between could not be read. */
  async entries(gt: string, lt: string, limit: number): Promise<{ entries: RawEntry[]; failure: Error | undefined }> {
    const entries: RawEntry[] = [];
    const iterator = this.#level.iterator({ gt, lt, limit, keyAsBuffer: false, valueAsBuffer: false });
    const failure = await new Promise<Error | undefined>((resolve) => {
      const step = (error?: Error | null, key?: string | Buffer, value?: string | Buffer) => {
        if (error || key === undefined) return resolve(error ?? undefined);
        entries.push({ key: String(key), value: String(value) });
        iterator.next(step);
      };
      iterator.next(step);
    });
    await new Promise<void>((resolve) => iterator.end(() => resolve()));
    return { entries, failure };
  }

  /** One synced batch. */
  write(operations: readonly LevelOperation[]): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#level._batch(operations, { sync: true }, (error) => (error ? reject(error) : resolve())),
    );
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => this.#level.close((error) => (error ? reject(error) : resolve())));
  }
}
