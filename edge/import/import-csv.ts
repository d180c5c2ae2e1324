/**
 * Imports a CSV file of readings into a running node.
 *
 * Invariants: batches are settled one after the other in the file's order, one on its way while the next is read; with
 * `stop` every row before the first one that cannot be taken is stored and none after it; each row read is counted
 * exactly once, as accepted, duplicate, empty, skipped, or the one the import ended at.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import type { ProgramClient } from '../../shared/http/client.js';
import type { sleep } from '../../shared/time.js';
import type { ImportPlan } from './import-plan.js';
import { ReadingSender } from './reading-sender.js';
import { type ImportFailure, type ReadingRow, type RowBatch, type RowProblem, readBatches } from './row-batches.js';

/** What has been settled so far, in rows of data. */
export interface ImportCounts {
  rows: number;
  accepted: number;
  duplicates: number;
  /** Rows that could not be taken and were left out. */
  skipped: number;
  /** Rows without any value. */
  empty: number;
}

export interface ImportProgress extends ImportCounts {
  bytesRead: number;
  totalBytes: number;
}

export interface ImportResult extends ImportCounts {
  ok: boolean;
  /** The earliest and the latest time of what is stored, new or not, as canonical instants; absent where nothing is. */
  firstAt?: string;
  lastAt?: string;
  error?: ImportFailure;
}

export interface ImportOptions {
  client: ProgramClient;
  /** Called after each batch is stored. */
  onProgress?: (progress: ImportProgress) => void;
  /** Called for each row that is skipped, in the file's order. */
  onSkipped?: (problem: RowProblem) => void;
  /** Ends the import; what was sent stays stored. */
  signal?: AbortSignal;
  sleep?: typeof sleep;
}

/**
 * Imports a planned file. Never throws for what happens on the way: the result says what was stored and why it ended.
 */
export async function importCsv(plan: ImportPlan, options: ImportOptions): Promise<ImportResult> {
  const run = new ImportRun(plan, options);
  const error = await run.run();
  return { ok: error === undefined, ...run.counts, ...run.span, ...(error ? { error } : {}) };
}

class ImportRun {
  readonly counts: ImportCounts = { rows: 0, accepted: 0, duplicates: 0, skipped: 0, empty: 0 };
  readonly span: Pick<ImportResult, 'firstAt' | 'lastAt'> = {};
  readonly #plan: ImportPlan;
  readonly #options: ImportOptions;
  readonly #sender: ReadingSender;

  constructor(plan: ImportPlan, options: ImportOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#sender = new ReadingSender(options);
  }

  async run(): Promise<ImportFailure | undefined> {
    let settling: Promise<ImportFailure | undefined> = Promise.resolve(undefined);
    for await (const batch of readBatches(this.#plan)) {
      const failure = await settling;
      if (failure) return failure;
      settling = this.#settle(batch);
    }
    return settling;
  }

  /** Stores and counts a batch; never rejects, since it runs while nobody waits for it. */
  async #settle(batch: RowBatch): Promise<ImportFailure | undefined> {
    try {
      if (this.#options.signal?.aborted) return INTERRUPTED;
      const failure = await (this.#plan.onError === 'skip' ? this.#settleSkipping(batch) : this.#settleStopping(batch));
      const { bytesRead } = batch;
      this.#options.onProgress?.({ ...this.counts, bytesRead, totalBytes: this.#plan.dialect.totalBytes });
      return failure;
    } catch (error) {
      if (this.#options.signal?.aborted) return INTERRUPTED;
      return { code: error instanceof AppError ? error.code : 'internal', message: messageOf(error) };
    }
  }

  async #settleStopping(batch: RowBatch): Promise<ImportFailure | undefined> {
    const { readings } = batch;
    const result = await this.#sender.sendUntilRefused(readings.map(({ json }) => json));
    const refusal = result.refused[0];
    const refusedRow = refusal && readings[refusal.index];
    const failure =
      refusal && refusedRow
        ? { code: refusal.code, message: refusal.message, row: refusedRow.row, line: refusedRow.line }
        : batch.failure;
    const lastRow = refusedRow?.row ?? batch.lastRow;
    this.#addSpan(readings.slice(0, refusal?.index));
    this.#count({ ...batch, lastRow, empty: batch.empty.filter((row) => row <= lastRow) }, result, 0);
    return failure;
  }

  async #settleSkipping(batch: RowBatch): Promise<ImportFailure | undefined> {
    const { readings, bad } = batch;
    const result =
      readings.length === 0
        ? { accepted: 0, duplicates: 0, refused: [] }
        : await this.#sender.sendAll(readings.map(({ json }) => json));
    const problems = [...bad];
    for (const { index, message } of result.refused) {
      const reading = readings[index];
      if (reading) problems.push({ row: reading.row, line: reading.line, message });
    }
    problems.sort((a, b) => a.row - b.row);
    const refused = new Set(result.refused.map(({ index }) => index));
    this.#addSpan(readings.filter((_, index) => !refused.has(index)));
    this.#count(batch, result, problems.length);
    for (const problem of problems) this.#options.onSkipped?.(problem);
    return batch.failure;
  }

  #addSpan(stored: readonly ReadingRow[]): void {
    const { span } = this;
    for (const { at } of stored) {
      if (span.firstAt === undefined || at < span.firstAt) span.firstAt = at;
      if (span.lastAt === undefined || at > span.lastAt) span.lastAt = at;
    }
  }

  #count(batch: RowBatch, stored: { accepted: number; duplicates: number }, skipped: number): void {
    this.counts.rows = batch.lastRow;
    this.counts.accepted += stored.accepted;
    this.counts.duplicates += stored.duplicates;
    this.counts.skipped += skipped;
    this.counts.empty += batch.empty.length;
  }
}

const INTERRUPTED: ImportFailure = { code: 'interrupted', message: 'the import was interrupted' };
