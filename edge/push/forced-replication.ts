/** A forced replication of a running node, with the node's own limits or those the caller gives. */
import type { NodeParts, SyncParts } from '../node-parts.js';
import { type OneShotProgress, type OneShotResult, replicateOnce } from './one-shot.js';

/** See `replicateOnce`; the call ends when the node begins to stop, or when nobody waits for it any more. */
export function forcedReplication(
  parts: NodeParts & { sync: SyncParts },
  limits: { deadlineMs?: number | undefined; maxRetries?: number | undefined; retryIntervalMs?: number | undefined },
  onProgress: (progress: OneShotProgress) => void,
  callerGone: AbortSignal = new AbortController().signal,
): Promise<OneShotResult> {
  const { config, ledger, sync, stopping } = parts;
  return replicateOnce({
    controller: sync.controller,
    pusher: sync.pusher,
    ledger,
    onProgress,
    signal: AbortSignal.any([stopping, callerGone]),
    limits: {
      maxRetries: limits.maxRetries ?? config.MAX_RETRIES,
      retryIntervalMs: limits.retryIntervalMs ?? config.RETRY_INTERVAL * 1000,
      deadlineMs: limits.deadlineMs,
    },
  });
}
