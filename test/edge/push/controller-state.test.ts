import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { backoffMs } from '../../../edge/link/backoff.js';
import {
  type ControllerEvent,
  type ControllerName,
  type ControllerRules,
  type ControllerState,
  initialState,
  isRunning,
  type PauseReason,
  transition,
} from '../../../edge/push/controller-state.js';

const NOW_MS = 1_000_000;
const RULES: ControllerRules = { probeIntervalMs: 30_000, random: () => 0.5 };

/** Every event, some of them in each of their kinds. */
const EVENTS = {
  started: { type: 'started' },
  data: { type: 'data' },
  wake: { type: 'wake' },
  restored: { type: 'restored' },
  asked: { type: 'asked' },
  arrived: { type: 'batch', arrived: true },
  heldAlready: { type: 'batch', arrived: false },
  drained: { type: 'drained' },
  failedLink: { type: 'failed', failure: { linkDown: true, blocks: false, retryAfterMs: undefined } },
  failedCentre: { type: 'failed', failure: { linkDown: false, blocks: false, retryAfterMs: undefined } },
  failedRefused: { type: 'failed', failure: { linkDown: false, blocks: true, retryAfterMs: undefined } },
  stalled: { type: 'stalled' },
  paused: { type: 'paused', reason: 'storage' },
  resumed: { type: 'resumed', reason: 'storage' },
  stopped: { type: 'stopped' },
} as const satisfies Record<string, ControllerEvent>;

type EventName = keyof typeof EVENTS;
type Untested = Exclude<ControllerEvent['type'], (typeof EVENTS)[EventName]['type']>;
/** Does not compile when an event of the machine is missing above. */
const noneUntested: Untested extends never ? true : never = true;

/** What each event leads to: the next state, and the effects in order. */
type Row = Record<EventName, string>;
/** Does not compile when a state of the machine is missing. */
type Table = Record<ControllerName, Row>;

const RUN = 'connecting: cancelWake run';
const FRESH = 'connecting: cancelWake freshRun';
const STOP = 'stopped: cancelWake';
/** What is heard of a run tells nothing where none is under way. */
const NO_RUN = (name: ControllerName) => ({
  ...{ arrived: `${name}:`, heldAlready: `${name}:`, drained: `${name}:` },
  ...{ failedLink: `${name}:`, failedCentre: `${name}:`, failedRefused: `${name}:` },
});
const RUN_ENDS = {
  ...{ arrived: 'draining:', heldAlready: 'draining:' },
  ...{ failedLink: 'offline: wakeAfter', failedCentre: 'waiting: wakeAfter', failedRefused: 'blocked: wakeAfter' },
};

const waiting = (name: ControllerName): Row => ({
  ...{ started: RUN, data: `${name}:`, wake: RUN, restored: RUN, asked: FRESH, stalled: FRESH },
  ...NO_RUN(name),
  ...{ paused: `${name}:`, resumed: `${name}:`, stopped: STOP },
});
const running = (name: ControllerName): Row => ({
  ...{ started: `${name}:`, data: `${name}:`, wake: `${name}:`, restored: `${name}:`, asked: `${name}:` },
  ...RUN_ENDS,
  ...{ drained: 'live:', stalled: FRESH, paused: `${name}:`, resumed: `${name}:`, stopped: STOP },
});
const STOPPED: Row = {
  ...{ started: 'stopped:', data: 'stopped:', wake: 'stopped:', restored: 'stopped:', asked: 'stopped:' },
  ...NO_RUN('stopped'),
  ...{ stalled: 'stopped:', paused: 'stopped:', resumed: 'stopped:', stopped: 'stopped:' },
};

const UNPAUSED: Table = {
  waiting: waiting('waiting'),
  offline: waiting('offline'),
  blocked: waiting('blocked'),
  live: { ...waiting('live'), data: RUN, paused: 'waiting:' },
  connecting: running('connecting'),
  draining: { ...running('draining'), heldAlready: 'draining:' },
  stopped: STOPPED,
};

const quiet = (name: ControllerName): Row => ({
  ...waiting(name),
  ...{ started: `${name}:`, data: `${name}:`, wake: `${name}:`, restored: `${name}:`, stalled: `${name}:` },
});
const runningQuietly = (name: ControllerName): Row => ({
  ...running(name),
  ...{ drained: 'waiting:', stalled: 'waiting:' },
});
const QUIET: Table = {
  waiting: quiet('waiting'),
  offline: quiet('offline'),
  blocked: quiet('blocked'),
  // Not entered while paused; leaving it is defined all the same.
  live: { ...quiet('live'), paused: 'waiting:' },
  connecting: runningQuietly('connecting'),
  draining: runningQuietly('draining'),
  stopped: STOPPED,
};
const FAILED_QUIETLY = { failedLink: 'offline:', failedCentre: 'waiting:', failedRefused: 'blocked:' };
const SCHEDULED: Table = {
  ...QUIET,
  connecting: { ...QUIET.connecting, ...FAILED_QUIETLY },
  draining: { ...QUIET.draining, ...FAILED_QUIETLY },
};
const withoutRequests = (row: Row, name: ControllerName, resumed: string): Row => ({
  ...row,
  ...{ asked: `${name}:`, paused: `${name}:`, resumed },
});
const STORAGE: Table = {
  waiting: withoutRequests(QUIET.waiting, 'waiting', RUN),
  offline: withoutRequests(QUIET.offline, 'offline', RUN),
  blocked: withoutRequests(QUIET.blocked, 'blocked', RUN),
  live: withoutRequests(QUIET.live, 'live', RUN),
  connecting: withoutRequests(QUIET.connecting, 'connecting', 'connecting:'),
  draining: withoutRequests(QUIET.draining, 'draining', 'draining:'),
  stopped: STOPPED,
};

function stateNamed(name: ControllerName, changes: Partial<ControllerState> = {}): ControllerState {
  return { ...initialState(0), name, ...changes };
}

function failure(changes: Partial<Extract<ControllerEvent, { type: 'failed' }>['failure']> = {}): ControllerEvent {
  return { type: 'failed', failure: { linkDown: false, blocks: false, retryAfterMs: undefined, ...changes } };
}

function reached(events: readonly ControllerEvent[], from: ControllerState, nowMs = NOW_MS): ControllerState {
  return events.reduce((state, event) => transition(state, event, nowMs, RULES).state, from);
}

/** The delay a transition asks for; undefined when it asks for none. */
function delayAfter(state: ControllerState, event: ControllerEvent, rules: ControllerRules): number | undefined {
  const wake = transition(state, event, NOW_MS, rules).effects.find((effect) => effect.type === 'wakeAfter');
  return wake?.type === 'wakeAfter' ? wake.delayMs : undefined;
}

const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyFailures = fc.integer({ min: 0, max: 10_000 });

describe('the state machine of the push', () => {
  for (const [mode, pauses, table] of [
    ['not paused', [], UNPAUSED],
    ['paused for the schedule', ['schedule'], SCHEDULED],
    ['paused for the storage', ['storage'], STORAGE],
  ] as const) {
    for (const [name, row] of Object.entries(table) as [ControllerName, Row][]) {
      it(`${mode}, ${name}: knows what each event means`, () => {
        expect(noneUntested).to.equal(true);
        for (const [eventName, expected] of Object.entries(row) as [EventName, string][]) {
          const before = stateNamed(name, { pauses: new Set<PauseReason>(pauses) });
          const { state, effects } = transition(before, EVENTS[eventName], NOW_MS, RULES);
          const effectNames = effects.map((effect) =>
            effect.type === 'run' && effect.fresh ? ' freshRun' : ` ${effect.type}`,
          );
          expect(`${state.name}:${effectNames.join('')}`, `${name} on ${eventName}`).to.equal(expected);
          expect(state.sinceMs, `${name} on ${eventName}`).to.equal(state.name === name ? 0 : NOW_MS);
        }
      });
    }
  }

  it('runs again at once for data that came during a run, and only for that', () => {
    for (const name of ['connecting', 'draining'] as const) {
      const busy = transition(stateNamed(name), { type: 'data' }, NOW_MS, RULES).state;
      const again = transition(busy, { type: 'drained' }, NOW_MS, RULES);
      expect(again.effects.map(({ type }) => type)).to.deep.equal(['cancelWake', 'run']);
      expect(again.state.dataWaiting).to.equal(false);
      expect(transition(again.state, { type: 'drained' }, NOW_MS, RULES).effects).to.deep.equal([]);
    }
  });

  it('never has two runs under way, and never waits without a timer, whatever happens in whatever order', () => {
    const anyEvent = fc.constantFrom(...(Object.keys(EVENTS) as EventName[]));
    const check = (names: EventName[], scheduled: boolean) => {
      let state = initialState(0, scheduled ? ['schedule'] : []);
      let running = false;
      for (const name of ['started' as const, ...names]) {
        // These are heard of while a run is under way and at no other time.
        const endsRun = name === 'drained' || name.startsWith('failed') || name === 'stalled';
        if (endsRun && !running) continue;
        if (endsRun) running = false;
        const { state: next, effects } = transition(state, EVENTS[name], NOW_MS, RULES);
        for (const effect of effects) {
          if (effect.type !== 'run') continue;
          expect(running, `a second run after ${names.join(', ')}`).to.equal(false);
          running = true;
        }
        state = next;
        if (state.name === 'stopped') return;
        expect(isRunning(state)).to.equal(running);
        const isIdle = running || state.name === 'live' || state.pauses.size > 0;
        expect(isIdle || state.wakeAtMs !== undefined, `waits for nothing after ${names.join(', ')}`).to.equal(true);
      }
    };
    fc.assert(fc.property(fc.array(anyEvent, { maxLength: 40 }), fc.boolean(), check));
  });

  it('counts failures until documents arrive, and through nothing else', () => {
    const check = (failures: number, name: ControllerName, event: EventName) => {
      const next = transition(stateNamed(name, { failures }), EVENTS[event], NOW_MS, RULES).state.failures;
      const runs = name === 'connecting' || name === 'draining';
      if (runs && event === 'arrived') expect(next).to.equal(0);
      else if (runs && (event.startsWith('failed') || event === 'stalled')) expect(next).to.equal(failures + 1);
      else expect(next).to.equal(failures);
    };
    const names = fc.constantFrom(...(Object.keys(UNPAUSED) as ControllerName[]));
    fc.assert(fc.property(anyFailures, names, fc.constantFrom(...(Object.keys(EVENTS) as EventName[])), check));
  });
});

describe('the pause reasons of the push', () => {
  const paused = (reason: PauseReason): ControllerEvent => ({ type: 'paused', reason });
  const resumed = (reason: PauseReason): ControllerEvent => ({ type: 'resumed', reason });

  it('are a set: one that is added twice and removed once is gone', () => {
    const state = reached([paused('storage'), paused('storage'), resumed('storage')], stateNamed('live'));
    expect([...state.pauses]).to.deep.equal([]);
    expect(state.name).to.equal('connecting');
  });

  it('keep pushes back until the last of them has gone', () => {
    const both = reached([paused('storage'), paused('schedule')], stateNamed('live'));
    expect(reached([{ type: 'data' }, { type: 'wake' }, { type: 'restored' }], both).name).to.equal('waiting');
    const one = reached([resumed('schedule')], both);
    expect([one.name, [...one.pauses]]).to.deep.equal(['waiting', ['storage']]);
    expect(reached([resumed('storage')], one).name).to.equal('connecting');
  });

  it('let a push that was asked for pass the schedule, but not the storage nor the stopping', () => {
    const name = (...pauses: PauseReason[]) =>
      reached([{ type: 'asked' }], stateNamed('waiting', { pauses: new Set(pauses) })).name;
    expect([name('schedule'), name('storage'), name('schedule', 'storage'), name('stopping')]).to.deep.equal([
      'connecting',
      'waiting',
      'waiting',
      'waiting',
    ]);
  });

  it('do not shorten the wait a failing centre is owed, nor lose the wake that fell due meanwhile', () => {
    const refused = reached([failure({ retryAfterMs: 60_000 })], stateNamed('connecting'));
    const over = reached([paused('storage'), resumed('storage')], refused);
    expect([over.name, over.wakeAtMs]).to.deep.equal(['waiting', NOW_MS + 60_000]);
    const due = reached([paused('storage'), { type: 'wake' }], refused);
    expect(due.name).to.equal('waiting');
    expect(reached([resumed('storage')], due).name).to.equal('connecting');
  });

  it('say that the node is stopping once it is', () => {
    expect([...reached([{ type: 'stopped' }], stateNamed('live')).pauses]).to.deep.equal(['stopping']);
  });
});

describe('a link that is restored', () => {
  it('has data pushed at once, unless the centre asked to be left alone', () => {
    const away = reached([failure({ linkDown: true })], stateNamed('connecting'));
    expect(reached([{ type: 'restored' }], away).name).to.equal('connecting');
    const asked = reached([failure({ linkDown: true, retryAfterMs: 60_000 })], stateNamed('connecting'));
    expect(reached([{ type: 'restored' }], asked, NOW_MS + 59_000).name).to.equal('offline');
    expect(reached([{ type: 'restored' }], asked, NOW_MS + 61_000).name).to.equal('connecting');
  });
});

describe('the backoff of the push', () => {
  it('spreads over the whole of 2^n seconds and never passes five minutes', () => {
    const check = (failures: number, share: number) => {
      const limitMs = Math.min(300_000, 2 ** Math.min(failures, 30) * 1000);
      const delayMs = backoffMs(failures, () => share);
      expect(delayMs).to.be.at.least(0).and.at.most(limitMs);
      expect(delayMs).to.be.closeTo(share * limitMs, 1);
    };
    fc.assert(fc.property(anyFailures, anyRandom, check));
    expect([1, 2, 3, 8, 9, 5000].map((failures) => backoffMs(failures, () => 1))).to.deep.equal([
      2_000, 4_000, 8_000, 256_000, 300_000, 300_000,
    ]);
  });

  it('without a link never waits longer than the probe interval', () => {
    const check = (failures: number, share: number, probeIntervalMs: number) => {
      const rules = { ...RULES, probeIntervalMs, random: () => share };
      const delayMs = delayAfter(stateNamed('connecting', { failures }), failure({ linkDown: true }), rules);
      expect(delayMs).to.be.at.least(0).and.at.most(probeIntervalMs);
    };
    fc.assert(fc.property(anyFailures, anyRandom, fc.integer({ min: 100, max: 3_600_000 }), check));
  });

  it('while blocked tries at least every two minutes', () => {
    const check = (failures: number, share: number) => {
      const rules = { ...RULES, random: () => share };
      expect(delayAfter(stateNamed('draining', { failures }), failure({ blocks: true }), rules)).to.be.at.most(120_000);
    };
    fc.assert(fc.property(anyFailures, anyRandom, check));
  });

  it('honours Retry-After in every kind of failure, up to an hour', () => {
    const check = (failures: number, share: number, retryAfterMs: number, linkDown: boolean, blocks: boolean) => {
      const event = failure({ linkDown, blocks, retryAfterMs });
      const delayMs = delayAfter(stateNamed('draining', { failures }), event, { ...RULES, random: () => share });
      expect(delayMs).to.be.at.least(Math.min(retryAfterMs, 3_600_000)).and.at.most(3_600_000);
    };
    const anyDelay = fc.integer({ min: 1, max: 100_000_000 });
    fc.assert(fc.property(anyFailures, anyRandom, anyDelay, fc.boolean(), fc.boolean(), check));
  });
});
