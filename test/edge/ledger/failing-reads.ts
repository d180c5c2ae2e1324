/** leveldown whose reads fail when the test says so, for `OpenOptions.leveldown`. */
import { loadLeveldown } from '../../../shared/pouchdb.js';
import type { Level, Leveldown } from '../../../shared/watched-level.js';

export const READS = ['get', 'getMany', 'next'] as const;
export type Read = (typeof READS)[number];

export class FailingReads {
  /** Decides about each read before it happens; `count` tells how many of its kind there were since `arm`. */
  #fails: (read: Read, count: number) => boolean = () => false;
  #counts: Record<Read, number> = { get: 0, getMany: 0, next: 0 };

  /** From now on reads fail as `fails` says. */
  arm(fails: (read: Read, count: number) => boolean): void {
    this.#counts = { get: 0, getMany: 0, next: 0 };
    this.#fails = fails;
  }

  get leveldown(): unknown {
    const real = loadLeveldown() as Leveldown;
    const open = (location: string): Level => {
      const level = real(location);
      const { _get: get, _getMany: getMany, _iterator: iterator } = level;
      level._get = (key, options, callback) => {
        if (this.#failsNow('get')) setImmediate(callback, ioError(location));
        else get.call(level, key, options, callback);
      };
      level._getMany = (keys, options, callback) => {
        if (this.#failsNow('getMany')) setImmediate(callback, ioError(location));
        else getMany.call(level, keys, options, callback);
      };
      level._iterator = (options) => {
        const opened = iterator.call(level, options);
        const next = opened._next;
        opened._next = (callback) => {
          if (this.#failsNow('next')) setImmediate(callback, ioError(location));
          else next.call(opened, callback);
          return opened;
        };
        return opened;
      };
      return level;
    };
    return Object.assign(open, { destroy: real.destroy });
  }

  #failsNow(read: Read): boolean {
    return this.#fails(read, this.#counts[read]++);
  }
}

function ioError(location: string): Error {
  return new Error(`IO error: ${location}/000005.ldb: Input/output error`);
}
