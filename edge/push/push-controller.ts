/**
 * Drives pushes: performs what the state machine decides, one run at a time, tells the connectivity monitor what they
 * say about the centre, and looks every other second for what nobody tells of: a store that cannot be written, a refused
 * document that is due, a push that stands still.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Service } from '../../shared/service.js';
import { type Clock, formatInstant } from '../../shared/time.js';
import type { Ledger } from '../ledger/ledger.js';
import type { SyncHistory } from '../ledger/state-records.js';
import type { StoreState } from '../ledger/store-state.js';
import type { Link } from '../link/link.js';
import { LinkError } from '../link/link-error.js';
import type { ConnectivityMonitor } from '../monitor/connectivity.js';
import { activityOf } from '../monitor/push-activity.js';
import { Watchdog, type WatchdogLimits } from '../monitor/watchdog.js';
import { AttemptCounts, type AttemptResult } from './attempt-counts.js';
import {
  type ControllerEffect,
  type ControllerEvent,
  type ControllerRules,
  type ControllerState,
  initialState,
  takesRequests,
  transition,
} from './controller-state.js';
import { OutageLog } from './outage-log.js';
import { PushRun } from './push-run.js';
import type { Pusher, PushTotals } from './pusher.js';
import type { QuarantineStore } from './quarantine-store.js';
import { RunSlot } from './run-slot.js';
import { SyncFigures } from './sync-figures.js';

export interface PushControllerOptions {
  pusher: Pick<Pusher, 'run' | 'onBatch' | 'totals' | 'writeCheckpoints' | 'openFreshLane'>;
  ledger: Pick<Ledger, 'pending' | 'segments' | 'onAppended' | 'writable' | 'heal'>;
  quarantine: Pick<QuarantineStore, 'isRetryDue'>;
  link: Pick<Link, 'counters'>;
  connectivity: ConnectivityMonitor;
  state: Pick<StoreState, 'syncHistory' | 'writeSyncHistory'>;
  clock: Clock;
  log: Logger;
  rules: ControllerRules;
  /** Push whenever there is something to push; else at the schedule and on request only. */
  live: boolean;
  watchdog: WatchdogLimits;
}

/** A push that stands still, until documents move again. */
export interface Stall {
  /** Canonical instant. */
  since: string;
  message: string;
}

const LOOK_EVERY_MS = 2_000;
const FAREWELL_MS = 2_000;
/** A document that is due again causes a run of its own no more often than this. */
const RETRY_EVERY_MS = 10_000;

export class PushController implements Service {
  readonly name = 'push';
  readonly #options: PushControllerOptions;
  readonly #figures: SyncFigures;
  readonly #outages: OutageLog;
  readonly #watchdog: Watchdog;
  readonly #slot: RunSlot;
  #state: ControllerState;
  #wake: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void)[] = [];
  /** Forced pushes that wait for the run under way to make room: where data never stops it would not end by itself. */
  #forcedWaiting = 0;
  /** Documents delivered and quarantined when last looked. */
  #seen: PushTotals = { sent: 0, held: 0, quarantined: 0 };
  #retriedMs = Number.NEGATIVE_INFINITY;
  #releaseProbes: (() => void) | undefined;
  #stall: Stall | undefined;
  #stalls = 0;
  #batches = 0;
  readonly #attempts = new AttemptCounts();

  constructor(options: PushControllerOptions) {
    const { log, clock, live, state, pusher, link, watchdog } = options;
    this.#options = options;
    this.#outages = new OutageLog(log, () => clock.monotonic());
    this.#watchdog = new Watchdog(watchdog);
    this.#slot = new RunSlot(log);
    this.#state = initialState(clock.monotonic(), live ? [] : ['schedule']);
    const { bytesSent, bytesReceived } = link.counters;
    const before = { bytesSent, bytesReceived };
    this.#figures = new SyncFigures({
      ...{ state, log, now: () => clock.now() },
      counted: () => ({
        docsSent: pusher.totals.sent,
        bytesSent: link.counters.bytesSent - before.bytesSent,
        bytesReceived: link.counters.bytesReceived - before.bytesReceived,
      }),
    });
  }

  get state(): ControllerState {
    return this.#state;
  }

  /** Figures since the store was made. */
  get history(): SyncHistory {
    return this.#figures.history;
  }

  /** The push that stands still now, if it does, and how often that was noticed since the start. */
  get stall(): Stall | undefined {
    return this.#stall;
  }

  get stalls(): number {
    return this.#stalls;
  }

  /** Batches the centre has answered since the start. */
  get batches(): number {
    return this.#batches;
  }

  /** Pushes since the start by how they ended; those called off are left out. */
  get attempts(): Partial<Record<AttemptResult, number>> {
    return this.#attempts.counts;
  }

  /** Milliseconds until a push begins by itself; undefined when none is planned. */
  get nextWakeMs(): number | undefined {
    const { wakeAtMs } = this.#state;
    return wakeAtMs === undefined ? undefined : Math.max(0, wakeAtMs - this.#options.clock.monotonic());
  }

  async start(): Promise<void> {
    const { ledger, pusher, connectivity, log } = this.#options;
    await this.#figures.load();
    const onRestored = () => {
      // What comes in from now on goes before the backlog; a push that finds it so has nothing to do.
      pusher.openFreshLane().catch((error: unknown) => {
        log.verbose('no segment could be opened for fresh data', { error: messageOf(error) });
      });
      this.#dispatch({ type: 'restored' });
    };
    connectivity.events.on('restored', onRestored);
    this.#unsubscribe = [
      ledger.onAppended(() => this.#onAppended()),
      pusher.onBatch(() => this.#onBatch()),
      () => connectivity.events.off('restored', onRestored),
    ];
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#lookAtStore();
    this.#dispatch({ type: 'started' });
  }

  /** Calls off the run under way, tries for a moment to leave checkpoints behind, and writes the history. */
  async stop(): Promise<void> {
    const { pusher, connectivity } = this.#options;
    const wasOnline = connectivity.status.state === 'online';
    clearInterval(this.#looking);
    this.#dispatch({ type: 'stopped' });
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    const hasEnded = await this.#slot.callOff('the node is stopping');
    // Without a link, or with a slow one, the next start asks the centre instead; nothing is lost.
    if (wasOnline && hasEnded) await pusher.writeCheckpoints(AbortSignal.timeout(FAREWELL_MS)).catch(() => undefined);
    await this.#figures.write();
  }

  /**
   * One forced push of everything stored now: joins one under way, else starts one as soon as the present run has
   * ended. Rejects with LinkError, with what the store rejects with while it cannot be written, or with whatever the
   * run failed of.
   */
  async push(): Promise<void> {
    this.#forcedWaiting++;
    try {
      await this.#slot.freeOfOthers();
      if (!this.#slot.run && this.#state.pauses.has('storage')) await this.#options.ledger.heal();
    } finally {
      this.#forcedWaiting--;
    }
    this.#lookAtStore();
    if (!this.#slot.run && takesRequests(this.#state)) this.#dispatch({ type: 'asked' });
    const { run } = this.#slot;
    if (!run) throw new LinkError('REQUEST_ERROR', 'the node is stopping');
    return run.fresh ? run.done : this.push();
  }

  /** Something is about to be pushed again: no probes until the hold is released. */
  holdProbes(): () => void {
    return this.#options.connectivity.hold();
  }

  noteForcedSuccess(): Promise<void> {
    return this.#figures.noteForcedSuccess();
  }

  #dispatch(event: ControllerEvent): void {
    const { state, effects } = transition(this.#state, event, this.#options.clock.monotonic(), this.#options.rules);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    this.#holdProbesOffline();
  }

  /** A push that is planned while there is no link is a probe, too: one of both is enough. */
  #holdProbesOffline(): void {
    const isProbing = this.#state.name === 'offline' && this.#state.wakeAtMs !== undefined;
    if (isProbing) this.#releaseProbes ??= this.holdProbes();
    else {
      this.#releaseProbes?.();
      this.#releaseProbes = undefined;
    }
  }

  #perform(effect: ControllerEffect): void {
    clearTimeout(this.#wake);
    if (effect.type === 'run') this.#startRun(effect.fresh);
    else if (effect.type === 'wakeAfter')
      this.#wake = setTimeout(() => this.#dispatch({ type: 'wake' }), effect.delayMs);
  }

  #startRun(wantsFresh: boolean): void {
    const { pusher, link } = this.#options;
    const fresh = wantsFresh || this.#forcedWaiting > 0;
    this.#figures.noteAttempt();
    const run = new PushRun(fresh, requestsOf(link), (signal) =>
      pusher.run(fresh, signal, () => this.#forcedWaiting > 0),
    );
    this.#slot.take(run);
    run.done.then(
      () => this.#onDrained(run),
      (error: unknown) => this.#onFailed(run, error),
    );
  }

  #onAppended(): void {
    this.#lookAtStore();
    this.#dispatch({ type: 'data' });
  }

  #onBatch(): void {
    const { pusher, ledger, connectivity } = this.#options;
    const before = this.#seen;
    this.#seen = { ...pusher.totals };
    const { sent, held, quarantined } = this.#seen;
    const delivered = sent - before.sent;
    const arrived = delivered - (held - before.held);
    this.#batches++;
    connectivity.pushAccepted();
    // Documents the centre said it held already are no progress: counted as such, they would keep the backoff at its
    // beginning.
    if (arrived > 0) this.#outages.recovered({ delivered: arrived, pending: ledger.pending });
    if (delivered > 0 || quarantined > before.quarantined) {
      this.#moved();
      this.#dispatch({ type: 'batch', arrived: arrived > 0 });
    }
    // Under steady data a drain may never end; what arrived is a success all the same.
    this.#figures.noteSuccess();
  }

  #onDrained(run: PushRun): void {
    if (!this.#slot.leave(run)) return;
    this.#attempts.ended();
    const { connectivity, ledger, link } = this.#options;
    // A run that had nothing to ask the centre says nothing about it.
    if (requestsOf(link) > run.requestsBefore) connectivity.pushAccepted();
    this.#outages.recovered({ delivered: 0, pending: ledger.pending });
    this.#moved();
    this.#figures.noteSuccess();
    this.#dispatch({ type: 'drained' });
  }

  #onFailed(run: PushRun, error: unknown): void {
    if (!this.#slot.leave(run)) return;
    this.#attempts.ended(error);
    const { pending } = this.#options.ledger;
    if (!(error instanceof LinkError)) {
      // This node's own trouble, such as its disk: the link has nothing to do with it.
      this.#outages.failed(messageOf(error), { pending });
      this.#lookAtStore();
      this.#dispatch({ type: 'failed', failure: { linkDown: false, blocks: false, retryAfterMs: undefined } });
      return;
    }
    const { tag, status, linkDown, blocks, retryAfterS } = error;
    this.#options.connectivity.pushFailed(error);
    this.#outages.failed(error.message, { tag, status, pending });
    const retryAfterMs = retryAfterS === undefined ? undefined : retryAfterS * 1000;
    this.#dispatch({ type: 'failed', failure: { linkDown, blocks, retryAfterMs } });
  }

  #look(): void {
    const { clock, quarantine, pusher } = this.#options;
    this.#lookAtStore();
    const nowMs = clock.monotonic();
    if (nowMs - this.#retriedMs >= RETRY_EVERY_MS && quarantine.isRetryDue(clock.now())) {
      this.#retriedMs = nowMs;
      this.#dispatch({ type: 'data' });
    }
    if (this.#slot.isCallingOff) return;
    const activity = activityOf(this.#state, nowMs, { ...this.#options, totals: pusher.totals });
    if (this.#watchdog.isStalled(activity, nowMs, LOOK_EVERY_MS)) this.#onStall();
  }

  /** While the store cannot be written no push may begin: what it delivers could not be written down. */
  #lookAtStore(): void {
    this.#dispatch({ type: this.#options.ledger.writable ? 'resumed' : 'paused', reason: 'storage' });
  }

  /** The run is given up, whether it notices or not, and the push begins anew with a session of its own. */
  #onStall(): void {
    const { clock, log, ledger } = this.#options;
    const { pending } = ledger;
    this.#stalls++;
    const message = `the push stands still with ${pending} documents pending; it has been begun anew`;
    this.#stall ??= { since: formatInstant(clock.now()), message };
    log.error(message, { pending, state: this.#state.name, stalls: this.#stalls });
    const startAnew = () => this.#dispatch({ type: 'stalled' });
    if (this.#slot.run) void this.#slot.callOff('the push stood still and was called off', startAnew);
    else startAnew();
  }

  #moved(): void {
    this.#stall = undefined;
    this.#watchdog.progressed();
  }
}

/** Requests of the push's own. */
function requestsOf({ counters }: Pick<Link, 'counters'>): number {
  return counters.requests - counters.asideRequests;
}
