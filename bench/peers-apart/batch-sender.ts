/**
 * Sends an outbox to a centre: 500 rows a POST, gzip, one request in flight, oldest first, at once when something is
 * there. What is answered 2xx is deleted; anything else is tried again, after 1 s and up to 30 s, with jitter.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { SendTo } from '../support/apart.js';
import type { Outbox, OutboxRow } from './outbox.js';

const BATCH = 500;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 30_000;
const REQUEST_TIMEOUT_MS = 60_000;
const compress = promisify(gzip);

export class BatchSender {
  readonly #outbox: Outbox;
  readonly #target: SendTo;
  #wake: () => void = () => undefined;

  constructor(outbox: Outbox, target: SendTo) {
    this.#outbox = outbox;
    this.#target = target;
  }

  /** Something was added. */
  wake(): void {
    this.#wake();
  }

  /** Sends for as long as the process lives. */
  async run(): Promise<never> {
    let delayMs = FIRST_DELAY_MS;
    for (;;) {
      const added = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const batch = this.#outbox.oldest(BATCH);
      const last = batch.at(-1);
      if (!last) await added;
      else if (await this.#send(batch)) {
        this.#outbox.remove(last.seq);
        delayMs = FIRST_DELAY_MS;
      } else {
        await sleep(delayMs * (0.5 + Math.random() / 2));
        delayMs = Math.min(2 * delayMs, MAX_DELAY_MS);
      }
    }
  }

  /** False for whatever is not 2xx. */
  async #send(batch: readonly OutboxRow[]): Promise<boolean> {
    const { url, user, password } = this.#target;
    const json = `[${batch.map(({ id, body }) => `{"id":${JSON.stringify(id)},${body.slice(1)}`).join(',')}]`;
    const body = await compress(json);
    try {
      const response = await fetch(`${url}/v1/batches`, {
        method: 'POST',
        headers: {
          Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
          'Content-Type': 'application/json',
          'Content-Encoding': 'gzip',
        },
        body,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}
