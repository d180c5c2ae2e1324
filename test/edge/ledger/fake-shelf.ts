/**
 * A ledger of segments that exist as records only, on a disk of invented size, below a real keeper and monitor. It
 * notes every deletion that the ledger would have to refuse.
 */
import {
  type CleanupReport,
  type DeletableSegment,
  type SegmentShelf,
  SpaceKeeper,
} from '../../../edge/ledger/space-keeper.js';
import { SpaceMonitor } from '../../../edge/ledger/space-monitor.js';
import { AppError } from '../../../shared/app-error.js';
import { type CapturedLog, capturedLog } from '../../support/captured-log.js';

export const MB = 1_000_000;
export const DAY_MS = 86_400_000;
/** What the shelf's clock shows at first. */
export const NOW = Date.parse('2026-03-20T12:00:00Z');

export interface FakeSegment extends DeletableSegment {
  bytes: number;
  count: number;
  sealedAt: string | undefined;
  confirmedAt: string | undefined;
}

/** Days before NOW, as an instant; negative ones lie behind it. */
export function daysAgo(days: number): string {
  return new Date(NOW - days * DAY_MS).toISOString();
}

export class FakeShelf implements SegmentShelf {
  readonly segments: FakeSegment[] = [];
  /** Numbers of the segments deleted, in order. */
  readonly dropped: number[] = [];
  /** Deletions that were tried though the contract forbids them. */
  readonly violations: string[] = [];
  /** Why a segment of this number cannot be deleted. */
  readonly undeletable = new Map<number, string>();
  rollsAsked = 0;
  /** Called before each deletion that is allowed. */
  onDrop: (segment: FakeSegment) => void = () => undefined;
  /** Waited for when a segment is on the shelf no more, and before its deletion is over. */
  whileFilesGo: () => Promise<void> = async () => undefined;
  #lastNumber = 0;

  constructor() {
    this.open();
  }

  get last(): FakeSegment {
    const last = this.segments.at(-1);
    if (!last) throw new Error('the shelf is never without an open segment');
    return last;
  }

  get bytes(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  open(): FakeSegment {
    const number = ++this.#lastNumber;
    const segment = { number, count: 0, bytes: 0, sealedAt: undefined, confirmedAt: undefined, folder: `${number}` };
    this.segments.push(segment);
    return segment;
  }

  /** Puts a sealed segment behind the others; the open one is always the last. */
  add(bytes: number, times: { sealedAt?: string; confirmedAt?: string | undefined } = {}): FakeSegment {
    const { last } = this;
    Object.assign(last, { bytes, count: 100, sealedAt: daysAgo(1), confirmedAt: undefined, ...times });
    this.open();
    return last;
  }

  async drop(given: DeletableSegment): Promise<void> {
    const segment = this.segments.find(({ number }) => number === given.number);
    if (!segment || segment === this.last || !segment.sealedAt || !segment.confirmedAt) {
      this.violations.push(`segment ${given.number} must not be deleted`);
      throw new Error('it is not sealed and confirmed');
    }
    this.onDrop(segment);
    const failure = this.undeletable.get(segment.number);
    if (failure !== undefined) throw new Error(failure);
    this.segments.splice(this.segments.indexOf(segment), 1);
    await this.whileFilesGo();
    this.dropped.push(segment.number);
  }

  requestRoll(): void {
    this.rollsAsked++;
  }

  bytesOf(folder: string): number {
    return this.segments.find((one) => one.folder === folder)?.bytes ?? 0;
  }
}

export interface ShelfUnderTest extends CapturedLog {
  shelf: FakeShelf;
  monitor: SpaceMonitor;
  keeper: SpaceKeeper;
  clock: { nowMs: number; sure: boolean; monotonicMs: number };
  /** Bytes free on the disk; what is deleted is not added by itself. With a failure it cannot be measured. */
  disk: { freeBytes: number; failure?: Error };
  /** The code and the sentence with which new data is refused now. */
  refusal(): Promise<string | undefined>;
  /** Measures and applies the rules, as after each look of the monitor. */
  apply(): Promise<CleanupReport>;
}

export interface ShelfOptions {
  /** 100 unless given. */
  maxMb?: number;
  /** 10 unless given. */
  minFreeMb?: number;
  /** 7 unless given. */
  retentionDays?: number;
}

/** A keeper over an empty shelf, with a thousand MB free; not started. */
export function keeperOverShelf({ maxMb = 100, minFreeMb = 10, retentionDays = 7 }: ShelfOptions = {}): ShelfUnderTest {
  const shelf = new FakeShelf();
  const clock = { nowMs: NOW, sure: true, monotonicMs: 0 };
  const disk: ShelfUnderTest['disk'] = { freeBytes: 1000 * MB };
  const captured = capturedLog();
  const monitor = new SpaceMonitor({
    ...{ folder: 'store', maxMb, minFreeMb },
    freeBytes: async () => {
      if (disk.failure) throw disk.failure;
      return disk.freeBytes;
    },
    folderBytes: async (folder) => (folder === 'store' ? shelf.bytes : shelf.bytesOf(folder)),
  });
  const keeper = new SpaceKeeper({
    ...{ shelf, monitor, retentionDays, log: captured.log },
    reserve: { keep: async () => false },
    clock: {
      now: () => clock.nowMs,
      get sure() {
        return clock.sure;
      },
    },
    monotonicMs: () => clock.monotonicMs,
  });
  return {
    ...captured,
    ...{ shelf, monitor, keeper, clock, disk },
    refusal: () => refusalOf(() => keeper.assertSpace()),
    apply: () => keeper.cleanup({ allConfirmed: false }),
  };
}

/** The error that is thrown while there is no room, as `code: sentence`. */
export async function refusalOf(assertSpace: () => Promise<void>): Promise<string | undefined> {
  try {
    await assertSpace();
    return undefined;
  } catch (error) {
    return error instanceof AppError ? `${error.code}: ${error.message}` : String(error);
  }
}
