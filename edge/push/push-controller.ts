/**
 * Drives pushes: performs what the state machine decides, one run at a time, and keeps the history that people are
 * shown.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Service } from '../../shared/service.js';
import { formatInstant } from '../../shared/time.js';
import type { Ledger } from '../ledger/ledger.js';
import type { SyncHistory } from '../ledger/state-records.js';
import type { StoreState } from '../ledger/store-state.js';
import type { Link } from '../link/link.js';
import { LinkError, type LinkErrorReport } from '../link/link-error.js';
import {
  type ControllerEffect,
  type ControllerEvent,
  type ControllerRules,
  type ControllerState,
  initialState,
  transition,
} from './controller-state.js';
import { OutageLog } from './outage-log.js';
import type { Pusher } from './pusher.js';

export type LinkState = 'online' | 'offline' | 'blocked' | 'unknown';

export interface LinkStatus {
  state: LinkState;
  /** Canonical instant of the last change of `state`. */
  since: string;
  lastError?: LinkErrorReport;
}

export interface PushControllerOptions {
  pusher: Pusher;
  ledger: Ledger;
  link: Link;
  state: StoreState;
  /** Milliseconds since 1970. */
  now: () => number;
  log: Logger;
  rules: ControllerRules;
}

interface Run {
  fresh: boolean;
  /** Settles with the run; rejects with what it failed of. */
  done: Promise<void>;
  abort: AbortController;
}

const HISTORY_EVERY_MS = 60_000;
const FAREWELL_MS = 2_000;

export class PushController implements Service {
  readonly name = 'push';
  readonly #options: PushControllerOptions;
  #state: ControllerState;
  #run: Run | undefined;
  #nextRunIsFresh = false;
  #wake: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void)[] = [];
  #link: LinkStatus;
  #history: SyncHistory = { docsSent: 0, bytesSent: 0, bytesReceived: 0 };
  /** What earlier lives of the node had counted. */
  #carried: SyncHistory = this.#history;
  #historyWrittenMs = 0;
  /** Forced pushes that wait for the run under way to make room: where data never stops it would not end by itself. */
  #forcedWaiting = 0;
  /** Documents delivered or quarantined when last looked. */
  #accounted = 0;
  readonly #outages: OutageLog;

  constructor(options: PushControllerOptions) {
    this.#options = options;
    this.#outages = new OutageLog(options.log);
    this.#state = initialState(options.now());
    this.#link = { state: 'unknown', since: formatInstant(options.now()) };
  }

  get state(): ControllerState {
    return this.#state;
  }

  get linkStatus(): LinkStatus {
    return this.#link;
  }

  /** Figures since the store was made. */
  get history(): SyncHistory {
    const { pusher, link } = this.#options;
    return {
      ...this.#history,
      docsSent: this.#carried.docsSent + pusher.totals.sent,
      bytesSent: this.#carried.bytesSent + link.counters.bytesSent,
      bytesReceived: this.#carried.bytesReceived + link.counters.bytesReceived,
    };
  }

  async start(): Promise<void> {
    const { state, ledger, pusher } = this.#options;
    this.#carried = await state.syncHistory();
    this.#history = this.#carried;
    this.#unsubscribe = [
      ledger.onAppended(() => this.#dispatch({ type: 'data' })),
      pusher.onBatch(() => this.#onBatch()),
    ];
    this.#dispatch({ type: 'started' });
  }

  /** Calls off the run under way, tries for a moment to leave checkpoints behind, and writes the history. */
  async stop(): Promise<void> {
    const { pusher } = this.#options;
    const wasOnline = this.#link.state === 'online';
    this.#dispatch({ type: 'stopped' });
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#run?.abort.abort();
    await this.#run?.done.catch(() => undefined);
    // Without a link, or with a slow one, the next start asks the centre instead; nothing is lost.
    if (wasOnline) await pusher.writeCheckpoints(AbortSignal.timeout(FAREWELL_MS)).catch(() => undefined);
    await this.#writeHistory();
  }

  /**
   * One forced push of everything stored now: joins one under way, else starts one as soon as the present run has
   * ended. Rejects with LinkError.
   */
  async push(): Promise<void> {
    if (this.#run?.fresh) return this.#run.done;
    this.#forcedWaiting++;
    while (this.#run && !this.#run.fresh) await this.#run.done.catch(() => undefined);
    this.#forcedWaiting--;
    if (!this.#run) {
      this.#nextRunIsFresh = true;
      this.#dispatch({ type: 'asked' });
    }
    if (!this.#run) throw new LinkError('REQUEST_ERROR', 'the node is stopping');
    return this.#run.done;
  }

  /** A forced replication has succeeded; the schedule looks at this. */
  async noteForcedSuccess(): Promise<void> {
    this.#history = { ...this.#history, lastForcedSuccessAt: this.#nowText() };
    await this.#writeHistory();
  }

  #dispatch(event: ControllerEvent): void {
    const { state, effects } = transition(this.#state, event, this.#options.now(), this.#options.rules);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ControllerEffect): void {
    switch (effect.type) {
      case 'run':
        this.#startRun();
        break;
      case 'wakeAfter':
        clearTimeout(this.#wake);
        this.#wake = setTimeout(() => this.#dispatch({ type: 'wake' }), effect.delayMs);
        break;
      case 'cancelWake':
        clearTimeout(this.#wake);
        break;
    }
  }

  #startRun(): void {
    const fresh = this.#nextRunIsFresh || this.#forcedWaiting > 0;
    this.#nextRunIsFresh = false;
    const abort = new AbortController();
    this.#history = { ...this.#history, lastAttemptAt: this.#nowText() };
    const done = this.#options.pusher
      .run(fresh, abort.signal, () => this.#forcedWaiting > 0)
      .then(
        () => this.#onDrained(),
        (error: unknown) => {
          this.#onFailed(error, abort.signal.aborted);
          throw error;
        },
      );
    // Whoever asked for the run hears of its failure; nobody has to.
    done.catch(() => undefined);
    this.#run = { fresh, done, abort };
  }

  #onBatch(): void {
    const { pusher, ledger } = this.#options;
    this.#setLink('online');
    const { sent, quarantined } = pusher.totals;
    const accounted = sent + quarantined;
    // Documents the centre said it held already are no progress: counted as such, they would keep the backoff at its
    // beginning.
    if (accounted > this.#accounted) {
      this.#outages.recovered(ledger.pending);
      this.#dispatch({ type: 'batch' });
    }
    this.#accounted = accounted;
    // Under steady data a drain may never end; what arrived is a success all the same.
    this.#noteSuccess();
  }

  #onDrained(): void {
    this.#run = undefined;
    this.#setLink('online');
    this.#outages.recovered(this.#options.ledger.pending);
    this.#noteSuccess();
    this.#dispatch({ type: 'drained' });
  }

  #onFailed(error: unknown, calledOff: boolean): void {
    this.#run = undefined;
    if (calledOff) return;
    const { pending } = this.#options.ledger;
    if (!(error instanceof LinkError)) {
      // This node's own trouble, such as its disk: the link has nothing to do with it.
      this.#outages.failed(messageOf(error), { pending });
      this.#dispatch({ type: 'failed', failure: { linkDown: false, blocks: false, retryAfterMs: undefined } });
      return;
    }
    const { tag, status, linkDown, blocks, retryAfterS } = error;
    const offline = linkDown || tag === 'TLS_ERROR';
    this.#setLink(offline ? 'offline' : blocks ? 'blocked' : 'online', error.report());
    this.#outages.failed(error.message, { tag, status, pending });
    const retryAfterMs = retryAfterS === undefined ? undefined : retryAfterS * 1000;
    this.#dispatch({ type: 'failed', failure: { linkDown, blocks, retryAfterMs } });
  }

  #noteSuccess(): void {
    this.#history = { ...this.#history, lastSuccessAt: this.#nowText() };
    const sinceWrittenMs = this.#options.now() - this.#historyWrittenMs;
    if (sinceWrittenMs < 0 || sinceWrittenMs >= HISTORY_EVERY_MS) void this.#writeHistory();
  }

  #setLink(state: LinkState, lastError: LinkErrorReport | undefined = this.#link.lastError): void {
    const since = state === this.#link.state ? this.#link.since : this.#nowText();
    this.#link = { state, since, ...(lastError === undefined ? {} : { lastError }) };
  }

  /** Never rejects: a figure that could not be kept must not make a failure of documents that arrived. */
  async #writeHistory(): Promise<void> {
    const { state, log, now } = this.#options;
    this.#historyWrittenMs = now();
    await state.writeSyncHistory(this.history).catch((error: unknown) => {
      log.warn('the figures of the synchronisation could not be written down', { error: messageOf(error) });
    });
  }

  #nowText(): string {
    return formatInstant(this.#options.now());
  }
}
