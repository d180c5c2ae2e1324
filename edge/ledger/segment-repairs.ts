/**
 * Has damaged segments repaired in the background, one after the other, while the others are written to and read.
 *
 * Invariants: one repair at a time; a segment that is written to is left first, and never exchanged. A repair that fails
 * (the disk is full, say) leaves the segment damaged, and is begun again by the next call.
 */
import path from 'node:path';
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { countNumbers } from './number-ranges.js';
import type { Segment } from './segment.js';
import { repairSegment } from './segment-repair.js';

export interface SegmentRepairsOptions {
  /** LOCAL_CACHE_PATH. */
  folder: string;
  /** Bytes the damaged files may take that are kept for whoever wants to look at them. */
  damagedMaxBytes: number;
  log: Logger;
  /** Canonical instant. */
  nowText(): string;
  /** Oldest first; the last one is open for writing. */
  segments(): readonly Segment[];
  /** When the promise resolves, the segment open for writing is no damaged one. */
  leaveDamaged(): Promise<void>;
  /** Holds each segment against the next, and counts what is missing in between. */
  join(): Promise<void>;
}

export class SegmentRepairs {
  readonly #options: SegmentRepairsOptions;
  #running: Promise<void> | undefined;
  #stopped = false;
  #count = 0;

  constructor(options: SegmentRepairsOptions) {
    this.#options = options;
  }

  /** Segments repaired since the start. */
  get count(): number {
    return this.#count;
  }

  /** Repairs what is damaged, and resolves when that is done; whoever calls meanwhile waits for the same. */
  run(): Promise<void> {
    this.#running ??= this.#repairAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** The same, not waited for; a failure is logged. */
  runSoon(): void {
    if (this.#stopped || !this.#options.segments().some(({ damage }) => damage)) return;
    this.run().catch((error: unknown) => {
      this.#options.log.error('a damaged segment could not be repaired yet', { error: messageOf(error) });
    });
  }

  /** Begins no further segment; resolves when the one under way is done with. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => undefined);
  }

  async #repairAll(): Promise<void> {
    const { segments, leaveDamaged, join } = this.#options;
    for (const segment of segments().filter(({ damage }) => damage)) {
      if (this.#stopped) return;
      await leaveDamaged();
      // Reopened meanwhile and found sound; and what is written to is never exchanged.
      if (segment.damage && segment !== segments().at(-1)) await this.#repair(segment, segment.damage);
    }
    // Where two in a row were damaged, only now it is known how far the numbers of the first one reached.
    await join();
  }

  async #repair(segment: Segment, damage: Error): Promise<void> {
    const { folder, damagedMaxBytes, log, nowText } = this.#options;
    log.warn(messageOf(damage), { segment: segment.number });
    await segment.close();
    const { kept, lost } = await repairSegment({
      folder: segment.folder,
      damagedRoot: path.join(folder, 'damaged'),
      damagedMaxBytes,
      expected: segment.record,
      ...this.#endOf(segment),
      nowText: nowText(),
    });
    await segment.reload();
    this.#count++;
    log.warn('a damaged segment is repaired', { segment: segment.number, kept, lost: countNumbers(lost) });
    await segment.settle();
  }

  /** What comes behind it under the same name begins where this one ends, whatever else lies in it. */
  #endOf({ number, node, firstSeq }: Segment): { endSeq?: number } {
    const next = this.#options.segments().find((one) => one.number === number + 1);
    const follows = next && !next.damage && next.node === node && next.firstSeq > firstSeq;
    return follows ? { endSeq: next.firstSeq - 1 } : {};
  }
}
