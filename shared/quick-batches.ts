/**
 * leveldown whose batches are handed over entry by entry: its own way, one list of objects, has the binding ask each
 * object for its fields by name, which takes twice the time of everything else a write costs.
 *
 * A batch is still one write of LevelDB, all of it or nothing. Its memory lies outside of the heap, where the garbage
 * collector does not see how much it is, so a database keeps a few and fills them again.
 */
import type { Level, LevelOperation } from './watched-level.js';

/** leveldown's chained batch, the part below its checks. */
interface ChainedBatch {
  _put(key: string, value: string | undefined): void;
  _del(key: string): void;
  _clear(): void;
  _write(options: object, callback: (error?: Error | null) => void): void;
}

interface Chaining extends Level {
  _chainedBatch(): ChainedBatch;
}

/** Batches kept for the next ones; more are rarely under way at a time. */
const MAX_KEPT = 2;
/** Of batches with more entries the memory is let go. */
const MAX_KEPT_ENTRIES = 10_000;

export function withQuickBatches<T extends (location: string) => unknown>(leveldown: T): T {
  // Like leveldown itself it is called with `new` and without.
  function open(location: string): unknown {
    const level = leveldown(location) as Chaining;
    hastenBatches(level);
    return level;
  }
  return Object.assign(open, leveldown) as unknown as T;
}

function hastenBatches(level: Chaining): void {
  const kept: ChainedBatch[] = [];
  level._batch = (operations, options, callback) => {
    const batch = kept.pop() ?? level._chainedBatch();
    fill(batch, operations);
    batch._write(options, (error) => {
      if (kept.length < MAX_KEPT && operations.length <= MAX_KEPT_ENTRIES) {
        batch._clear();
        kept.push(batch);
      }
      callback(error);
    });
  };
}

function fill(batch: ChainedBatch, operations: readonly LevelOperation[]): void {
  for (const { type, key, value } of operations) {
    if (type === 'put') batch._put(key, value);
    else batch._del(key);
  }
}
