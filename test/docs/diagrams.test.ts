import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  type ControllerEvent,
  type ControllerState,
  initialState,
  transition,
} from '../../edge/push/controller-state.js';
import {
  initialSyncState,
  type SyncEvent,
  type SyncFailure,
  type SyncState,
  syncTransition,
} from '../../edge/registry/sync-state.js';
import { page } from './markdown.js';

const DIAGRAMS = page('docs/diagrams.md');
const NOW_MS = 1_000_000;

/** From one state to another, with the events that lead there. */
type Arrows = Record<string, string[]>;

interface Machine<State> {
  initial: State;
  /** Events by the name the diagram gives them. */
  events: Record<string, (state: State) => { state: State; begins: boolean }>;
  nameOf: (state: State) => string;
  /** States of which this is the same go on in the same way. */
  keyOf: (state: State) => string;
}

/** Every arrow there is, found by walking through all states that can be reached. */
function arrowsOf<State>({ initial, events, nameOf, keyOf }: Machine<State>, arrows: Map<string, Set<string>>): void {
  const seen = new Set<string>();
  const open = [initial];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (seen.has(keyOf(state))) continue;
    seen.add(keyOf(state));
    for (const [event, step] of Object.entries(events)) {
      const next = step(state);
      open.push(next.state);
      if (nameOf(next.state) === nameOf(state) && !next.begins) continue;
      const arrow = `${nameOf(state)} --> ${nameOf(next.state)}`;
      arrows.set(arrow, (arrows.get(arrow) ?? new Set()).add(event));
    }
  }
}

function sorted(arrows: Map<string, Set<string>>): Arrows {
  return Object.fromEntries([...arrows].map(([arrow, events]) => [arrow, [...events].sort()] as const).sort());
}

function drawn(machineFile: string): Arrows {
  const [, diagram = ''] = DIAGRAMS.text.split(`<!-- states: ${machineFile} -->`)[1]?.split('```') ?? [];
  const lines = [...diagram.matchAll(/^ *(\w+ --> \w+): (.+)$/gm)];
  return Object.fromEntries(
    lines.map(([, arrow = '', events = '']) => [arrow, events.split(', ').sort()] as const).sort(),
  );
}

describe('The diagrams', () => {
  it('draw every arrow of the push controller, and no other', () => {
    const rules = { probeIntervalMs: 30_000, random: () => 0.5 };
    const failed = (linkDown: boolean, blocks: boolean): ControllerEvent => {
      return { type: 'failed', failure: { linkDown, blocks, retryAfterMs: undefined } };
    };
    const plain = ['started', 'data', 'wake', 'restored', 'asked', 'drained', 'stalled'] as const;
    const given: Record<string, ControllerEvent> = {
      ...Object.fromEntries(plain.map((type) => [type, { type }])),
      batch: { type: 'batch', arrived: true },
      paused: { type: 'paused', reason: 'storage' },
      resumed: { type: 'resumed', reason: 'storage' },
      'no answer': failed(true, false),
      refused: failed(false, true),
      trouble: failed(false, false),
    };
    const steps = Object.entries(given).map(([name, event]) => {
      const step = (state: ControllerState) => {
        const next = transition(state, event, NOW_MS, rules);
        return { state: next.state, begins: next.effects.some(({ type }) => type === 'run') };
      };
      return [name, step] as const;
    });
    const arrows = new Map<string, Set<string>>();
    const keyOf = ({ name, dataWaiting, pauses, wakeAtMs, failures }: ControllerState) =>
      [name, dataWaiting, [...pauses].sort(), wakeAtMs !== undefined, Math.min(failures, 2)].join();
    arrowsOf(
      { initial: initialState(0), events: Object.fromEntries(steps), nameOf: ({ name }) => name, keyOf },
      arrows,
    );
    expect(drawn('edge/push/controller-state.ts')).to.deep.equal(sorted(arrows));
  });

  it('draw every arrow of the registry’s synchronisation, and no other', () => {
    const failed = (kind: SyncFailure['kind']): SyncEvent => ({ type: 'failed', failure: { kind, retryAfterMs: 0 } });
    const plain = [
      'started',
      'edited',
      'told',
      'waited',
      'wake',
      'restored',
      'down',
      'asked',
      'exchanged',
      'done',
    ] as const;
    const given: Record<string, SyncEvent> = {
      ...Object.fromEntries(plain.map((type) => [type, { type }])),
      waitBroke: { type: 'waitBroke', retryAfterMs: 0 },
      'no answer': failed('down'),
      refused: failed('blocked'),
      'no database': failed('absent'),
      trouble: failed('other'),
    };
    const arrows = new Map<string, Set<string>>();
    for (const live of [true, false]) {
      const steps = Object.entries(given).map(([name, event]) => {
        const step = (state: SyncState) => {
          return { state: syncTransition(state, event, NOW_MS, { live, random: () => 0.5 }).state, begins: false };
        };
        return [name, step] as const;
      });
      const keyOf = ({ name, editsWaiting, toldWaiting, wakeAtMs, failures, brokenWaits }: SyncState) => {
        const counts = [failures, brokenWaits].map((count) => Math.min(count, 2));
        return [name, editsWaiting, toldWaiting, wakeAtMs !== undefined, ...counts].join();
      };
      const machine = { initial: initialSyncState(), events: Object.fromEntries(steps) };
      arrowsOf({ ...machine, nameOf: ({ name }) => name, keyOf }, arrows);
    }
    expect(drawn('edge/registry/sync-state.ts')).to.deep.equal(sorted(arrows));
  });
});
