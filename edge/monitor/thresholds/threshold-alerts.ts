/** Alerts for people: series beyond a threshold, and thresholds that cannot be applied. */
import type { Alert } from '../alerts/alert.js';
import type { OpenSeries } from './threshold-records.js';
import type { IgnoredThreshold } from './threshold-rules.js';

/** The status stays readable, and the registry's report small, however many series are beyond. */
const MAX_ALERTS = 50;

/** `open` oldest first; one alert counts those beyond the first. */
export function thresholdAlerts(open: readonly OpenSeries[], ignored: readonly IgnoredThreshold[]): Alert[] {
  const alerts = open
    .slice(0, MAX_ALERTS)
    .map((series) => alertOf(series.since, sentenceOf(series), subjectOf(series)));
  const next = open[MAX_ALERTS];
  if (next) {
    alerts.push(alertOf(next.since, `${open.length - MAX_ALERTS} more series are beyond a threshold`, 'more'));
  }
  const told = ignored.slice(0, MAX_ALERTS);
  return [
    ...alerts,
    ...told.map(({ id, reason, since }) =>
      alertOf(since, `the threshold ${id} is not applied: ${reason}`, `threshold ${id}`),
    ),
  ];
}

function sentenceOf({ threshold, device, field, value, bound, limit }: OpenSeries): string {
  const side = bound === 'high' ? 'above' : 'below';
  return `${field} of ${device} is ${value}, ${side} the limit of ${limit} (threshold ${threshold})`;
}

function subjectOf({ threshold, device, field }: OpenSeries): string {
  return `${field} of ${device} (threshold ${threshold})`;
}

function alertOf(since: string, message: string, subject: string): Alert {
  return { code: 'threshold', severity: 'warning', since, message, subject };
}
