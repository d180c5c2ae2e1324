/** What is stored cannot be read, or is not what was written: the segment must be repaired. */
import path from 'node:path';
import { AppError } from '../../shared/app-error.js';
import { isDamage } from '../../shared/database-repair.js';

export class DamagedError extends AppError {
  override readonly name = 'DamagedError';

  constructor(folder: string, what: string) {
    super('storage_failed', `the segment ${path.basename(folder)} is damaged and will be repaired: ${what}`, {
      retryAfterS: 5,
    });
  }
}

/** A database that cannot be opened for what is in it is as damaged as one that cannot be read. */
export function asDamage(error: unknown, folder: string): DamagedError | undefined {
  if (error instanceof DamagedError) return error;
  const isOurs = error instanceof AppError && error.code === 'storage_failed' && isDamage(error);
  return isOurs ? new DamagedError(folder, error.message) : undefined;
}
