/**
 * A forced replication of a running node, with the node's own limits or those the caller gives. A node that says nothing
 * of itself between them ends a complete one by reporting what it came to: else the centre would see the backlog of before
 * until the next.
 */

import { messageOf } from '../../shared/app-error.js';
import { sleep } from '../../shared/time.js';
import { statusOf } from '../api/status.js';
import type { NodeParts, SyncParts } from '../node-parts.js';
import { type OneShotProgress, type OneShotResult, replicateOnce } from './one-shot.js';

/** The edits and the readings are there: nobody is to wait long for what is said of them. */
const REPORT_MS = 20_000;

/** See `replicateOnce`; the call ends when the node begins to stop, or when nobody waits for it any more. */
export async function forcedReplication(
  parts: NodeParts & { sync: SyncParts },
  limits: { deadlineMs?: number | undefined; maxRetries?: number | undefined; retryIntervalMs?: number | undefined },
  onProgress: (progress: OneShotProgress) => void,
  callerGone: AbortSignal = new AbortController().signal,
): Promise<OneShotResult> {
  const { config, ledger, sync, stopping } = parts;
  const startedMs = performance.now();
  const signal = AbortSignal.any([stopping, callerGone]);
  const result = await replicateOnce({
    controller: sync.controller,
    pusher: sync.pusher,
    ledger,
    registry: sync.registry,
    onProgress,
    signal,
    limits: {
      maxRetries: limits.maxRetries ?? config.MAX_RETRIES,
      retryIntervalMs: limits.retryIntervalMs ?? config.RETRY_INTERVAL * 1000,
      deadlineMs: limits.deadlineMs,
    },
  });
  if (result.ok && config.SYNC_MODE === 'scheduled') {
    const leftMs = (limits.deadlineMs ?? Number.POSITIVE_INFINITY) - (performance.now() - startedMs);
    await reportIt(parts, Math.min(REPORT_MS, leftMs), signal);
  }
  return result;
}

/** Nothing that happens here changes what the call came to. */
async function reportIt(parts: NodeParts & { sync: SyncParts }, withinMs: number, signal: AbortSignal): Promise<void> {
  const { report, sync, log } = parts;
  const reporting = async () => {
    if (await report.write(await statusOf(parts))) await sync.registry.sync();
  };
  const waiting = new AbortController();
  const reported = reporting()
    .catch((error: unknown) => log.verbose('the report could not be sent', { error: messageOf(error) }))
    .finally(() => waiting.abort());
  await Promise.race([reported, sleep(Math.max(0, withinMs), AbortSignal.any([signal, waiting.signal]))]);
}
