/**
 * Whether a node's store still moves, for the watchdog that starts the node again when it does not.
 *
 * An error is an answer: a full or damaged disk is told, mended or waited for, and starting again would not help. Silence is
 * none: documents handed to LevelDB that neither arrive nor fail, or a read that does not come back. Where nobody has posted
 * for a while something small is written, so that a disk that swallows writes is found before the next reading comes.
 */
import { AppError } from '../../shared/app-error.js';

export interface StorePulseOptions {
  /** Since when the documents that are being stored have been, by the monotonic clock; undefined while there are none. */
  ingest: { readonly storingSinceMs: number | undefined };
  /** The highest number given: it grows with every write of documents. */
  ledger: { readonly lastSeq: number };
  /** Reads the store's own records. */
  read(): Promise<unknown>;
  /** Writes one of them, synced. */
  write(): Promise<unknown>;
  /** Milliseconds that only ever grow. */
  monotonic(): number;
  /** How long documents may take to be stored. */
  stuckMs: number;
}

/** Rare enough for an SD card, often enough for a village. */
const WRITE_AFTER_QUIET_MS = 600_000;

export class StorePulse {
  readonly #options: StorePulseOptions;
  #lastSeq: number | undefined;
  #writtenMs: number;

  constructor(options: StorePulseOptions) {
    this.#options = options;
    this.#writtenMs = options.monotonic();
  }

  /** Rejects with what stands still, stays pending where it waits for it; resolves when everything has answered. */
  async feel(): Promise<void> {
    const { ingest, ledger, read, write, monotonic, stuckMs } = this.#options;
    const storingMs = monotonic() - (ingest.storingSinceMs ?? monotonic());
    if (storingMs > stuckMs) {
      throw new AppError('storage_failed', `documents have been on their way to the disk for ${seconds(storingMs)} s`);
    }
    await answered(read());
    if (ledger.lastSeq !== this.#lastSeq) {
      this.#lastSeq = ledger.lastSeq;
      this.#writtenMs = monotonic();
    } else if (monotonic() - this.#writtenMs >= WRITE_AFTER_QUIET_MS) {
      await answered(write());
      this.#writtenMs = monotonic();
    }
  }
}

function answered(work: Promise<unknown>): Promise<unknown> {
  return work.catch(() => undefined);
}

const seconds = (ms: number): number => Math.round(ms / 1000);
