import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  backoffMs,
  type ControllerEvent,
  type ControllerName,
  type ControllerRules,
  type ControllerState,
  initialState,
  isRunning,
  transition,
} from '../../../edge/push/controller-state.js';

const NOW_MS = 1_000_000;
const LIVE: ControllerRules = { live: true, probeIntervalMs: 30_000, random: () => 0.5 };
const SCHEDULED: ControllerRules = { ...LIVE, live: false };

/** Every event, `failed` once for each kind of failure. */
const EVENTS = {
  started: { type: 'started' },
  data: { type: 'data' },
  wake: { type: 'wake' },
  asked: { type: 'asked' },
  batch: { type: 'batch' },
  drained: { type: 'drained' },
  stopped: { type: 'stopped' },
  failedLink: { type: 'failed', failure: { linkDown: true, blocks: false, retryAfterMs: undefined } },
  failedCentre: { type: 'failed', failure: { linkDown: false, blocks: false, retryAfterMs: undefined } },
  failedRefused: { type: 'failed', failure: { linkDown: false, blocks: true, retryAfterMs: undefined } },
} as const satisfies Record<string, ControllerEvent>;

type EventName = keyof typeof EVENTS;
type Untested = Exclude<ControllerEvent['type'], (typeof EVENTS)[EventName]['type']>;
/** Does not compile when an event of the machine is missing above. */
const noneUntested: Untested extends never ? true : never = true;

/** For each state what each event leads to: the next state, and the effects in order. */
type Table = Record<ControllerName, Record<EventName, string>>;

const RUN = 'connecting: cancelWake run';
const FAILURES = {
  failedLink: 'offline: wakeAfter',
  failedCentre: 'waiting: wakeAfter',
  failedRefused: 'blocked: wakeAfter',
};
const ENDS = { batch: 'draining:', drained: 'live:', stopped: 'stopped: cancelWake', ...FAILURES };
const STOPPED: Record<EventName, string> = {
  ...{ started: 'stopped:', data: 'stopped:', wake: 'stopped:', asked: 'stopped:', batch: 'stopped:' },
  ...{ drained: 'stopped:', stopped: 'stopped:' },
  ...{ failedLink: 'stopped:', failedCentre: 'stopped:', failedRefused: 'stopped:' },
};

const WHEN_LIVE: Table = {
  waiting: { started: RUN, data: 'waiting:', wake: RUN, asked: RUN, ...ENDS },
  offline: { started: RUN, data: 'offline:', wake: RUN, asked: RUN, ...ENDS },
  blocked: { started: RUN, data: 'blocked:', wake: RUN, asked: RUN, ...ENDS },
  live: { started: RUN, data: RUN, wake: RUN, asked: RUN, ...ENDS },
  connecting: { started: RUN, data: 'connecting:', wake: 'connecting:', asked: 'connecting:', ...ENDS },
  draining: { started: RUN, data: 'draining:', wake: 'draining:', asked: 'draining:', ...ENDS },
  stopped: STOPPED,
};

const QUIET_ENDS = {
  ...{ batch: 'draining:', drained: 'waiting:', stopped: 'stopped: cancelWake' },
  ...{ failedLink: 'offline:', failedCentre: 'waiting:', failedRefused: 'blocked:' },
};
const WHEN_SCHEDULED: Table = {
  waiting: { started: 'waiting:', data: 'waiting:', wake: 'waiting:', asked: RUN, ...QUIET_ENDS },
  offline: { started: 'offline:', data: 'offline:', wake: 'offline:', asked: RUN, ...QUIET_ENDS },
  blocked: { started: 'blocked:', data: 'blocked:', wake: 'blocked:', asked: RUN, ...QUIET_ENDS },
  // `live` is not entered without the live mode; leaving it is defined all the same.
  live: { started: 'live:', data: RUN, wake: 'live:', asked: RUN, ...QUIET_ENDS },
  connecting: {
    ...{ started: 'connecting:', data: 'connecting:', wake: 'connecting:', asked: 'connecting:' },
    ...QUIET_ENDS,
  },
  draining: { started: 'draining:', data: 'draining:', wake: 'draining:', asked: 'draining:', ...QUIET_ENDS },
  stopped: STOPPED,
};

function stateNamed(name: ControllerName, changes: Partial<ControllerState> = {}): ControllerState {
  return { ...initialState(0), name, ...changes };
}

function failure(changes: Partial<Extract<ControllerEvent, { type: 'failed' }>['failure']> = {}): ControllerEvent {
  return { type: 'failed', failure: { linkDown: false, blocks: false, retryAfterMs: undefined, ...changes } };
}

/** The delay a transition asks for; undefined when it asks for none. */
function delayAfter(state: ControllerState, event: ControllerEvent, rules: ControllerRules): number | undefined {
  const wake = transition(state, event, NOW_MS, rules).effects.find((effect) => effect.type === 'wakeAfter');
  return wake?.type === 'wakeAfter' ? wake.delayMs : undefined;
}

const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyFailures = fc.integer({ min: 0, max: 10_000 });

describe('the state machine of the push', () => {
  for (const [mode, rules, table] of [
    ['live', LIVE, WHEN_LIVE],
    ['scheduled', SCHEDULED, WHEN_SCHEDULED],
  ] as const) {
    for (const [name, row] of Object.entries(table) as [ControllerName, Record<EventName, string>][]) {
      it(`${mode}, ${name}: knows what each event means`, () => {
        expect(noneUntested).to.equal(true);
        for (const [eventName, expected] of Object.entries(row) as [EventName, string][]) {
          const { state, effects } = transition(stateNamed(name), EVENTS[eventName], NOW_MS, rules);
          const effectNames = effects.map((effect) => ` ${effect.type}`).join('');
          expect(`${state.name}:${effectNames}`, `${name} on ${eventName}`).to.equal(expected);
          expect(state.sinceMs, `${name} on ${eventName}`).to.equal(state.name === name ? 0 : NOW_MS);
        }
      });
    }
  }

  it('runs again at once for data that came during a run, and only for that', () => {
    for (const name of ['connecting', 'draining'] as const) {
      const busy = transition(stateNamed(name), { type: 'data' }, NOW_MS, LIVE).state;
      const again = transition(busy, { type: 'drained' }, NOW_MS, LIVE);
      expect(again.effects.map(({ type }) => type)).to.deep.equal(['cancelWake', 'run']);
      expect(again.state.dataWaiting).to.equal(false);
      expect(transition(again.state, { type: 'drained' }, NOW_MS, LIVE).effects).to.deep.equal([]);
    }
  });

  it('never has two runs under way, whatever happens in whatever order', () => {
    const anyEvent = fc.constantFrom(...(Object.keys(EVENTS) as EventName[]).filter((name) => name !== 'started'));
    const check = (names: EventName[], live: boolean) => {
      let state = initialState(0);
      let running = false;
      for (const name of names) {
        // These are heard of while a run is under way and at no other time.
        const endsRun = name === 'drained' || name.startsWith('failed');
        if ((endsRun || name === 'batch') && !running) continue;
        if (endsRun) running = false;
        const { state: next, effects } = transition(state, EVENTS[name], NOW_MS, live ? LIVE : SCHEDULED);
        for (const effect of effects) {
          if (effect.type !== 'run') continue;
          expect(running, `a second run after ${names.join(', ')}`).to.equal(false);
          running = true;
        }
        state = next;
        if (state.name !== 'stopped') expect(isRunning(state)).to.equal(running);
      }
    };
    fc.assert(fc.property(fc.array(anyEvent, { maxLength: 40 }), fc.boolean(), check));
  });

  it('counts failures until documents arrive or nothing is pending, and through nothing else', () => {
    const check = (failures: number, name: ControllerName, event: EventName) => {
      const after = transition(stateNamed(name, { failures }), EVENTS[event], NOW_MS, LIVE).state.failures;
      if (name === 'stopped') expect(after).to.equal(failures);
      else if (event === 'batch' || event === 'drained') expect(after).to.equal(0);
      else expect(after).to.equal(event.startsWith('failed') ? failures + 1 : failures);
    };
    const names = fc.constantFrom(...(Object.keys(WHEN_LIVE) as ControllerName[]));
    fc.assert(fc.property(anyFailures, names, fc.constantFrom(...(Object.keys(EVENTS) as EventName[])), check));
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
      const rules = { ...LIVE, probeIntervalMs, random: () => share };
      const delayMs = delayAfter(stateNamed('connecting', { failures }), failure({ linkDown: true }), rules);
      expect(delayMs).to.be.at.least(0).and.at.most(probeIntervalMs);
    };
    fc.assert(fc.property(anyFailures, anyRandom, fc.integer({ min: 100, max: 3_600_000 }), check));
  });

  it('while blocked tries at least every two minutes', () => {
    const check = (failures: number, share: number) => {
      const rules = { ...LIVE, random: () => share };
      expect(delayAfter(stateNamed('draining', { failures }), failure({ blocks: true }), rules)).to.be.at.most(120_000);
    };
    fc.assert(fc.property(anyFailures, anyRandom, check));
  });

  it('honours Retry-After in every kind of failure, up to an hour', () => {
    const check = (failures: number, share: number, retryAfterMs: number, linkDown: boolean, blocks: boolean) => {
      const event = failure({ linkDown, blocks, retryAfterMs });
      const delayMs = delayAfter(stateNamed('draining', { failures }), event, { ...LIVE, random: () => share });
      expect(delayMs).to.be.at.least(Math.min(retryAfterMs, 3_600_000)).and.at.most(3_600_000);
    };
    const anyDelay = fc.integer({ min: 1, max: 100_000_000 });
    fc.assert(fc.property(anyFailures, anyRandom, anyDelay, fc.boolean(), fc.boolean(), check));
  });
});
