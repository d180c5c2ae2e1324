/**
 * leveldown, watched: no failure of LevelDB goes unnoticed, whatever the library above makes of it.
 *
 * - After a failed write LevelDB goes on at the wrong place of its log, and what it acknowledges from then on is gone
 *   after a crash. A watched database therefore fails every write after the first that failed.
 * - A failed read becomes "not found" in PouchDB, and an unreadable entry met by an iterator, or a value that is no
 *   JSON, an exception nobody can catch. A watched database remembers the first such failure, and its iterators end
 *   there; whoever reads must look at `health` afterwards.
 */

/** The first failures of a database since it was opened. */
export interface Health {
  writeFailure?: Error;
  readFailure?: Error;
}

export interface LevelOperation {
  type: 'put' | 'del';
  key: string;
  value?: string;
}

export interface IteratorOptions {
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
  reverse?: boolean;
  limit?: number;
  values?: boolean;
  keyAsBuffer?: boolean;
  valueAsBuffer?: boolean;
  /** False leaves what is kept in memory to other readers. */
  fillCache?: boolean;
  /** Bytes fetched at a time. */
  highWaterMark?: number;
  /** The caller decodes values itself and can tell a damaged one. */
  unchecked?: boolean;
}

type Entry = (error?: Error | null, key?: string | Buffer, value?: string | Buffer) => void;

export interface LevelIterator {
  next(callback: Entry): void;
  end(callback: (error?: Error) => void): void;
}

/** The part of leveldown that is used here. */
export interface Level {
  iterator(options: IteratorOptions): LevelIterator;
  compactRange(start: string, end: string, callback: (error?: Error) => void): void;
  _batch(operations: readonly LevelOperation[], options: object, callback: (error?: Error | null) => void): void;
  _get(key: unknown, options: object, callback: (error?: Error | null, value?: string | Buffer) => void): void;
  _getMany(
    keys: readonly string[],
    options: object,
    callback: (error?: Error | null, values?: (string | undefined)[]) => void,
  ): void;
  _iterator(options: IteratorOptions): LevelIterator & { _next(callback: Entry): void };
}

export interface Leveldown {
  (location: string): Level;
  destroy(location: string, callback: (error?: Error) => void): void;
}

/** leveldown whose databases tell `health` of their failures; `onOpen` hears of each as it is made. */
export function watched(leveldown: Leveldown, health: Health, onOpen: (level: Level) => void): Leveldown {
  const open = (location: string): Level => {
    const level = leveldown(location);
    watchWrites(level, health);
    watchReads(level, health);
    onOpen(level);
    return level;
  };
  return Object.assign(open, { destroy: leveldown.destroy });
}

function watchWrites(level: Level, health: Health): void {
  const batch = level._batch;
  level._batch = (operations, options, callback) => {
    if (health.writeFailure !== undefined) return void setImmediate(callback, health.writeFailure);
    batch.call(level, operations, options, (error) => {
      if (error) health.writeFailure ??= error;
      callback(error);
    });
  };
}

function watchReads(level: Level, health: Health): void {
  const { _get: get, _getMany: getMany, _iterator: iterator } = level;
  const note = (error: Error) => {
    health.readFailure ??= error;
  };
  level._get = (key, options, callback) => {
    get.call(level, key, options, (error, value) => {
      const failure = error ?? undecodable(value);
      if (failure && !isNotFound(failure)) note(failure);
      if (failure) callback(failure);
      else callback(null, value);
    });
  };
  level._getMany = (keys, options, callback) => {
    getMany.call(level, keys, options, (error, values) => {
      if (error) note(error);
      callback(error, values);
    });
  };
  level._iterator = (options) => {
    const opened = iterator.call(level, options);
    const next = opened._next;
    opened._next = (callback) => {
      next.call(opened, (error, key, value) => {
        const failure = error ?? (options.unchecked ? undefined : undecodable(value));
        if (failure) note(failure);
        if (failure) callback();
        else callback(null, key, value);
      });
      return opened;
    };
    return opened;
  };
}

/** Everything PouchDB keeps is JSON, but for attachments, which telemetry and bookkeeping do not have. */
function undecodable(value: string | Buffer | undefined): Error | undefined {
  if (value === undefined || value.length === 0) return undefined;
  try {
    JSON.parse(value.toString());
    return undefined;
  } catch (error) {
    return new Error('a stored value is not what was written', { cause: error });
  }
}

function isNotFound(error: Error): boolean {
  return /notfound/i.test(error.message);
}
