/**
 * The forced replication: everything accepted before the call is delivered, or it says why not.
 *
 * Attempts without progress are bounded by MAX_RETRIES, attempt n is followed by n × RETRY_INTERVAL seconds, and
 * progress starts the count anew. A deadline ends the call with what was reached; the node goes on by itself.
 */
import { messageOf } from '../../shared/app-error.js';
import { sleep } from '../../shared/time.js';
import type { Ledger } from '../ledger/ledger.js';
import { LinkError, type LinkErrorReport } from '../link/link-error.js';
import type { PushController } from './push-controller.js';
import type { Pusher } from './pusher.js';

export interface OneShotLimits {
  /** Consecutive attempts without progress; at least one is made. */
  maxRetries: number;
  retryIntervalMs: number;
  deadlineMs?: number | undefined;
}

export interface OneShotProgress {
  event: 'progress';
  /** Documents delivered since the call. */
  sent: number;
  pending: number;
  /** Which attempt this is, from 1; starts anew with progress. */
  attempt: number;
  /** Why the last attempt failed, where one did. */
  error?: OneShotError;
}

export interface OneShotResult {
  event: 'done';
  /** True when everything accepted before the call is delivered and nothing was refused. */
  ok: boolean;
  sent: number;
  pending: number;
  /** Documents refused one by one in this run. */
  quarantined: number;
  error?: OneShotError;
}

/** A link error, or a reason of this node's own. */
export type OneShotError =
  | LinkErrorReport
  | { code: 'deadline' | 'quarantined' | 'stopping' | 'storage_failed'; retryable: boolean; message: string };

export interface OneShotOptions {
  controller: PushController;
  pusher: Pusher;
  ledger: Ledger;
  limits: OneShotLimits;
  onProgress: (progress: OneShotProgress) => void;
  /** Aborted when the caller has gone or the node stops. */
  signal: AbortSignal;
}

/** Runs one forced replication; resolves always, the result says how it went. */
export async function replicateOnce(options: OneShotOptions): Promise<OneShotResult> {
  const { pusher, controller, limits, signal } = options;
  const before = { ...pusher.totals };
  const reached = untilDelivered(options.ledger);
  const expired = new AbortController();
  const deadline = limits.deadlineMs === undefined ? undefined : setTimeout(() => expired.abort(), limits.deadlineMs);
  const ended = AbortSignal.any([signal, expired.signal]);
  let attempt = 1;
  let error: OneShotError | undefined;
  const tell = () => {
    const sent = pusher.totals.sent - before.sent;
    const reason = error === undefined ? {} : { error };
    options.onProgress({ event: 'progress', sent, pending: options.ledger.pending, attempt, ...reason });
  };
  const unsubscribe = pusher.onBatch(tell);
  try {
    tell();
    for (;;) {
      const sentBefore = pusher.totals.sent;
      const failure = await attemptOnce(controller, ended);
      if (failure === undefined && reached() && !ended.aborted) {
        const result = conclude(options, before, undefined);
        if (result.ok) await controller.noteForcedSuccess();
        return result;
      }
      error = failure ?? error;
      const moved = pusher.totals.sent > sentBefore;
      if (moved) attempt = 1;
      if (failure !== undefined) {
        tell();
        if (isFinal(failure) || (moved ? limits.maxRetries === 0 : attempt >= limits.maxRetries)) break;
        await sleep(attempt * limits.retryIntervalMs, ended);
        // An attempt that got something across is not one of those without progress.
        if (!moved) attempt++;
      }
      if (ended.aborted) {
        // Nothing pending proves nothing while the centre could not be asked what it holds.
        const isDelivered = reached() && error === undefined;
        if (!isDelivered) error = endedError(signal, limits, options.ledger.pending, error);
        break;
      }
    }
  } finally {
    clearTimeout(deadline);
    unsubscribe();
  }
  return conclude(options, before, error);
}

/**
 * Tells whether everything stored at the time of the call is accounted for; segments are found anew, as they may be
 * reopened.
 */
function untilDelivered(ledger: Ledger): () => boolean {
  const targets = new Map(ledger.segments.map((segment) => [segment.number, segment.count]));
  return () => ledger.segments.every((segment) => segment.delivery.deliveredSeq >= (targets.get(segment.number) ?? 0));
}

/** A refused credential is not tried again: nothing this call can do will change it. */
function isFinal(error: OneShotError): boolean {
  return 'tag' in error && (error.status === 401 || error.status === 403);
}

async function attemptOnce(controller: PushController, ended: AbortSignal): Promise<OneShotError | undefined> {
  let endWaiting: () => void = () => undefined;
  const ending = new Promise<void>((resolve) => {
    endWaiting = resolve;
  });
  if (ended.aborted) endWaiting();
  ended.addEventListener('abort', endWaiting);
  try {
    // The push itself goes on when the call has ended; only waiting for it ends.
    const push = controller.push();
    push.catch(() => undefined);
    await Promise.race([push, ending]);
    return undefined;
  } catch (error) {
    if (error instanceof LinkError) return error.report();
    // Not the link's fault and not the centre's: the node itself could not read or write down something.
    return { code: 'storage_failed', retryable: true, message: messageOf(error) };
  } finally {
    ended.removeEventListener('abort', endWaiting);
  }
}

function endedError(
  signal: AbortSignal,
  limits: OneShotLimits,
  pending: number,
  last: OneShotError | undefined,
): OneShotError {
  if (signal.aborted)
    return { code: 'stopping', retryable: true, message: 'the node is stopping, or nobody waits any more' };
  const seconds = (limits.deadlineMs ?? 0) / 1000;
  const why = last === undefined ? '' : `; the last failure was: ${last.message}`;
  const message = `the deadline of ${seconds} s passed with ${pending} documents pending${why}`;
  return { code: 'deadline', retryable: true, message };
}

function conclude(
  options: OneShotOptions,
  before: { sent: number; quarantined: number },
  error: OneShotError | undefined,
): OneShotResult {
  const { pusher, ledger } = options;
  const sent = pusher.totals.sent - before.sent;
  const quarantined = pusher.totals.quarantined - before.quarantined;
  const result = { event: 'done' as const, sent, pending: ledger.pending, quarantined };
  if (error !== undefined) return { ...result, ok: false, error };
  if (quarantined === 0) return { ...result, ok: true };
  const message = `the centre refused ${quarantined} document${quarantined === 1 ? '' : 's'}; they are kept in quarantine`;
  return { ...result, ok: false, error: { code: 'quarantined', retryable: false, message } };
}
