/**
 * The forced replication: everything accepted before the call is delivered, or it says why not.
 *
 * The registry goes first, both ways, and neither keeps the other from arriving. What was edited here must be at the
 * centre for the call to succeed; that the centre's own edits could not be fetched is told and no failure of it, nor is
 * a centre that keeps no registry.
 *
 * Attempts without progress are bounded by MAX_RETRIES, attempt n is followed by n × RETRY_INTERVAL seconds, or by what
 * the centre asked for where that is longer, and progress starts the count anew. A deadline ends the call with what was
 * reached; the node goes on by itself. A run that is under way is joined; where it began before the call, another follows.
 */
import { sleep } from '../../shared/time.js';
import type { Ledger } from '../ledger/ledger.js';
import { type FailedAttempt, failedAttempt, type OneShotError } from './one-shot-error.js';
import type { PushController } from './push-controller.js';
import type { Pusher, PushTotals } from './pusher.js';
import { type ForcedRegistrySync, RegistryAttempts } from './registry-attempts.js';

/** How long the registry is waited for before the telemetry goes beside it. */
const REGISTRY_ALONE_MS = 60_000;

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
  /** Why the registry was not synchronised, where it was not. */
  registry?: OneShotError;
}

export interface OneShotOptions {
  controller: Pick<PushController, 'push' | 'noteForcedSuccess' | 'holdProbes'>;
  pusher: Pick<Pusher, 'totals' | 'onBatch'>;
  ledger: Pick<Ledger, 'segments' | 'pending'>;
  registry: ForcedRegistrySync;
  limits: OneShotLimits;
  onProgress: (progress: OneShotProgress) => void;
  /** Aborted when the caller has gone or the node stops. */
  signal: AbortSignal;
}

/** Runs one forced replication; resolves always, the result says how it went. */
export async function replicateOnce(options: OneShotOptions): Promise<OneShotResult> {
  const { limits, signal, pusher, controller } = options;
  const expired = new AbortController();
  const deadline = limits.deadlineMs === undefined ? undefined : setTimeout(() => expired.abort(), limits.deadlineMs);
  const call = new Call(options, AbortSignal.any([signal, expired.signal]));
  const unsubscribe = pusher.onBatch(() => call.tell());
  // The attempts tell whether there is a link.
  const releaseProbes = controller.holdProbes();
  try {
    call.tell();
    const result = await call.untilDone();
    if (result.ok) await controller.noteForcedSuccess();
    return result;
  } finally {
    clearTimeout(deadline);
    unsubscribe();
    releaseProbes();
  }
}

/** One call: its attempts, and what they came to. */
class Call {
  readonly #options: OneShotOptions;
  readonly #ended: AbortSignal;
  readonly #before: PushTotals;
  readonly #reached: () => boolean;
  readonly #registry: RegistryAttempts;
  #attempt = 1;
  #error: OneShotError | undefined;

  constructor(options: OneShotOptions, ended: AbortSignal) {
    this.#options = options;
    this.#ended = ended;
    this.#before = { ...options.pusher.totals };
    this.#reached = untilDelivered(options.ledger);
    this.#registry = new RegistryAttempts(options.registry);
  }

  tell(): void {
    const { pusher, ledger, onProgress } = this.#options;
    const reason = this.#error === undefined ? {} : { error: this.#error };
    const sent = pusher.totals.sent - this.#before.sent;
    onProgress({ event: 'progress', sent, pending: ledger.pending, attempt: this.#attempt, ...reason });
  }

  async untilDone(): Promise<OneShotResult> {
    const { pusher, limits } = this.#options;
    /** A run that was joined may have begun before the call; a second one that leaves something behind has not. */
    let hasPassed = false;
    for (;;) {
      const accountedBefore = accounted(pusher.totals);
      const outcome = await this.#attemptBoth();
      this.#error = outcome?.error ?? this.#error;
      if (this.#ended.aborted) return this.#end();
      if (outcome === undefined && this.#reached()) return this.#conclude(undefined);
      const isJoined = outcome === undefined && !hasPassed;
      hasPassed ||= outcome === undefined;
      if (isJoined) continue;
      const failure = outcome ?? leftBehind(this.#options.ledger.pending);
      this.#error = failure.error;
      const moved = accounted(pusher.totals) > accountedBefore;
      if (moved) this.#attempt = 1;
      this.tell();
      const isSpent = moved ? limits.maxRetries === 0 : this.#attempt >= limits.maxRetries;
      if (isFinal(failure.error) || isSpent) return this.#conclude(failure.error);
      await sleep(Math.max(this.#attempt * limits.retryIntervalMs, failure.retryAfterMs), this.#ended);
      // An attempt that got something across is not one of those without progress.
      if (!moved) this.#attempt++;
      if (this.#ended.aborted) return this.#end();
    }
  }

  /** Undefined when everything went well, or when the call ended before it. */
  async #attemptBoth(): Promise<FailedAttempt | undefined> {
    const { controller } = this.#options;
    const waited = new AbortController();
    const registry = this.#registry.attempt().finally(() => waited.abort());
    await untilEnded(() => Promise.race([registry, sleep(REGISTRY_ALONE_MS, waited.signal)]), this.#ended);
    // The telemetry goes to the same place with the same credential.
    const { failureOfAll } = this.#registry;
    if (this.#ended.aborted || failureOfAll) return failureOfAll;
    const pushed = await untilEnded(() => controller.push(), this.#ended);
    await untilEnded(() => registry, this.#ended);
    return pushed ?? this.#registry.failure;
  }

  /** The call ends before the replication does. */
  #end(): OneShotResult {
    const { signal, limits, ledger, pusher } = this.#options;
    // Nothing pending proves nothing while the centre has not said a word.
    const hasAnswered = this.#error === undefined && accounted(pusher.totals) > accounted(this.#before);
    const isDelivered = this.#reached() && hasAnswered && this.#registry.isDelivered;
    return this.#conclude(isDelivered ? undefined : endedError(signal, limits, ledger.pending, this.#error));
  }

  #conclude(error: OneShotError | undefined): OneShotResult {
    const { pusher, ledger } = this.#options;
    const sent = pusher.totals.sent - this.#before.sent;
    const quarantined = pusher.totals.quarantined - this.#before.quarantined;
    const registry = this.#registry.error === undefined ? {} : { registry: this.#registry.error };
    const result = { event: 'done' as const, sent, pending: ledger.pending, quarantined, ...registry };
    if (error !== undefined) return { ...result, ok: false, error };
    const { refusal } = this.#registry;
    if (quarantined === 0) return refusal ? { ...result, ok: false, error: refusal } : { ...result, ok: true };
    const message = `the centre refused ${quarantined} document${quarantined === 1 ? '' : 's'}; they are kept in quarantine`;
    return { ...result, ok: false, error: { code: 'quarantined', retryable: false, message } };
  }
}

function accounted({ sent, quarantined }: Readonly<PushTotals>): number {
  return sent + quarantined;
}

/** The run came to its end, and what was stored before the call is not accounted for: it could not be read, say. */
function leftBehind(pending: number): FailedAttempt {
  const message = `${pending} documents could not be pushed now; a part of the store may be under repair`;
  return { error: { code: 'storage_failed', retryable: true, message }, retryAfterMs: 0 };
}

/**
 * Tells whether everything stored at the time of the call is accounted for; segments are found anew, as they may be
 * reopened.
 */
function untilDelivered(ledger: Pick<Ledger, 'segments'>): () => boolean {
  const targets = new Map(ledger.segments.map((segment) => [segment.number, segment.count]));
  return () => ledger.segments.every((segment) => segment.delivery.deliveredSeq >= (targets.get(segment.number) ?? 0));
}

/** A refused credential is not tried again: nothing this call can do will change it. */
function isFinal(error: OneShotError): boolean {
  return 'tag' in error && (error.status === 401 || error.status === 403);
}

/** Undefined when the work succeeded, or when the call ended before it. */
async function untilEnded(work: () => Promise<void>, ended: AbortSignal): Promise<FailedAttempt | undefined> {
  let endWaiting: () => void = () => undefined;
  const ending = new Promise<void>((resolve) => {
    endWaiting = resolve;
  });
  if (ended.aborted) endWaiting();
  ended.addEventListener('abort', endWaiting);
  try {
    // The work itself goes on when the call has ended; only waiting for it ends.
    const working = work();
    working.catch(() => undefined);
    await Promise.race([working, ending]);
    return undefined;
  } catch (error) {
    return failedAttempt(error);
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
