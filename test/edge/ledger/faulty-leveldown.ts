/**
 * leveldown with a disk that can be watched and made to fail, for `OpenOptions.leveldown`.
 *
 * After a failed write it behaves as LevelDB does after a failed append to its log: it goes on acknowledging what is
 * written to the open database, and none of that is there any more when the database is opened again. Only a new
 * opening heals it.
 */
import { loadLeveldown } from '../../../shared/pouchdb.js';

interface WriteOptions {
  sync?: boolean;
}

type Callback = (error?: Error | null) => void;

/** The part of an open leveldown that is watched. */
interface OpenLevel {
  location: string;
  _batch(operations: unknown[], options: WriteOptions, callback: Callback): void;
  _put(key: unknown, value: unknown, options: WriteOptions, callback: Callback): void;
  _del(key: unknown, options: WriteOptions, callback: Callback): void;
}

interface Leveldown {
  new (location: string): OpenLevel;
  destroy(location: string, callback: Callback): void;
}

export interface WatchedWrite {
  location: string;
  operations: number;
  sync: boolean;
  /** When it was acknowledged, by the monotonic clock; undefined while it has not been. */
  acknowledgedMs: number | undefined;
}

export interface Fault {
  /** Whether the write that fails has reached the disk all the same. */
  lands: boolean;
  message?: string;
}

export class FaultyDisk {
  /** Every write so far, in order. */
  readonly writes: WatchedWrite[] = [];
  /** Decides about each write before it happens. */
  faultAt: (write: WatchedWrite, index: number) => Fault | undefined = () => undefined;
  /** While set, writes wait for it. */
  gate: Promise<void> | undefined;

  /** To be given to PouchDB in place of leveldown. */
  get leveldown(): unknown {
    const disk = this;
    const real = loadLeveldown() as Leveldown;
    function openOnFaultyDisk(location: string): OpenLevel {
      return disk.#watch(new real(location));
    }
    return Object.assign(openOnFaultyDisk, { destroy: real.destroy });
  }

  #watch(level: OpenLevel): OpenLevel {
    let poisoned = false;
    const guard = (operations: number, options: WriteOptions, callback: Callback, write: (done: Callback) => void) => {
      const seen: WatchedWrite = {
        location: level.location,
        operations,
        sync: options.sync === true,
        acknowledgedMs: undefined,
      };
      const index = this.writes.push(seen) - 1;
      const acknowledge: Callback = (error) => {
        if (!error) seen.acknowledgedMs = performance.now();
        callback(error);
      };
      const act = () => {
        const fault = this.faultAt(seen, index);
        if (poisoned && !fault) return setImmediate(acknowledge);
        if (!fault) return write(acknowledge);
        const error = new Error(fault.message ?? `IO error: ${level.location}/000003.log: Input/output error`);
        const fail = () => {
          poisoned = true;
          callback(error);
        };
        if (fault.lands && !poisoned) write(fail);
        else setImmediate(fail);
      };
      if (this.gate) void this.gate.then(act);
      else act();
    };
    const { _batch, _put, _del } = level;
    level._batch = (operations, options, callback) =>
      guard(operations.length, options, callback, (done) => _batch.call(level, operations, options, done));
    level._put = (key, value, options, callback) =>
      guard(1, options, callback, (done) => _put.call(level, key, value, options, done));
    level._del = (key, options, callback) =>
      guard(1, options, callback, (done) => _del.call(level, key, options, done));
    return level;
  }
}
