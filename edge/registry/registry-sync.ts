/**
 * Keeps the registry here and at the centre the same: performs what the state machine decides, waits for the centre to
 * tell of changes, and has the push make way while something is on its way.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Service } from '../../shared/service.js';
import type { Clock } from '../../shared/time.js';
import { LinkError, type LinkErrorReport } from '../link/link-error.js';
import type { ConnectivityMonitor } from '../monitor/connectivity.js';
import type { RightOfWay } from '../push/right-of-way.js';
import type { EdgeRegistry } from './edge-registry.js';
import type { RegistryCentre } from './registry-centre.js';
import { NoRegistryAtCentre, RegistryRounds, type RoundOptions } from './registry-rounds.js';
import { type RegistryStatus, setAsideReports } from './registry-status.js';
import {
  initialSyncState,
  isUrgent,
  type SyncEffect,
  type SyncEvent,
  type SyncFailure,
  type SyncRules,
  type SyncState,
  syncTransition,
} from './sync-state.js';

export interface RegistrySyncOptions {
  registry: EdgeRegistry;
  centre: RegistryCentre;
  connectivity: Pick<ConnectivityMonitor, 'events' | 'pushFailed' | 'pushAccepted'>;
  rightOfWay: RightOfWay;
  clock: Clock;
  log: Logger;
  rules: SyncRules;
}

/** An answer without anything in it that comes sooner was not waited for. */
const SHORTEST_WAIT_MS = 5_000;
const REPORT = /^report:/;

export class RegistrySync implements Service {
  readonly name = 'registry sync';
  readonly #options: RegistrySyncOptions;
  readonly #rounds: RegistryRounds;
  #state: SyncState = initialSyncState();
  #lastError: LinkErrorReport | { message: string } | undefined;
  #wake: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #waiting: AbortController | undefined;
  #waited: Promise<void> = Promise.resolve();
  /** Told of by the centre and not dealt with. */
  #told: RoundOptions['told'];
  #stopping = new AbortController();
  #unsubscribe: (() => void)[] = [];
  /** The link counts as refused because a round was. */
  #hasToldRefusal = false;
  #hasSucceeded = false;

  constructor(options: RegistrySyncOptions) {
    this.#options = options;
    const { registry, centre, clock, log } = options;
    this.#rounds = new RegistryRounds({ registry, centre, now: () => clock.now(), log });
  }

  get state(): SyncState {
    return this.#state;
  }

  /** A round has succeeded since the start. */
  get hasSucceeded(): boolean {
    return this.#hasSucceeded;
  }

  async start(): Promise<void> {
    const { registry, connectivity } = this.#options;
    this.#stopping = new AbortController();
    this.#state = initialSyncState();
    await this.#rounds.load();
    const onRestored = () => this.#dispatch({ type: 'restored' });
    const onDown = () => this.#dispatch({ type: 'down' });
    connectivity.events.on('restored', onRestored);
    connectivity.events.on('down', onDown);
    this.#unsubscribe = [
      registry.onChanged(({ ids, from }) => {
        if (from === 'here') this.#dispatch({ type: 'edited', isReport: ids.every((id) => REPORT.test(id)) });
      }),
      () => connectivity.events.off('restored', onRestored),
      () => connectivity.events.off('down', onDown),
    ];
    this.#dispatch({ type: 'started' });
  }

  /** Calls off what is under way; what was not sent is sent after the next start. */
  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#dispatch({ type: 'stopped' });
    this.#stopping.abort();
    await this.#round?.catch(() => undefined);
    await this.#waited;
  }

  /**
   * A fresh round, both ways, of everything there is now, after the one that is under way. Rejects with LinkError,
   * NoRegistryAtCentre, or AppError where the store here fails.
   */
  async sync(): Promise<void> {
    while (this.#round) await this.#round.catch(() => undefined);
    this.#dispatch({ type: 'asked' });
    const round = this.#round as Promise<void> | undefined;
    if (!round) throw new LinkError('REQUEST_ERROR', 'the node is stopping');
    await round;
  }

  /** What of it stands in `GET /v1/status`. */
  async status(): Promise<RegistryStatus> {
    const { lastSyncAt, refused, unfetched } = this.#rounds.record;
    return {
      state: this.#state.name,
      ...(lastSyncAt === undefined ? {} : { lastSyncAt }),
      // The status is most wanted when something is wrong: one figure must not take the others with it.
      pendingEdits: await this.countPending().catch(() => 0),
      ...setAsideReports({ refused, unfetched }),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  /** Documents edited here that the centre does not hold yet, without the refused. */
  countPending(): Promise<number> {
    return this.#rounds.countPending();
  }

  /** Ids of the documents the centre refused. */
  get refused(): readonly string[] {
    return Object.keys(this.#rounds.record.refused);
  }

  #dispatch(event: SyncEvent): void {
    const { clock, rules, rightOfWay } = this.#options;
    const { state, effects } = syncTransition(this.#state, event, clock.monotonic(), rules);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    if (isUrgent(this.#state)) rightOfWay.take();
    else rightOfWay.giveBack();
  }

  #perform(effect: SyncEffect): void {
    if (effect.type === 'run') this.#startRound(effect);
    else if (effect.type === 'wait') this.#wait();
    else if (effect.type === 'endWait') this.#waiting?.abort();
    else {
      clearTimeout(this.#wake);
      if (effect.type === 'wakeAfter') this.#wake = setTimeout(() => this.#dispatch({ type: 'wake' }), effect.delayMs);
    }
  }

  #startRound({ fresh, pulls }: { fresh: boolean; pulls: boolean }): void {
    const told = this.#told;
    this.#told = undefined;
    const onExchanged = () => this.#dispatch({ type: 'exchanged' });
    const done = this.#rounds.run({ fresh, pulls, told, onExchanged }, this.#stopping.signal);
    this.#round = done;
    done.then(
      () => this.#ended(undefined),
      (error: unknown) => this.#ended(error),
    );
  }

  #ended(error: unknown): void {
    this.#round = undefined;
    if (error === undefined) {
      const { problem } = this.#rounds;
      if (problem === undefined) this.#lastError = undefined;
      else this.#tell(new Error(problem));
      if (this.#hasToldRefusal) this.#options.connectivity.pushAccepted();
      this.#hasToldRefusal = false;
      this.#hasSucceeded = true;
      this.#dispatch({ type: 'done' });
      return;
    }
    if (!this.#stopping.signal.aborted) this.#tell(error);
    // Whoever has not the right credential is refused everything.
    if (error instanceof LinkError && error.status === 401) {
      this.#options.connectivity.pushFailed(error);
      this.#hasToldRefusal = true;
    }
    this.#dispatch({ type: 'failed', failure: failureOf(error) });
  }

  /** The same again is no news. */
  #tell(error: unknown): void {
    const before = this.#lastError?.message;
    this.#lastError = error instanceof LinkError ? error.report() : { message: messageOf(error) };
    if (this.#lastError.message === before) return;
    const level = error instanceof LinkError && error.linkDown ? 'verbose' : 'warn';
    this.#options.log[level]('the registry could not be synchronised', { error: this.#lastError.message });
  }

  /** One request waits at a time. */
  #wait(): void {
    if (this.#waiting) return;
    const waiting = new AbortController();
    const callOff = () => waiting.abort();
    this.#stopping.signal.addEventListener('abort', callOff, { once: true });
    this.#waiting = waiting;
    this.#waited = this.#waitOnce(waiting.signal)
      .catch((error: unknown): SyncEvent => {
        const retryAfterMs = error instanceof LinkError ? (error.retryAfterS ?? 0) * 1000 : 0;
        return { type: 'waitBroke', retryAfterMs };
      })
      .then((event) => {
        this.#stopping.signal.removeEventListener('abort', callOff);
        this.#waiting = undefined;
        if (!waiting.signal.aborted) this.#dispatch(event);
        // Called off, and wanted again meanwhile.
        else if (this.#state.name === 'live') this.#wait();
      });
  }

  async #waitOnce(signal: AbortSignal): Promise<SyncEvent> {
    const { centre, clock } = this.#options;
    const { pulledTo } = this.#rounds.record;
    const startedMs = clock.monotonic();
    const page = await centre.waitForChanges(pulledTo, signal);
    const isAnswer =
      page.results.length > 0
        ? String(page.last_seq) !== String(pulledTo)
        : clock.monotonic() - startedMs >= SHORTEST_WAIT_MS;
    if (!isAnswer) return { type: 'waitBroke', retryAfterMs: 0 };
    if (page.results.length === 0) return { type: 'waited' };
    this.#told = { since: pulledTo, page };
    return { type: 'told' };
  }
}

function failureOf(error: unknown): SyncFailure {
  if (error instanceof NoRegistryAtCentre) return { kind: 'absent', retryAfterMs: 0 };
  if (!(error instanceof LinkError)) return { kind: 'other', retryAfterMs: 0 };
  const { linkDown, status, retryAfterS = 0 } = error;
  const isRefused = status === 401 || status === 403;
  return { kind: linkDown ? 'down' : isRefused ? 'blocked' : 'other', retryAfterMs: retryAfterS * 1000 };
}
