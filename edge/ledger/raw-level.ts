/** A LevelDB that is filled without PouchDB. */
import { loadLeveldown } from '../../shared/pouchdb.js';
import type { Level, LevelOperation } from '../../shared/watched-level.js';

interface OpenLevel extends Level {
  open(options: object, callback: (error?: Error) => void): void;
  close(callback: (error?: Error) => void): void;
}

/** Large tables, like those of the database that was written to. */
const OPTIONS = { writeBufferSize: 8 * 1024 * 1024, blockSize: 16 * 1024 };

export class RawLevel {
  readonly #level: OpenLevel;

  private constructor(level: OpenLevel) {
    this.#level = level;
  }

  /** Makes it where there is none. */
  static async open(folder: string): Promise<RawLevel> {
    const level = (loadLeveldown() as (folder: string) => OpenLevel)(folder);
    await new Promise<void>((resolve, reject) => level.open(OPTIONS, (error) => (error ? reject(error) : resolve())));
    return new RawLevel(level);
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
