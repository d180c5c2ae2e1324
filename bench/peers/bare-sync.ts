/** Task: appends a few hundred bytes and calls `fdatasync`, at a constant rate or without a pause. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { sleep } from '../../shared/time.js';
import { serveTask } from '../support/task.js';

export interface BareSyncLoad {
  folder: string;
  /** Bytes a time. */
  bytes: number;
  times: number;
  /** 0: without a pause. */
  ratePerS: number;
}

export interface BareSyncResult {
  latenciesMs: number[];
}

serveTask(async ({ folder, bytes, times, ratePerS }: BareSyncLoad): Promise<BareSyncResult> => {
  const latenciesMs: number[] = [];
  const file = openSync(path.join(folder, 'bare-sync'), 'w');
  const data = Buffer.alloc(bytes, 'x');
  const startMs = performance.now();
  for (let i = 0; i < times; i++) {
    if (ratePerS > 0) await sleep(startMs + (i * 1000) / ratePerS - performance.now());
    // Synchronous, so that nothing but the disk is in the figure.
    const beforeMs = performance.now();
    writeSync(file, data);
    fdatasyncSync(file);
    latenciesMs.push(performance.now() - beforeMs);
  }
  closeSync(file);
  return { latenciesMs };
});
