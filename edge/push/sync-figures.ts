/**
 * What people are shown of the synchronisation since the store was made: when it was tried and succeeded, and how much
 * went over the link. Kept on disk, at most once a minute while documents arrive.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { formatInstant } from '../../shared/time.js';
import type { SyncHistory } from '../ledger/state-records.js';

export interface SyncFiguresOptions {
  state: { syncHistory(): Promise<SyncHistory>; writeSyncHistory(history: SyncHistory): Promise<void> };
  /** What this life of the node has counted. */
  counted: () => Pick<SyncHistory, 'docsSent' | 'bytesSent' | 'bytesReceived'>;
  /** Milliseconds since 1970. */
  now: () => number;
  log: Logger;
}

const WRITE_EVERY_MS = 60_000;

export class SyncFigures {
  readonly #options: SyncFiguresOptions;
  #history: SyncHistory = { docsSent: 0, bytesSent: 0, bytesReceived: 0 };
  /** What earlier lives of the node had counted. */
  #carried: SyncHistory = this.#history;
  #writtenMs = 0;

  constructor(options: SyncFiguresOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    this.#carried = await this.#options.state.syncHistory();
    this.#history = this.#carried;
  }

  /** Figures since the store was made. */
  get history(): SyncHistory {
    const { docsSent, bytesSent, bytesReceived } = this.#options.counted();
    return {
      ...this.#history,
      docsSent: this.#carried.docsSent + docsSent,
      bytesSent: this.#carried.bytesSent + bytesSent,
      bytesReceived: this.#carried.bytesReceived + bytesReceived,
    };
  }

  noteAttempt(): void {
    this.#history = { ...this.#history, lastAttemptAt: this.#nowText() };
  }

  noteSuccess(): void {
    this.#history = { ...this.#history, lastSuccessAt: this.#nowText() };
    const sinceWrittenMs = this.#options.now() - this.#writtenMs;
    if (sinceWrittenMs < 0 || sinceWrittenMs >= WRITE_EVERY_MS) void this.write();
  }

  /** A forced replication has succeeded; the schedule looks at this. */
  async noteForcedSuccess(): Promise<void> {
    this.#history = { ...this.#history, lastForcedSuccessAt: this.#nowText() };
    await this.write();
  }

  /** Never rejects: a figure that could not be kept must not make a failure of documents that arrived. */
  async write(): Promise<void> {
    const { state, log, now } = this.#options;
    this.#writtenMs = now();
    await state.writeSyncHistory(this.history).catch((error: unknown) => {
      log.warn('the figures of the synchronisation could not be written down', { error: messageOf(error) });
    });
  }

  #nowText(): string {
    return formatInstant(this.#options.now());
  }
}
