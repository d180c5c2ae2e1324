/**
 * Which databases were changed, through whichever gateway: CouchDB's feed `_db_updates`, one connection for all who wait.
 * It is opened when somebody first waits. Where CouchDB does not give the feed, the databases that are waited for are
 * looked at every 5 s (`_dbs_info`).
 *
 * Nothing is missed: the feed goes on where it broke off, and where it cannot, all who wait look for themselves.
 *
 * Retry: trigger, the feed ends or cannot be had; bound, none while the store is open; delay, doubling from 1 s to 60 s,
 * looking every 5 s meanwhile; way out, the feed is there again, or the store is closed.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { sleep } from '../../shared/time.js';
import type { ChangeBell } from './change-bell.js';
import { type CouchClient, notCouch } from './couch-client.js';

export interface CouchUpdatesOptions {
  client: CouchClient;
  /** Rung with names without the prefix. */
  bell: ChangeBell;
  log: Logger;
  firstDelayMs?: number;
  lookEveryMs?: number;
}

const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;
const LOOK_EVERY_MS = 5_000;
const HEARTBEAT_MS = 20_000;
/** Without a heartbeat for so long the feed is dead. */
const SILENCE_MS = 3 * HEARTBEAT_MS;
const MAX_LINE_LENGTH = 64 * 1024;
/** As many as CouchDB answers at once. */
const MAX_KEYS = 100;
const RETRY_AFTER_S = 5;

export class CouchUpdates {
  readonly #options: CouchUpdatesOptions;
  readonly #firstDelayMs: number;
  readonly #lookEveryMs: number;
  readonly #closing = new AbortController();
  /** Positions of databases when they were last looked at. */
  readonly #looked = new Map<string, unknown>();
  /** Position in the feed up to which nothing was missed. */
  #since: string | undefined;
  #running: Promise<void> | undefined;
  #lastFailure: string | undefined;

  constructor(options: CouchUpdatesOptions) {
    this.#options = options;
    this.#firstDelayMs = options.firstDelayMs ?? FIRST_DELAY_MS;
    this.#lookEveryMs = options.lookEveryMs ?? LOOK_EVERY_MS;
  }

  /** Begins to ring the bell. */
  start(): void {
    if (!this.#closing.signal.aborted) this.#running ??= this.#run();
  }

  /** The client is closed before, which ends the feed. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let delayMs = this.#firstDelayMs;
    while (!signal.aborted) {
      try {
        await this.#follow(() => {
          delayMs = this.#firstDelayMs;
          this.#found();
        });
      } catch (error) {
        this.#missed(error);
      }
      await this.#lookFor(delayMs);
      delayMs = Math.min(2 * delayMs, MAX_DELAY_MS);
    }
  }

  async #follow(onBegun: () => void): Promise<void> {
    const { client, bell } = this.#options;
    if (this.#since === undefined) {
      const { body } = await client.request<{ last_seq?: unknown }>({ path: '_db_updates', qs: { since: 'now' } });
      if (typeof body?.last_seq !== 'string') throw notCouch(RETRY_AFTER_S);
      this.#since = body.last_seq;
      bell.ringAll();
    }
    const parameters = new URLSearchParams({
      ...{ feed: 'continuous', heartbeat: String(HEARTBEAT_MS), since: this.#since },
    });
    const giveUp = new AbortController();
    const silence = setTimeout(() => giveUp.abort(new Error('nothing came for a minute')), SILENCE_MS);
    try {
      const request = { path: `_db_updates?${parameters}`, method: 'GET', body: null };
      await client.exchange(request, giveUp, async (response) => {
        if (!response.ok || !response.body) {
          // It may be the position that is wrong.
          this.#since = undefined;
          throw new Error(`CouchDB answered ${response.status}`);
        }
        onBegun();
        await eachLine(response.body, {
          signal: giveUp.signal,
          take: (line) => this.#tell(line),
          onBytes: () => silence.refresh(),
        });
      });
    } finally {
      clearTimeout(silence);
      giveUp.abort();
    }
  }

  #tell(line: string): void {
    if (line.trim() === '') return;
    const { db_name: db, seq } = JSON.parse(line) as { db_name?: unknown; seq?: unknown };
    const { client, bell } = this.#options;
    if (typeof db === 'string' && db.startsWith(client.prefix)) bell.ring(db.slice(client.prefix.length));
    if (typeof seq === 'string') this.#since = seq;
  }

  /** Looks at the databases that are waited for, for so long. */
  async #lookFor(ms: number): Promise<void> {
    const { signal } = this.#closing;
    for (let leftMs = ms; leftMs > 0 && !signal.aborted; leftMs -= this.#lookEveryMs) {
      await sleep(Math.min(leftMs, this.#lookEveryMs), signal);
      // After a short break the feed itself tells what was missed.
      if (ms >= this.#lookEveryMs && !signal.aborted) await this.#look().catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { client, bell } = this.#options;
    const { names } = bell;
    const waitedFor = new Set(names);
    for (const name of this.#looked.keys()) if (!waitedFor.has(name)) this.#looked.delete(name);
    for (let start = 0; start < names.length; start += MAX_KEYS) {
      const some = names.slice(start, start + MAX_KEYS);
      const { body } = await client.request<{ key: string; info?: { update_seq?: unknown } }[]>({
        path: '_dbs_info',
        method: 'POST',
        body: { keys: some.map((name) => client.prefix + name) },
      });
      if (!Array.isArray(body)) throw notCouch(RETRY_AFTER_S);
      for (const [n, name] of some.entries()) {
        const position = body[n]?.info?.update_seq;
        // Seen for the first time, it may have changed before.
        if (this.#looked.get(name) !== position || !this.#looked.has(name)) bell.ring(name);
        this.#looked.set(name, position);
      }
    }
  }

  #found(): void {
    this.#looked.clear();
    if (this.#lastFailure !== undefined) this.#options.log.info('CouchDB tells again which databases were changed', {});
    this.#lastFailure = undefined;
  }

  #missed(error: unknown): void {
    const failure = messageOf(error);
    if (this.#closing.signal.aborted || failure === this.#lastFailure) return;
    this.#lastFailure = failure;
    this.#options.log.warn('CouchDB does not tell which databases were changed; registries are looked at every 5 s', {
      error: failure,
    });
  }
}

interface LineReading {
  signal: AbortSignal;
  take(line: string): void;
  onBytes(): void;
}

/** Resolves at the end, or when `signal` is aborted. */
async function eachLine(body: ReadableStream<Uint8Array>, { signal, take, onBytes }: LineReading): Promise<void> {
  const reader = body.getReader();
  // Aborting a fetch does not end its answer any more once the request itself was collected as garbage.
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener('abort', cancel);
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (let part = await reader.read(); !part.done && !signal.aborted; part = await reader.read()) {
      onBytes();
      text += decoder.decode(part.value, { stream: true });
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      if (text.length > MAX_LINE_LENGTH) throw notCouch(RETRY_AFTER_S);
      for (const line of lines) take(line);
    }
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}
