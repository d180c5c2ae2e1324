/**
 * The parts that store, put together by hand, so that the disk below them and the clock beside them can be the test's
 * own.
 */
import { ClockGuard } from '../../../edge/ledger/clock-guard.js';
import { IngestQueue } from '../../../edge/ledger/ingest-queue.js';
import { Ledger } from '../../../edge/ledger/ledger.js';
import { StoreState } from '../../../edge/ledger/store-state.js';
import type { TelemetryDocument } from '../../../shared/documents.js';
import { silentLogger } from '../../../shared/logger.js';
import { type Clock, systemClock } from '../../../shared/time.js';

export interface StoreOptions {
  folder: string;
  segmentMaxDocs?: number;
  leveldown?: unknown;
  clock?: Clock;
  assertSpace?: () => Promise<void>;
  probeDisk?: () => Promise<void>;
  makeRoom?: () => Promise<void>;
}

export interface Store {
  state: StoreState;
  ledger: Ledger;
  ingest: IngestQueue;
  close(): Promise<void>;
}

/** Opens the store of village `kano` in a folder. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { folder, segmentMaxDocs = 200_000, leveldown, clock: wall = systemClock } = options;
  const state = await StoreState.open({ folder, village: 'kano', nowMs: wall.now() });
  const clock = new ClockGuard({ clock: wall, buildTimeMs: 0, record: state.clock });
  const database = leveldown === undefined ? {} : { leveldown };
  const { probeDisk, makeRoom } = options;
  const ledger = new Ledger({
    ...{ folder, state, log: silentLogger(), clock, segmentMaxDocs, database, capacityBytes: 1e9 },
    ...(probeDisk === undefined ? {} : { probeDisk }),
    ...(makeRoom === undefined ? {} : { makeRoom }),
  });
  try {
    await ledger.open();
  } catch (error) {
    await ledger.close().catch(() => undefined);
    await state.close();
    throw error;
  }
  const { assertSpace = async () => undefined } = options;
  const ingest = new IngestQueue({ ledger, village: 'kano', boot: state.boot, clock, assertSpace });
  return {
    ...{ state, ledger, ingest },
    async close() {
      await ingest.close();
      await ledger.close();
      await state.close();
    },
  };
}

/** Every document stored, in the order in which it was numbered. */
export async function everything(ledger: Ledger): Promise<TelemetryDocument[]> {
  const documents: TelemetryDocument[] = [];
  for (const segment of ledger.segments) {
    const entries = await segment.entriesAfter(0, segment.count + 1);
    documents.push(...entries.map(({ document }) => document));
  }
  return documents;
}

/** The numbers in the order stored, by node name; contiguous from 1 when nothing is wrong. */
export function numbersByNode(documents: readonly TelemetryDocument[]): Record<string, number[]> {
  const numbers: Record<string, number[]> = {};
  for (const { node, seq } of documents) numbers[node] = [...(numbers[node] ?? []), seq];
  return numbers;
}

/** 1, 2, … n. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index + 1);
}
