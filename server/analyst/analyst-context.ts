/** What the routes under `/v1` work with. */
import { AppError } from '../../shared/app-error.js';
import { villageIdSchema } from '../../shared/documents.js';
import type { Logger } from '../../shared/logger.js';
import type { Clock } from '../../shared/time.js';
import type { ContactLog } from '../gateway/contact-log.js';
import type { VillageDirectory } from '../gateway/village-directory.js';
import type { CentralStore, VillageRecord } from '../store/contract.js';

export interface AnalystContext {
  /** Throws `unavailable` while there is none. */
  store(): CentralStore;
  directory: VillageDirectory;
  contacts: ContactLog;
  clock: Clock;
  silentAfterHours: number;
  log: Logger;
}

/** The village a path names, in any case. Throws `not_found`. */
export async function findVillage({ store }: AnalystContext, name: unknown): Promise<VillageRecord> {
  const id = villageIdSchema.safeParse(name).data;
  const record = id === undefined ? undefined : await store().villages.get(id);
  if (record) return record;
  throw new AppError('not_found', `there is no village ${JSON.stringify(String(name).slice(0, 64))}`);
}
