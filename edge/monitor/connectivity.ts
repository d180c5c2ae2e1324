/**
 * Whether there is a link to the centre, told by every exchange anybody makes, and by probes of its own only when
 * nothing else tells: one each CONNECTIVITY_INTERVAL while offline, one after an hour of silence while online, one
 * after a start where nobody makes any.
 *
 *   unknown ──answer──▶ online ◀──push accepted── blocked        any ──no answer, or not the centre's──▶ offline
 *                         └───push refused──▶ blocked            offline ──answer──▶ online
 *
 * `blocked` is a centre that answers and refuses: that it answers is no news then, only an accepted push is. Whoever
 * listens hears `down`, `up`, and `restored` for an `up` after an outage. Nothing here pushes.
 */
import { EventEmitter } from 'node:events';
import type { Service } from '../../shared/service.js';
import { formatInstant } from '../../shared/time.js';
import type { LinkError, LinkErrorReport } from '../link/link-error.js';
import type { ExchangeObserver, ExchangeOutcome } from './observed-link.js';

export type LinkState = 'online' | 'offline' | 'blocked' | 'unknown';

export interface LinkStatus {
  state: LinkState;
  /** Canonical instant of the last change of `state`. */
  since: string;
  /** Why the last push, or the link, failed; absent once that is over. */
  lastError?: LinkErrorReport;
}

export interface ConnectivityEvents {
  up: [LinkStatus];
  down: [LinkStatus];
  restored: [LinkStatus];
}

export interface ConnectivityOptions {
  /** Between probes while offline. */
  intervalMs: number;
  /** One cheap exchange over the observed link; what it rejects with is heard from the link. */
  probe: (signal: AbortSignal) => Promise<void>;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** An idle node's probes cost some 5 kB each, a TLS handshake mostly: 120 kB a day. */
const SILENT_MS = 3_600_000;
/** After a start the push usually tells sooner. */
const FIRST_MS = 10_000;

export class ConnectivityMonitor implements Service, ExchangeObserver {
  readonly name = 'connectivity';
  readonly events = new EventEmitter<ConnectivityEvents>();
  readonly #options: ConnectivityOptions;
  #state: LinkState = 'unknown';
  #sinceMs: number;
  #lastError: LinkErrorReport | undefined;
  #exchanges = 0;
  #holds = 0;
  #probes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Set while the service runs. */
  #running: AbortController | undefined;

  constructor(options: ConnectivityOptions) {
    this.#options = options;
    this.#sinceMs = options.now();
  }

  get status(): LinkStatus {
    const error = this.#lastError === undefined ? {} : { lastError: this.#lastError };
    return { state: this.#state, since: formatInstant(this.#sinceMs), ...error };
  }

  /** Probes made since the start. */
  get probes(): number {
    return this.#probes;
  }

  /** True while an exchange is under way. */
  get isExchanging(): boolean {
    return this.#exchanges > 0;
  }

  async start(): Promise<void> {
    this.#running ??= new AbortController();
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    clearTimeout(this.#timer);
  }

  /** No probes until the hold is released: something else is about to tell. */
  hold(): () => void {
    this.#holds++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds--;
      this.#arm();
    };
  }

  exchangeBegan(): void {
    this.#exchanges++;
  }

  exchangeEnded(outcome: ExchangeOutcome): void {
    this.#exchanges--;
    if (outcome === 'answered') this.#answered();
    else if (outcome !== 'nothing') this.#away(outcome.away);
    this.#arm();
  }

  /** The centre has accounted for documents, or said that it holds them all. */
  pushAccepted(): void {
    this.#lastError = undefined;
    this.#enter('online');
  }

  /** A push failed of this; its exchanges have been heard of already. */
  pushFailed(error: LinkError): void {
    this.#lastError = error.report();
    if (error.blocks) this.#enter('blocked');
  }

  #answered(): void {
    if (this.#state === 'online' || this.#state === 'blocked') return;
    this.#lastError = undefined;
    this.#enter('online');
  }

  #away(error: LinkError): void {
    this.#lastError = error.report();
    this.#enter('offline');
  }

  #enter(state: LinkState): void {
    const before = this.#state;
    if (state === before) return;
    this.#state = state;
    this.#sinceMs = this.#options.now();
    this.#arm();
    if (state === 'offline') this.events.emit('down', this.status);
    if (state === 'online') this.events.emit('up', this.status);
    if (before === 'offline') this.events.emit('restored', this.status);
  }

  /** From the last thing heard on. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (!this.#running) return;
    const { intervalMs } = this.#options;
    const delayMs = this.#state === 'offline' ? intervalMs : this.#state === 'unknown' ? FIRST_MS : SILENT_MS;
    this.#timer = setTimeout(() => this.#look(), delayMs);
  }

  #look(): void {
    if (!this.#running) return;
    // What is under way or held for tells, and arms the timer anew.
    if (this.#exchanges > 0 || this.#holds > 0) return;
    this.#probes++;
    this.#options.probe(this.#running.signal).catch(() => undefined);
  }
}
