/** Village records as documents, and the read-change-write loop both stores use for them. */
import { AppError, codeOf } from '../../shared/app-error.js';
import { sleep } from '../../shared/time.js';
import type { VillageRecord } from './contract.js';

export function asVillageDocument(record: VillageRecord, rev?: string): { _id: string; _rev?: string } {
  const { id, ...fields } = record;
  return { _id: id, ...(rev === undefined ? {} : { _rev: rev }), ...fields };
}

export function asVillageRecord(document: object): VillageRecord {
  const { _id: id, _rev, ...fields } = document as { _id: string; _rev: string } & Omit<VillageRecord, 'id'>;
  return { id, ...fields };
}

export function villageExists(id: string): AppError {
  return new AppError('conflict', `the village ${id} exists already`);
}

const MAX_TRIES = 10;

/** Reads, changes and writes a record, again when another writer was faster. */
export function updateRecord(
  change: (record: VillageRecord) => VillageRecord,
  store: { read(): Promise<{ _rev: string } | undefined>; write(document: object): Promise<void> },
): Promise<VillageRecord | undefined> {
  return untilFirst(async () => {
    const newest = await store.read();
    if (!newest) return undefined;
    const changed = change(asVillageRecord(newest));
    await store.write(asVillageDocument(changed, newest._rev));
    return changed;
  });
}

/**
 * Attempts until no other writer was faster (`conflict` is thrown where one was). Bounded: ten tries, a random 0 to 50 ms
 * apart.
 */
export async function untilFirst<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (codeOf(error) !== 'conflict' || tries === MAX_TRIES) throw error;
      await sleep(Math.random() * 50);
    }
  }
}
