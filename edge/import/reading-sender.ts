/**
 * Sends readings to a running node, batch by batch, and waits where the node asks for time.
 *
 * Invariant: when a call returns, what it counts is on the node's disk; sending the same readings again adds nothing.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import { AppError, type ErrorDetail } from '../../shared/app-error.js';
import type { ProgramClient } from '../../shared/http/client.js';
import { isLoopback } from '../../shared/http/server.js';
import { sleep } from '../../shared/time.js';

export interface Refusal {
  /** Position in what was sent, from 0. */
  index: number;
  code: string;
  message: string;
}

export interface SendResult {
  accepted: number;
  duplicates: number;
  /** In the order of their index. */
  refused: Refusal[];
}

export interface ReadingSenderOptions {
  client: ProgramClient;
  signal?: AbortSignal | undefined;
  /** Waits for so many milliseconds, or until the signal is aborted. */
  sleep?: typeof sleep;
}

const MAX_TRIES = 10;
const MAX_WAIT_S = 60;
const REFUSALS: ReadonlySet<string> = new Set(['invalid_request', 'conflict', 'too_large']);

const answerSchema = z.object({
  accepted: z.number().int().nonnegative(),
  duplicates: z.number().int().nonnegative(),
  refused: z
    .array(z.object({ index: z.number().int().nonnegative(), code: z.string(), message: z.string() }))
    .default([]),
});

const compress = promisify(gzip);

export class ReadingSender {
  readonly #client: ProgramClient;
  readonly #signal: AbortSignal | undefined;
  readonly #sleep: typeof sleep;
  /** On loopback compressing costs more than it saves. */
  readonly #compressed: boolean;

  constructor(options: ReadingSenderOptions) {
    this.#client = options.client;
    this.#signal = options.signal;
    this.#sleep = options.sleep ?? sleep;
    this.#compressed = !isLoopback(new URL(options.client.url).hostname.replace(/^\[|\]$/g, ''));
  }

  /** Stores every reading the node takes and tells which it refused. Throws when the node as a whole could not. */
  async sendAll(lines: readonly string[]): Promise<SendResult> {
    return this.#post(lines, '?partial=true');
  }

  /**
   * Stores the readings before the first one the node refuses, and none after it. The node takes a request whole or not
   * at all: after a refusal the part before it is sent again.
   */
  async sendUntilRefused(lines: readonly string[]): Promise<SendResult> {
    let rest = lines;
    let refused: Refusal[] = [];
    while (rest.length > 0) {
      try {
        return { ...(await this.#post(rest, '')), refused };
      } catch (error) {
        const refusal = refusalOf(error, rest.length);
        if (!refusal) throw error;
        refused = [refusal];
        rest = rest.slice(0, refusal.index);
      }
    }
    return { accepted: 0, duplicates: 0, refused };
  }

  async #post(lines: readonly string[], query: string): Promise<SendResult> {
    const text = `${lines.join('\n')}\n`;
    const body = this.#compressed ? new Uint8Array(await compress(text)) : text;
    const answer = await this.#patiently(() =>
      this.#client.json<unknown>(`/v1/readings${query}`, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-ndjson',
          ...(this.#compressed ? { 'Content-Encoding': 'gzip' } : {}),
        },
        body,
        ...(this.#signal ? { signal: this.#signal } : {}),
      }),
    );
    return this.#checked(answer, lines.length);
  }

  /** A node that is busy, or reopens its store, is asked again; everything else is thrown at once. */
  async #patiently<T>(request: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await request();
      } catch (error) {
        const mayPass = error instanceof AppError && (error.code === 'busy' || error.code === 'storage_failed');
        if (!mayPass || tries >= MAX_TRIES || this.#signal?.aborted) throw error;
        await this.#sleep(Math.min(error.retryAfterS ?? tries, MAX_WAIT_S) * 1000, this.#signal);
      }
    }
  }

  #checked(answer: unknown, sent: number): SendResult {
    const parsed = answerSchema.safeParse(answer);
    if (!parsed.success) {
      throw new AppError('unavailable', `what answers at ${this.#client.url} is not a solar-edge node`);
    }
    const { accepted, duplicates, refused } = parsed.data;
    if (accepted + duplicates + refused.length !== sent || refused.some(({ index }) => index >= sent)) {
      throw new AppError(
        'unavailable',
        `the node at ${this.#client.url} accounted for ${accepted + duplicates + refused.length} of ${sent} readings`,
      );
    }
    return { accepted, duplicates, refused: refused.sort((a, b) => a.index - b.index) };
  }
}

/**
 * The first reading an all-or-nothing request was refused for; undefined where the failure is not about one reading.
 */
function refusalOf(error: unknown, sent: number): Refusal | undefined {
  if (!(error instanceof AppError) || !REFUSALS.has(error.code)) return undefined;
  let first: (ErrorDetail & { index: number }) | undefined;
  for (const detail of error.details ?? []) {
    const { index } = detail;
    if (index === undefined || index >= sent) continue;
    if (!first || index < first.index) first = { ...detail, index };
  }
  if (!first) return undefined;
  // A conflict's sentence names the document; what is invalid is a field.
  const message = error.code === 'conflict' || !first.path ? first.message : `${first.path} ${first.message}`;
  return { index: first.index, code: error.code, message };
}
