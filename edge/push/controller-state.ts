/**
 * When to push: a pure state machine, `(state, event, now) → state and what to do`.
 *
 *   offline ──wake──▶ connecting ──batch──▶ draining ──drained──▶ live ──data──▶ connecting
 *      ▲                  │ failed              │ failed            (scheduled: waiting)
 *      └── no answer ─────┴──────────┬──────────┘
 *                                    ├── centre's trouble ──▶ waiting ──wake──▶ connecting
 *                                    └── refused ───────────▶ blocked ──wake──▶ connecting
 *   any ──push asked for──▶ connecting        any ──stop──▶ stopped
 *
 * One backoff for all of it: full jitter over 2^n seconds, at most five minutes, `Retry-After` honoured, back to the
 * start only when documents arrived. While there is no link the wait is never longer than the probe interval, nor than
 * two minutes while blocked.
 */

export type ControllerName = 'offline' | 'connecting' | 'draining' | 'live' | 'waiting' | 'blocked' | 'stopped';

export interface ControllerState {
  readonly name: ControllerName;
  /** Milliseconds since 1970 when `name` last changed. */
  readonly sinceMs: number;
  /** Failures since documents last arrived. */
  readonly failures: number;
  /** New data came while a run was under way. */
  readonly dataWaiting: boolean;
}

/** What a failed run says about the world. */
export interface RunFailure {
  linkDown: boolean;
  blocks: boolean;
  retryAfterMs: number | undefined;
}

export type ControllerEvent =
  | { type: 'started' }
  | { type: 'data' }
  | { type: 'wake' }
  /** A person, a schedule or a verb wants a push now. */
  | { type: 'asked' }
  | { type: 'batch' }
  | { type: 'drained' }
  | { type: 'failed'; failure: RunFailure }
  | { type: 'stopped' };

export type ControllerEffect = { type: 'run' } | { type: 'wakeAfter'; delayMs: number } | { type: 'cancelWake' };

export interface ControllerRules {
  /** Push whenever there is something to push. */
  live: boolean;
  probeIntervalMs: number;
  /** Uniform in [0, 1). */
  random: () => number;
}

export interface Transition {
  state: ControllerState;
  effects: readonly ControllerEffect[];
}

const CAP_MS = 300_000;
const BLOCKED_MS = 120_000;
/** A centre that asks for more than this is not believed. */
const RETRY_AFTER_MAX_MS = 3_600_000;

export function initialState(nowMs: number): ControllerState {
  return { name: 'waiting', sinceMs: nowMs, failures: 0, dataWaiting: false };
}

/** True while a run is under way. */
export function isRunning(state: ControllerState): boolean {
  return state.name === 'connecting' || state.name === 'draining';
}

/** The next state and what to do now. Pure but for `rules.random`. */
export function transition(
  state: ControllerState,
  event: ControllerEvent,
  nowMs: number,
  rules: ControllerRules,
): Transition {
  if (state.name === 'stopped') return { state, effects: [] };
  switch (event.type) {
    case 'stopped':
      return { state: enter(state, 'stopped', nowMs), effects: [{ type: 'cancelWake' }] };
    case 'started':
      return rules.live ? run(state, nowMs) : { state, effects: [] };
    case 'asked':
      return isRunning(state) ? { state, effects: [] } : run(state, nowMs);
    case 'data':
      if (isRunning(state)) return { state: { ...state, dataWaiting: true }, effects: [] };
      return state.name === 'live' ? run(state, nowMs) : { state, effects: [] };
    case 'wake':
      return isRunning(state) || !rules.live ? { state, effects: [] } : run(state, nowMs);
    case 'batch':
      return { state: { ...enter(state, 'draining', nowMs), failures: 0 }, effects: [] };
    case 'drained':
      return drained(state, nowMs, rules);
    case 'failed':
      return failed(state, event.failure, nowMs, rules);
  }
}

/** Milliseconds to wait after the n-th failure (from 1): full jitter over 2^n seconds, capped. */
export function backoffMs(failures: number, random: () => number): number {
  return Math.round(random() * Math.min(CAP_MS, 2 ** Math.min(failures, 20) * 1000));
}

function run(state: ControllerState, nowMs: number): Transition {
  return {
    state: { ...enter(state, 'connecting', nowMs), dataWaiting: false },
    effects: [{ type: 'cancelWake' }, { type: 'run' }],
  };
}

function drained(state: ControllerState, nowMs: number, rules: ControllerRules): Transition {
  const next = { ...enter(state, rules.live ? 'live' : 'waiting', nowMs), failures: 0 };
  return rules.live && state.dataWaiting ? run(next, nowMs) : { state: next, effects: [] };
}

function failed(state: ControllerState, failure: RunFailure, nowMs: number, rules: ControllerRules): Transition {
  const failures = state.failures + 1;
  const name = failure.linkDown ? 'offline' : failure.blocks ? 'blocked' : 'waiting';
  const next = { ...enter(state, name, nowMs), failures };
  if (!rules.live) return { state: next, effects: [] };
  const jittered = backoffMs(failures, rules.random);
  const capMs = failure.linkDown ? rules.probeIntervalMs : failure.blocks ? BLOCKED_MS : CAP_MS;
  const delayMs = Math.max(Math.min(jittered, capMs), Math.min(failure.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS));
  return { state: next, effects: [{ type: 'wakeAfter', delayMs }] };
}

function enter(state: ControllerState, name: ControllerName, nowMs: number): ControllerState {
  return state.name === name ? state : { ...state, name, sinceMs: nowMs };
}
