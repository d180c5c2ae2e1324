/**
 * Serves a renewed certificate without a restart: looks at both files every few seconds, and has the server use them
 * once they have changed and go together. A pair that does not (one file is written before the other) is left for the
 * next look, and the old one goes on being served.
 *
 * Retry: trigger, the files have changed; bound, one look each interval; way out, they go together.
 */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../shared/app-error.js';
import type { Logger } from '../shared/logger.js';
import type { Service } from '../shared/service.js';
import { sleep } from '../shared/time.js';
import type { TlsConfig } from './config.js';

export interface CertificateWatchOptions {
  tls: TlsConfig;
  use(pair: { cert: Buffer; key: Buffer }): void;
  log: Logger;
  intervalMs?: number;
}

const INTERVAL_MS = 10_000;

export class CertificateWatch implements Service {
  readonly name = 'certificate';
  readonly #options: CertificateWatchOptions;
  #served: { cert: Buffer; key: Buffer };
  /** Why the last look changed nothing, so that the same is not logged at every look. */
  #lastFailure: string | undefined;
  #ended: AbortController | undefined;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: CertificateWatchOptions) {
    this.#options = options;
    this.#served = options.tls;
  }

  async start(): Promise<void> {
    if (this.#ended) return;
    this.#ended = new AbortController();
    this.#watching = this.#watch(this.#ended.signal);
  }

  async stop(): Promise<void> {
    this.#ended?.abort();
    this.#ended = undefined;
    await this.#watching;
  }

  async #watch(ended: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#options.intervalMs ?? INTERVAL_MS, ended);
      if (ended.aborted) return;
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { tls, use, log } = this.#options;
    try {
      const [cert, key] = await Promise.all([readFile(tls.certFile), readFile(tls.keyFile)]);
      if (same(cert, this.#served.cert) && same(key, this.#served.key)) return;
      createSecureContext({ cert, key });
      use({ cert, key });
      this.#served = { cert, key };
      this.#lastFailure = undefined;
      log.info('the certificate has changed; new connections are served with it', { file: tls.certFile });
    } catch (error) {
      const failure = messageOf(error);
      if (failure !== this.#lastFailure) {
        log.warn('the certificate has changed and cannot be used; the old one is served', { error: failure });
      }
      this.#lastFailure = failure;
    }
  }
}

function same(one: Buffer, other: Buffer): boolean {
  return one.compare(new Uint8Array(other)) === 0;
}
