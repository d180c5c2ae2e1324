/** What lies in a closed LevelDB, key by key, and ways to change it behind everybody's back. */
import { RawLevel } from '../../../edge/ledger/raw-level.js';
import type { LevelOperation } from '../../../shared/watched-level.js';

/** Everything, in the order of its keys. */
export async function dump(folder: string): Promise<Map<string, string>> {
  return withRaw(folder, async (level) => {
    const { entries, failure } = await level.entries('\u0000', '\u{10ffff}', -1);
    if (failure) throw failure;
    return new Map(entries.map(({ key, value }) => [key, value]));
  });
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
