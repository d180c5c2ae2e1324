/**
 * When to push: a pure state machine, `(state, event, now) → state and what to do`.
 *
 *   offline ──wake, restored──▶ connecting ──batch──▶ draining ──drained──▶ live ──data──▶ connecting
 *      ▲                            │ failed              │ failed            (paused: waiting)
 *      └─────── no answer ──────────┴──────────┬──────────┘
 *                                              ├── centre's trouble ──▶ waiting ──wake, restored──▶ connecting
 *                                              └── refused ───────────▶ blocked ──wake, restored──▶ connecting
 *   any ──push asked for──▶ connecting      running ──stalled──▶ connecting, anew      any ──stop──▶ stopped
 *
 * One backoff for all of it: full jitter over 2^n seconds, at most five minutes, `Retry-After` honoured, back to the
 * start only when documents arrived. While there is no link the wait is never longer than the probe interval, nor than
 * two minutes while blocked.
 *
 * Pause reasons are a set: while there is one no push begins by itself, and with the last one removed pushing goes on.
 * A push that was asked for passes `schedule`, and no other. What is under way is not ended by a pause.
 *
 * Invariants: at most one run is under way; a machine that waits and may push has a wake ahead of it (`wakeAtMs`).
 */

import { backoffMs, RETRY_AFTER_MAX_MS } from '../link/backoff.js';

export type ControllerName = 'offline' | 'connecting' | 'draining' | 'live' | 'waiting' | 'blocked' | 'stopped';

/**
 * Why no push begins by itself: pushes come at the schedule and on request only; the node's own store cannot be
 * written; the node is stopping.
 */
export type PauseReason = 'schedule' | 'storage' | 'stopping';

/** All times are milliseconds that only ever grow: what the wall clock is set to moves no timer. */
export interface ControllerState {
  readonly name: ControllerName;
  /** When `name` last changed. */
  readonly sinceMs: number;
  /** Failures since documents last arrived. */
  readonly failures: number;
  /** New data came while a run was under way. */
  readonly dataWaiting: boolean;
  readonly pauses: ReadonlySet<PauseReason>;
  /** When the timer that was asked for goes off; undefined when there is none. */
  readonly wakeAtMs: number | undefined;
  /** The centre asked not to be asked before. */
  readonly notBeforeMs: number;
}

/** What a failed run says about the world. */
export interface RunFailure {
  linkDown: boolean;
  blocks: boolean;
  retryAfterMs: number | undefined;
}

export type ControllerEvent =
  | { type: 'started' }
  /** There is something new to push: documents, or a refused one to offer again. */
  | { type: 'data' }
  | { type: 'wake' }
  /** The link, which was away, is back. */
  | { type: 'restored' }
  /** A person, a schedule or a verb wants a push now. */
  | { type: 'asked' }
  /** The centre answered for a batch; `arrived` when it has documents now that it had not before. */
  | { type: 'batch'; arrived: boolean }
  | { type: 'drained' }
  | { type: 'failed'; failure: RunFailure }
  /** The watchdog has called off the run under way, or found the machine waiting for nothing. */
  | { type: 'stalled' }
  | { type: 'paused'; reason: PauseReason }
  | { type: 'resumed'; reason: PauseReason }
  | { type: 'stopped' };

export type ControllerEffect =
  /** A `fresh` run believes nothing that earlier ones learnt of the centre. */
  { type: 'run'; fresh: boolean } | { type: 'wakeAfter'; delayMs: number } | { type: 'cancelWake' };

export interface ControllerRules {
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

export function initialState(nowMs: number, pauses: Iterable<PauseReason> = []): ControllerState {
  return {
    ...{ name: 'waiting', sinceMs: nowMs, failures: 0, dataWaiting: false },
    ...{ pauses: new Set(pauses), wakeAtMs: undefined, notBeforeMs: nowMs },
  };
}

/** True while a run is under way. */
export function isRunning({ name }: ControllerState): boolean {
  return name === 'connecting' || name === 'draining';
}

/** True when a push that was asked for would begin, or join one. */
export function takesRequests({ name, pauses }: ControllerState): boolean {
  return name !== 'stopped' && [...pauses].every((reason) => reason === 'schedule');
}

/** The next state and what to do now. Pure but for `rules.random`. */
export function transition(
  state: ControllerState,
  event: ControllerEvent,
  nowMs: number,
  rules: ControllerRules,
): Transition {
  if (state.name === 'stopped') return stay(state);
  switch (event.type) {
    case 'stopped':
      return stop(state, nowMs);
    case 'started':
      return begin(state, nowMs);
    case 'asked':
      return isRunning(state) || !takesRequests(state) ? stay(state) : run(state, nowMs, true);
    case 'data':
      if (isRunning(state)) return stay({ ...state, dataWaiting: true });
      return state.name === 'live' ? begin(state, nowMs) : stay(state);
    case 'wake':
      return begin({ ...state, wakeAtMs: undefined }, nowMs);
    case 'restored':
      // What the centre asked for holds over an outage, too; its timer is set.
      return nowMs < state.notBeforeMs && state.wakeAtMs !== undefined ? stay(state) : begin(state, nowMs);
    case 'batch':
      if (!isRunning(state)) return stay(state);
      return stay({ ...enter(state, 'draining', nowMs), ...(event.arrived ? { failures: 0 } : {}) });
    case 'drained':
      return isRunning(state) ? drained(state, nowMs) : stay(state);
    case 'failed':
      return isRunning(state) ? failed(state, event.failure, nowMs, rules) : stay(state);
    case 'stalled':
      return stalled(state, nowMs);
    case 'paused':
      return pause(state, event.reason, nowMs);
    case 'resumed':
      return resume(state, event.reason, nowMs);
  }
}

function stay(state: ControllerState): Transition {
  return { state, effects: [] };
}

/** A push that nobody asked for. */
function begin(state: ControllerState, nowMs: number): Transition {
  return isRunning(state) || state.pauses.size > 0 ? stay(state) : run(state, nowMs, false);
}

function run(state: ControllerState, nowMs: number, fresh: boolean): Transition {
  return {
    state: { ...enter(state, 'connecting', nowMs), dataWaiting: false, wakeAtMs: undefined },
    effects: [{ type: 'cancelWake' }, { type: 'run', fresh }],
  };
}

function drained(state: ControllerState, nowMs: number): Transition {
  if (state.pauses.size > 0) return stay(enter(state, 'waiting', nowMs));
  const next = enter(state, 'live', nowMs);
  return state.dataWaiting ? run(next, nowMs, false) : stay(next);
}

function failed(state: ControllerState, failure: RunFailure, nowMs: number, rules: ControllerRules): Transition {
  const failures = state.failures + 1;
  const name = failure.linkDown ? 'offline' : failure.blocks ? 'blocked' : 'waiting';
  const askedMs = Math.min(failure.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
  const next = { ...enter(state, name, nowMs), failures, notBeforeMs: nowMs + askedMs };
  if (state.pauses.has('schedule')) return stay(next);
  const jittered = backoffMs(failures, rules.random);
  const capMs = failure.linkDown ? rules.probeIntervalMs : failure.blocks ? BLOCKED_MS : CAP_MS;
  const delayMs = Math.max(Math.min(jittered, capMs), askedMs);
  return { state: { ...next, wakeAtMs: nowMs + delayMs }, effects: [{ type: 'wakeAfter', delayMs }] };
}

function stalled(state: ControllerState, nowMs: number): Transition {
  if (!isRunning(state)) return state.pauses.size > 0 ? stay(state) : run(state, nowMs, true);
  const next = { ...state, failures: state.failures + 1 };
  return state.pauses.size > 0 ? stay(enter(next, 'waiting', nowMs)) : run(next, nowMs, true);
}

function pause(state: ControllerState, reason: PauseReason, nowMs: number): Transition {
  if (state.pauses.has(reason)) return stay(state);
  const next = { ...state, pauses: new Set([...state.pauses, reason]) };
  // A timer that is set goes on: a pause must not shorten what the centre is owed of quiet.
  return stay(state.name === 'live' ? enter(next, 'waiting', nowMs) : next);
}

function resume(state: ControllerState, reason: PauseReason, nowMs: number): Transition {
  if (!state.pauses.has(reason)) return stay(state);
  const next = { ...state, pauses: new Set([...state.pauses].filter((one) => one !== reason)) };
  return next.wakeAtMs === undefined ? begin(next, nowMs) : stay(next);
}

function stop(state: ControllerState, nowMs: number): Transition {
  const pauses = new Set<PauseReason>([...state.pauses, 'stopping']);
  const next = { ...enter(state, 'stopped', nowMs), pauses, wakeAtMs: undefined };
  return { state: next, effects: [{ type: 'cancelWake' }] };
}

function enter(state: ControllerState, name: ControllerName, nowMs: number): ControllerState {
  return state.name === name ? state : { ...state, name, sinceMs: nowMs };
}
