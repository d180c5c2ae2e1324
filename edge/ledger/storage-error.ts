/** What a failure of the disk or the database below is called outside. */
import { AppError, codeOf, messageOf } from '../../shared/app-error.js';

export function storageError(error: unknown): AppError {
  // One that says when to come again was made for the outside.
  if (error instanceof AppError && error.retryAfterS !== undefined) return error;
  const text = messageOf(error);
  if (codeOf(error) === 'ENOSPC' || /no space left|disk full|quota exceeded/i.test(text)) {
    return new AppError('storage_full', 'the disk is full; nothing was stored', { cause: error, retryAfterS: 60 });
  }
  return new AppError('storage_failed', `the store failed: ${text}`, { cause: error, retryAfterS: 5 });
}
