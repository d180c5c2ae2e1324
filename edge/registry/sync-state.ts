/**
 * When to synchronise the registry: a pure state machine, `(state, event, now) → state and what to do`.
 *
 *   idle ──asked──▶ syncing ──done──▶ live ──told, edited (+½ s)─▶ syncing        (scheduled: done ──▶ idle)
 *                     │ failed          │ waiting broke off, link down
 *                     ├── no answer ──▶ offline ──wake, restored──▶ syncing
 *                     ├── no database ─▶ absent ───10 min─────────▶ syncing
 *                     ├── refused ────▶ blocked ──wake, restored──▶ syncing
 *                     └── other ──────▶ waiting ──wake, restored──▶ syncing        any ──stopped──▶ stopped
 *
 * `live` waits for the centre to tell of changes (a long poll) and gathers edits made here for half a second. One backoff,
 * the push's: full jitter over 2^n seconds, at most five minutes, `Retry-After` honoured.
 *
 * Invariants: at most one round is under way; a machine that may synchronise by itself waits for the centre, or has a
 * wake ahead of it, or both.
 */
import { backoffMs, RETRY_AFTER_MAX_MS } from '../link/backoff.js';

export type SyncName = 'idle' | 'syncing' | 'live' | 'waiting' | 'offline' | 'blocked' | 'absent' | 'stopped';

/** All times are milliseconds that only ever grow. */
export interface SyncState {
  readonly name: SyncName;
  /** Rounds failed in a row. */
  readonly failures: number;
  /** How often in a row waiting for the centre broke off. */
  readonly brokenWaits: number;
  /** What was written here since the last round began: the node's own report alone, or edits. */
  readonly editsWaiting: 'none' | 'report' | 'edits';
  /** The centre told of changes while a round was under way. */
  readonly toldWaiting: boolean;
  /** The round under way brings or sends what goes before readings. */
  readonly isRoundUrgent: boolean;
  readonly wakeAtMs: number | undefined;
  /** The centre asked not to be asked before. */
  readonly notBeforeMs: number;
}

/** What a failed round says about the world. */
export interface SyncFailure {
  kind: 'down' | 'blocked' | 'absent' | 'other';
  retryAfterMs: number;
}

export type SyncEvent =
  | { type: 'started' }
  /** Something was written here; `isReport`: no more than the node's own report. */
  | { type: 'edited'; isReport?: boolean }
  /** The centre has told of changes. */
  | { type: 'told' }
  /** The centre has nothing to tell yet. */
  | { type: 'waited' }
  /** Waiting came to an end that makes no sense, or none at all. */
  | { type: 'waitBroke'; retryAfterMs: number }
  | { type: 'wake' }
  | { type: 'restored' }
  | { type: 'down' }
  /** A forced run. */
  | { type: 'asked' }
  /** The round has brought and sent everything; what is left of it is to look whether that is so. */
  | { type: 'exchanged' }
  | { type: 'done' }
  | { type: 'failed'; failure: SyncFailure }
  | { type: 'stopped' };

export type SyncEffect =
  /** A `fresh` round believes nothing earlier ones learnt; one that does not pull was told of everything already. */
  | { type: 'run'; fresh: boolean; pulls: boolean }
  | { type: 'wakeAfter'; delayMs: number }
  | { type: 'cancelWake' }
  /** Ask the centre to tell of changes, unless it is asked already. */
  | { type: 'wait' }
  | { type: 'endWait' };

export interface SyncRules {
  /** False: only on request. */
  live: boolean;
  /** Uniform in [0, 1). */
  random: () => number;
}

export interface SyncTransition {
  state: SyncState;
  effects: readonly SyncEffect[];
}

const GATHER_MS = 500;
const CAP_MS = 300_000;
const BLOCKED_MS = 120_000;
const ABSENT_MS = 600_000;

export function initialSyncState(): SyncState {
  const none = { failures: 0, brokenWaits: 0, editsWaiting: 'none', toldWaiting: false, isRoundUrgent: false } as const;
  return { name: 'idle', ...none, wakeAtMs: undefined, notBeforeMs: 0 };
}

/** True while something is on its way or about to be: what is less urgent should wait. A report is no more urgent. */
export function isUrgent({ name, editsWaiting, toldWaiting, isRoundUrgent }: SyncState): boolean {
  if (name === 'syncing') return isRoundUrgent || toldWaiting || editsWaiting === 'edits';
  return name === 'live' && editsWaiting === 'edits';
}

/** The next state and what to do now. Pure but for `rules.random`. */
export function syncTransition(state: SyncState, event: SyncEvent, nowMs: number, rules: SyncRules): SyncTransition {
  if (state.name === 'stopped') return stay(state);
  switch (event.type) {
    case 'started':
      return rules.live ? run(state, false, true) : stay(state);
    case 'edited':
      return edited(
        { ...state, editsWaiting: event.isReport && state.editsWaiting !== 'edits' ? 'report' : 'edits' },
        nowMs,
      );
    case 'told':
      return told({ ...state, brokenWaits: 0 });
    case 'waited':
      return { state: { ...state, brokenWaits: 0 }, effects: state.name === 'live' ? [{ type: 'wait' }] : [] };
    case 'waitBroke':
      return waitBroke(state, event.retryAfterMs, nowMs, rules);
    case 'wake':
      return woken(state);
    case 'restored':
      return restored(state, nowMs, rules);
    case 'down':
      return state.name === 'live'
        ? wait({ ...state, name: 'offline' }, CAP_MS, nowMs, [{ type: 'endWait' }])
        : stay(state);
    case 'asked':
      return state.name === 'syncing' ? stay(state) : run(state, true, true);
    case 'exchanged':
      return stay({ ...state, isRoundUrgent: false });
    case 'done':
      return state.name === 'syncing' ? done(state, nowMs, rules) : stay(state);
    case 'failed':
      return state.name === 'syncing' ? failed(state, event.failure, nowMs, rules) : stay(state);
    case 'stopped':
      return {
        state: { ...state, name: 'stopped', wakeAtMs: undefined },
        effects: [{ type: 'cancelWake' }, { type: 'endWait' }],
      };
  }
}

function stay(state: SyncState): SyncTransition {
  return { state, effects: [] };
}

function run(state: SyncState, fresh: boolean, pulls: boolean, isRoundUrgent = true): SyncTransition {
  const nothing = { editsWaiting: 'none', toldWaiting: false, wakeAtMs: undefined } as const;
  return {
    state: { ...state, ...nothing, name: 'syncing', isRoundUrgent },
    effects: [{ type: 'cancelWake' }, { type: 'run', fresh, pulls }],
  };
}

/** What a live machine wakes for is what was written here. */
function woken(state: SyncState): SyncTransition {
  if (state.name === 'syncing') return stay(state);
  return state.name === 'live' ? run(state, false, false, state.editsWaiting === 'edits') : run(state, false, true);
}

function wait(state: SyncState, delayMs: number, nowMs: number, before: readonly SyncEffect[] = []): SyncTransition {
  return { state: { ...state, wakeAtMs: nowMs + delayMs }, effects: [...before, { type: 'wakeAfter', delayMs }] };
}

/** An edit does not shorten what a failure made the machine wait for. */
function edited(state: SyncState, nowMs: number): SyncTransition {
  return state.name === 'live' && state.wakeAtMs === undefined ? wait(state, GATHER_MS, nowMs) : stay(state);
}

function told(state: SyncState): SyncTransition {
  if (state.name === 'syncing') return stay({ ...state, toldWaiting: true });
  return state.name === 'live' ? run(state, false, true) : stay(state);
}

/** Rounds go on in its place, ever more rarely, and each is followed by another attempt. */
function waitBroke(state: SyncState, retryAfterMs: number, nowMs: number, rules: SyncRules): SyncTransition {
  const next = { ...state, brokenWaits: state.brokenWaits + 1 };
  if (state.name !== 'live') return stay(next);
  const askedMs = Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
  const delayMs = Math.max(backoffMs(next.brokenWaits, rules.random), askedMs);
  return wait({ ...next, name: 'waiting', notBeforeMs: nowMs + askedMs }, delayMs, nowMs);
}

function restored(state: SyncState, nowMs: number, rules: SyncRules): SyncTransition {
  if (!rules.live || state.name === 'syncing') return stay(state);
  // What the centre asked for holds over an outage, too; its timer is set.
  return nowMs < state.notBeforeMs && state.wakeAtMs !== undefined ? stay(state) : run(state, false, true);
}

function done(state: SyncState, nowMs: number, rules: SyncRules): SyncTransition {
  const next: SyncState = { ...state, failures: 0, notBeforeMs: 0 };
  if (!rules.live) return stay({ ...next, name: 'idle' });
  if (next.toldWaiting) return run(next, false, true);
  const live: SyncState = { ...next, name: 'live' };
  return next.editsWaiting !== 'none'
    ? wait(live, GATHER_MS, nowMs, [{ type: 'wait' }])
    : { state: live, effects: [{ type: 'wait' }] };
}

function failed(
  state: SyncState,
  { kind, retryAfterMs }: SyncFailure,
  nowMs: number,
  rules: SyncRules,
): SyncTransition {
  const failures = state.failures + 1;
  const askedMs = Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
  const name = kind === 'down' ? 'offline' : kind === 'other' ? 'waiting' : kind;
  const next = { ...state, name, failures, notBeforeMs: nowMs + askedMs } as const;
  if (!rules.live) return stay({ ...next, editsWaiting: 'none' });
  const capMs = kind === 'blocked' ? BLOCKED_MS : CAP_MS;
  const delayMs = kind === 'absent' ? ABSENT_MS : Math.min(backoffMs(failures, rules.random), capMs);
  return wait(next, Math.max(delayMs, askedMs), nowMs, [{ type: 'endWait' }]);
}
