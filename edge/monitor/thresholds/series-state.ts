/**
 * Whether one series, a field of a device, is beyond one threshold: a pure function from reading to reading.
 *
 *                beyond                    beyond for `forS`
 *   within ────────────────▶ beyond ────────────────────────▶ open (raised)
 *      ▲                        │                                │
 *      └────────────────────────┴────────────────────────────────┘
 *                     a reading within (cleared, if it was open)
 *
 * Time is that of the readings alone. At most one alert a minute is raised for a series, however often it crosses the
 * limit: one that is beyond again sooner is raised by the first reading beyond after that minute.
 */
import { type Bound, breachOf, type ThresholdRule } from './threshold-rules.js';

/** A series that is within, and has been for a minute, has no state at all. */
export interface SeriesState {
  /** Time of the first of the readings beyond, which followed each other without one within. */
  readonly since?: string;
  /** Of the reading by which the last alert was raised. */
  readonly raisedAt?: string;
  readonly open?: OpenAlert;
}

/** By the last reading beyond, but for `since`. */
export interface OpenAlert {
  readonly since: string;
  readonly value: number;
  readonly bound: Bound;
  readonly limit: number;
  readonly lastAt: string;
}

export interface Observation {
  value: number;
  /** Canonical instant. */
  at: string;
  /** Recent enough for an alert. */
  mayRaise: boolean;
}

export interface SeriesStep {
  state: SeriesState | undefined;
  effect?: 'raised' | 'cleared';
}

/** Milliseconds between two alerts of one series. */
export const RAISE_GAP_MS = 60_000;

/** `reading` is newer than all that were given before. */
export function nextSeriesState(
  rule: ThresholdRule,
  before: SeriesState | undefined,
  { value, at, mayRaise }: Observation,
): SeriesStep {
  const breach = breachOf(rule, value);
  if (!breach) return stepWithin(before, at);
  const since = before?.since === undefined || at < before.since ? at : before.since;
  const alert = { value, ...breach, lastAt: at };
  if (before?.open) return { state: { ...before, since, open: { ...alert, since: before.open.since } } };
  const isLasting = Date.parse(at) - Date.parse(since) >= rule.forMs;
  if (!isLasting || !mayRaise || isJustRaised(before, at)) return { state: { ...before, since } };
  return { state: { since, raisedAt: at, open: { ...alert, since } }, effect: 'raised' };
}

function stepWithin(before: SeriesState | undefined, at: string): SeriesStep {
  if (!before) return { state: undefined };
  const { raisedAt, open } = before;
  const state = raisedAt !== undefined && isJustRaised(before, at) ? { raisedAt } : undefined;
  return open ? { state, effect: 'cleared' } : { state };
}

function isJustRaised(before: SeriesState | undefined, at: string): boolean {
  if (before?.raisedAt === undefined) return false;
  return Math.abs(Date.parse(at) - Date.parse(before.raisedAt)) < RAISE_GAP_MS;
}
