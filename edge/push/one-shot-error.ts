/** Why a forced replication, or an attempt of it, did not come to its end. */
import { messageOf } from '../../shared/app-error.js';
import { RETRY_AFTER_MAX_MS } from '../link/backoff.js';
import { LinkError, type LinkErrorReport } from '../link/link-error.js';

/** A link error, or a reason of this node's own; `refused` are documents of the registry. */
export type OneShotError =
  | LinkErrorReport
  | {
      code: 'deadline' | 'quarantined' | 'refused' | 'stopping' | 'storage_failed';
      retryable: boolean;
      message: string;
    };

export interface FailedAttempt {
  error: OneShotError;
  /** As long as the centre asked to be left alone. */
  retryAfterMs: number;
}

export function failedAttempt(error: unknown): FailedAttempt {
  if (error instanceof LinkError) {
    return { error: error.report(), retryAfterMs: Math.min((error.retryAfterS ?? 0) * 1000, RETRY_AFTER_MAX_MS) };
  }
  // Not the link's fault and not the centre's: the node itself could not read or write down something.
  return { error: { code: 'storage_failed', retryable: true, message: messageOf(error) }, retryAfterMs: 0 };
}
