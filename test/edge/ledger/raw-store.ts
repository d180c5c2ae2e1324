/** What lies in a closed LevelDB, key by key, and ways to change it behind everybody's back. */
import { RawLevel } from '../../../edge/ledger/raw-level.js';
import { loadLeveldown } from '../../../shared/pouchdb.js';
import type { Level, LevelOperation } from '../../../shared/watched-level.js';

interface Reading {
  open(options: object, callback: (error?: Error) => void): void;
  close(callback: (error?: Error) => void): void;
}

/** Everything, in the order of its keys. */
export async function dump(folder: string): Promise<Map<string, string>> {
  const level = (loadLeveldown() as (where: string) => Level & Reading)(folder);
  await new Promise<void>((resolve, reject) => level.open({}, (error) => (error ? reject(error) : resolve())));
  const found = new Map<string, string>();
  const iterator = level.iterator({ keyAsBuffer: false, valueAsBuffer: false });
  await new Promise<void>((resolve, reject) => {
    const step = (error?: Error | null, key?: string | Buffer, value?: string | Buffer) => {
      if (error) return reject(error);
      if (key === undefined) return resolve();
      found.set(String(key), String(value));
      iterator.next(step);
    };
    iterator.next(step);
  });
  await new Promise<void>((resolve) => iterator.end(() => resolve()));
  await new Promise<void>((resolve) => level.close(() => resolve()));
  return found;
}

/** Changes entries of a closed database; `undefined` deletes one. */
export async function tamper(folder: string, changes: Readonly<Record<string, string | undefined>>): Promise<void> {
  const operations = Object.entries(changes).map(
    ([key, value]): LevelOperation => (value === undefined ? { type: 'del', key } : { type: 'put', key, value }),
  );
  await withRaw(folder, (level) => level.write(operations));
}

async function withRaw<T>(folder: string, work: (level: RawLevel) => Promise<T>): Promise<T> {
  const level = await RawLevel.open(folder);
  try {
    return await work(level);
  } finally {
    await level.close();
  }
}
