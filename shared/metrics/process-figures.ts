/** Memory of the process, and how long its event loop kept others waiting. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { FigureSet } from './figures.js';

const NS_PER_S = 1e9;

export interface ProcessFiguresOptions {
  /** How often the event loop is looked at; that is part of each delay. */
  resolutionMs: number;
}

/** Returns how to begin and how to end looking at the event loop. */
export function addProcessFigures(figures: FigureSet, { resolutionMs }: ProcessFiguresOptions) {
  figures.gauge('resident_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss());
  figures.gauge('heap_used_bytes', 'Of that, in use in the heap.', () => process.memoryUsage().heapUsed);
  figures.gauge('heap_total_bytes', 'Of that, the heap.', () => process.memoryUsage().heapTotal);
  figures.gauge('external_bytes', 'Of that, buffers outside of the heap.', () => process.memoryUsage().external);
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  const figure = (name: string, help: string, read: () => number) =>
    // Without a sample the histogram gives NaN.
    figures.gauge(`event_loop_delay_${name}_seconds`, help, () => (delay.count > 0 ? read() / NS_PER_S : 0));
  figure('p50', 'Delay of the event loop since the start, median.', () => delay.percentile(50));
  figure('p99', 'The same, 99th percentile.', () => delay.percentile(99));
  figure('max', 'The same, at its longest.', () => delay.max);
  return { start: () => void delay.enable(), stop: () => void delay.disable() };
}
