/** Figures of the alerts: how many are open, by code. */
import type { FigureSet, LabelledValue } from '../../../shared/metrics/figures.js';
import type { NodeParts } from '../../node-parts.js';
import type { Alert } from '../alerts/alert.js';

export function addAlertFigures({ alertBook }: Pick<NodeParts, 'alertBook'>, figures: FigureSet): void {
  figures.gauges(
    'alerts',
    'Open alerts, by code and severity; a code without any is absent.',
    ['code', 'severity'],
    () => countsOf(alertBook.open),
  );
}

function countsOf(alerts: readonly Alert[]): LabelledValue[] {
  const counts = new Map<string, [{ code: string; severity: string }, number]>();
  for (const { code, severity } of alerts) {
    const key = `${code} ${severity}`;
    counts.set(key, [{ code, severity }, (counts.get(key)?.[1] ?? 0) + 1]);
  }
  return [...counts.values()];
}
