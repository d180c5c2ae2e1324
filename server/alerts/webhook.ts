/**
 * Tells one address of alerts: batches of JSON, one at a time, tried again until they are taken or given up.
 *
 * A dead or slow address harms nothing: its queue is its own and bounded, each request has a deadline, answers are not
 * read, redirects are not followed, and nobody waits for it.
 *
 * Retry: trigger, anything but a 2xx; bound, 13 tries of a batch, some two hours; delay, doubling from 5 s to 30 min
 * with a random part; way out, the batch is taken, or given up and counted; metric `webhook_alerts_total`.
 */
import { createHmac, randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { type Clock, formatInstant, sleep } from '../../shared/time.js';
import type { WebhookTarget } from './webhook-settings.js';

export interface WebhookOptions {
  target: WebhookTarget;
  /** Signs what is sent. */
  secret: string | undefined;
  clock: Clock;
  log: Logger;
  times?: Partial<WebhookTimes>;
}

export interface WebhookTimes {
  deadlineMs: number;
  firstDelayMs: number;
  longestDelayMs: number;
}

/** An alert, and who waits for what becomes of it. */
interface Queued {
  alert: object;
  /** False where it was neither told nor given up. */
  end(isDone: boolean): void;
}

export interface WebhookCounts {
  delivered: number;
  /** Given up after the last try, or found no room. */
  dropped: number;
}

const DEFAULT_TIMES: WebhookTimes = { deadlineMs: 10_000, firstDelayMs: 5_000, longestDelayMs: 1_800_000 };
const MAX_TRIES = 13;
const MAX_QUEUED = 1_000;
const BATCH = 100;

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #times: WebhookTimes;
  readonly #queue: Queued[] = [];
  readonly #closing = new AbortController();
  readonly #counts: WebhookCounts = { delivered: 0, dropped: 0 };
  /** Alerts on their way, or to be tried again. */
  #telling = 0;
  #working: Promise<void> | undefined;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#times = { ...DEFAULT_TIMES, ...options.times };
  }

  /** Alerts since the start. */
  get counts(): Readonly<WebhookCounts> {
    return this.#counts;
  }

  get queued(): number {
    return this.#queue.length + this.#telling;
  }

  /**
   * Takes what is to be told; where there is no room the oldest go. Resolves with true when each was told or given up, with
   * false where that was not to be known before the end.
   */
  async offer(alerts: readonly object[]): Promise<boolean> {
    if (this.#closing.signal.aborted) return false;
    const ends = alerts.map((alert) => new Promise<boolean>((resolve) => this.#queue.push({ alert, end: resolve })));
    if (this.#queue.length > MAX_QUEUED) this.#drop(this.#queue.splice(0, this.#queue.length - MAX_QUEUED));
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
    return (await Promise.all(ends)).every(Boolean);
  }

  /** What is not told yet is left to whoever asks next. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
    for (const { end } of this.#queue.splice(0)) end(false);
  }

  #drop(queued: readonly Queued[]): void {
    this.#counts.dropped += queued.length;
    for (const { end } of queued) end(true);
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0 && !this.#closing.signal.aborted) await this.#deliver(this.#queue.splice(0, BATCH));
  }

  async #deliver(queued: readonly Queued[]): Promise<void> {
    this.#telling = queued.length;
    const isDone = await this.#tell(queued.map(({ alert }) => alert));
    this.#telling = 0;
    for (const { end } of queued) end(isDone);
  }

  /** False where it was called off before the last try. */
  async #tell(alerts: readonly object[]): Promise<boolean> {
    const { clock, log, target } = this.#options;
    const { signal } = this.#closing;
    const id = randomUUID();
    const body = JSON.stringify({ id, at: formatInstant(clock.now()), alerts });
    for (let tries = 1; !signal.aborted; tries++) {
      const failure = await this.#post(id, body).catch(messageOf);
      if (failure === undefined) {
        this.#counts.delivered += alerts.length;
        return true;
      }
      if (signal.aborted) return false;
      const facts = { host: target.host, error: failure, alerts: alerts.length };
      if (tries === MAX_TRIES) {
        this.#counts.dropped += alerts.length;
        log.error('a webhook could not be told of alerts; they are given up, and stay in /v1/alerts', facts);
        return true;
      }
      if (tries === 1) log.warn('a webhook could not be told of alerts; it is tried again', facts);
      await sleep(this.#delayMs(tries), signal);
    }
    return false;
  }

  #delayMs(tries: number): number {
    const { firstDelayMs, longestDelayMs } = this.#times;
    return Math.min(firstDelayMs * 2 ** (tries - 1), longestDelayMs) * (0.75 + Math.random() / 4);
  }

  /** Why it was not taken; undefined when it was. */
  #post(id: string, body: string): Promise<string | undefined> {
    const { target } = this.#options;
    const { deadlineMs } = this.#times;
    return new Promise((resolve) => {
      const request = (target.url.startsWith('https:') ? https : http).request(target.url, {
        method: 'POST',
        agent: false,
        headers: this.#headersOf(id, body),
      });
      const end = (failure: string | undefined) => {
        clearTimeout(timer);
        this.#closing.signal.removeEventListener('abort', callOff);
        resolve(failure);
        request.destroy();
      };
      const callOff = () => end('the centre is being stopped');
      const timer = setTimeout(() => end(`no answer within ${deadlineMs / 1000} s`), deadlineMs);
      this.#closing.signal.addEventListener('abort', callOff, { once: true });
      request.on('error', (error) => end(messageOf(error)));
      request.once('response', ({ statusCode = 0 }) => {
        const isTaken = statusCode >= 200 && statusCode < 300;
        end(isTaken ? undefined : `it answered ${statusCode}`);
      });
      request.end(body);
    });
  }

  #headersOf(id: string, body: string): Record<string, string> {
    const { target, secret, clock } = this.#options;
    const timestamp = String(Math.floor(clock.now() / 1000));
    const hmac = secret === undefined ? undefined : createHmac('sha256', secret).update(`${timestamp}.${body}`);
    return {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
      'User-Agent': 'solar-central',
      'X-Solar-Delivery': id,
      'X-Solar-Timestamp': timestamp,
      ...(hmac ? { 'X-Solar-Signature': `sha256=${hmac.digest('hex')}` } : {}),
      ...(target.authorization === undefined ? {} : { Authorization: target.authorization }),
    };
  }
}
