/** What is stored cannot be read, or is not what was written: the segment must be repaired. */
import path from 'node:path';
import { AppError } from '../../shared/app-error.js';

export class DamagedError extends AppError {
  override readonly name = 'DamagedError';

  constructor(folder: string, what: string) {
    super('storage_failed', `the segment ${path.basename(folder)} is damaged and will be repaired: ${what}`, {
      retryAfterS: 5,
    });
  }
}
