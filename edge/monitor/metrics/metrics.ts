/**
 * `/metrics`: the node's figures in Prometheus' text format, read from where they are counted at the time of asking.
 * Every figure has the label `village`; other labels come from sets written in the program.
 */
import { Registry } from 'prom-client';
import { FigureSet } from '../../../shared/metrics/figures.js';
import { addProcessFigures } from '../../../shared/metrics/process-figures.js';
import type { NodeParts } from '../../node-parts.js';
import { addAlertFigures } from './alert-figures.js';
import { addPushFigures } from './push-figures.js';
import { addStoreFigures } from './store-figures.js';
import { addSyncFigures } from './sync-figures.js';

export interface Metrics {
  contentType: string;
  text(): Promise<string>;
}

/** Rarely: every look wakes a processor that may have nothing else to do. */
const LOOP_RESOLUTION_MS = 100;

export function createMetrics(parts: NodeParts): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ village: parts.config.VILLAGE_ID });
  const figures = new FigureSet(registry, 'solar_edge_');
  addStoreFigures(parts, figures);
  addAlertFigures(parts, figures);
  if (parts.sync) {
    addSyncFigures(parts.sync, figures);
    addPushFigures(parts.sync, figures);
  }
  const loop = addProcessFigures(figures, { resolutionMs: LOOP_RESOLUTION_MS });
  loop.start();
  parts.stopping.addEventListener('abort', loop.stop, { once: true });
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
