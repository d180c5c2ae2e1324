import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  initialSyncState,
  isUrgent,
  type SyncEffect,
  type SyncEvent,
  type SyncRules,
  type SyncState,
  syncTransition,
} from '../../../edge/registry/sync-state.js';

const LIVE: SyncRules = { live: true, random: () => 0.5 };
const ON_REQUEST: SyncRules = { live: false, random: () => 0.5 };

/** Plays events one after the other, each a minute after the one before. */
function play(events: readonly SyncEvent[], rules = LIVE): { state: SyncState; effects: readonly SyncEffect[] } {
  let state = initialSyncState();
  let effects: readonly SyncEffect[] = [];
  events.forEach((event, index) => {
    ({ state, effects } = syncTransition(state, event, index * 60_000, rules));
  });
  return { state, effects };
}

function failed(kind: 'down' | 'blocked' | 'absent' | 'other', retryAfterMs = 0): SyncEvent {
  return { type: 'failed', failure: { kind, retryAfterMs } };
}

const STARTED: SyncEvent = { type: 'started' };
const DONE: SyncEvent = { type: 'done' };
const EDITED: SyncEvent = { type: 'edited' };
const TOLD: SyncEvent = { type: 'told' };

describe('when the registry is synchronised', () => {
  it('begins with a round, and then waits for the centre to tell of changes', () => {
    expect(play([STARTED]).effects).to.deep.include({ type: 'run', fresh: false, pulls: true });
    expect(play([STARTED, DONE])).to.deep.include({ effects: [{ type: 'wait' }] });
    expect(play([STARTED, DONE]).state.name).to.equal('live');
  });

  it('sends edits within a second, gathered, and without asking the centre for its own', () => {
    const { state, effects } = play([STARTED, DONE, EDITED]);
    expect(effects).to.deep.equal([{ type: 'wakeAfter', delayMs: 500 }]);
    expect(isUrgent(state), 'the push makes way from here on').to.equal(true);
    expect(play([STARTED, DONE, EDITED, EDITED]).effects, 'one wake for a burst').to.deep.equal([]);
    expect(play([STARTED, DONE, EDITED, { type: 'wake' }]).effects).to.deep.include({
      ...{ type: 'run', fresh: false, pulls: false },
    });
  });

  it('fetches at once what the centre tells of, and after a round what it told of meanwhile', () => {
    expect(play([STARTED, DONE, TOLD]).effects).to.deep.include({ type: 'run', fresh: false, pulls: true });
    expect(play([STARTED, TOLD, DONE]).effects).to.deep.include({ type: 'run', fresh: false, pulls: true });
  });

  it('sends after a round what was edited while it ran', () => {
    expect(play([STARTED, EDITED, DONE]).effects).to.deep.include({ type: 'wakeAfter', delayMs: 500 });
  });

  it('never begins by itself where it is scheduled, and obeys a request even then', () => {
    for (const events of [[STARTED], [STARTED, EDITED], [{ type: 'restored' }]] as SyncEvent[][]) {
      expect(play(events, ON_REQUEST).state.name).to.equal('idle');
    }
    const asked = play([STARTED, { type: 'asked' }], ON_REQUEST);
    expect(asked.effects).to.deep.include({ type: 'run', fresh: true, pulls: true });
    expect(play([STARTED, { type: 'asked' }, DONE], ON_REQUEST)).to.deep.include({ effects: [] });
    expect(play([STARTED, { type: 'asked' }, failed('down')], ON_REQUEST).effects).to.deep.equal([]);
  });

  it('backs off by what a failure says, longer each time, and never below what the centre asked for', () => {
    const delays = (events: SyncEvent[]) =>
      play(events).effects.flatMap((effect) => (effect.type === 'wakeAfter' ? [effect.delayMs] : []));
    const wake: SyncEvent = { type: 'wake' };
    expect(delays([STARTED, failed('other')])).to.deep.equal([1_000]);
    expect(delays([STARTED, failed('other'), wake, failed('other')])).to.deep.equal([2_000]);
    expect(delays([STARTED, failed('other', 90_000)])).to.deep.equal([90_000]);
    expect(delays([STARTED, failed('absent')])).to.deep.equal([600_000]);
    const many = Array.from({ length: 30 }, () => [wake, failed('blocked')]).flat();
    expect(delays([STARTED, failed('blocked'), ...many])).to.deep.equal([120_000]);
    expect(delays([STARTED, failed('other'), wake, DONE, TOLD, failed('other')]), 'after a success').to.deep.equal([
      1_000,
    ]);
  });

  it('does not keep the push waiting between attempts', () => {
    for (const kind of ['down', 'blocked', 'absent', 'other'] as const) {
      expect(isUrgent(play([STARTED, failed(kind), EDITED]).state), kind).to.equal(false);
    }
  });

  it('keeps the push waiting for what was told or edited, and not for a report or for its last look', () => {
    const report: SyncEvent = { type: 'edited', isReport: true };
    const wake: SyncEvent = { type: 'wake' };
    const exchanged: SyncEvent = { type: 'exchanged' };
    const waits = (...events: SyncEvent[]) => isUrgent(play([STARTED, ...events]).state);
    expect([waits(), waits(exchanged)], 'the first round').to.deep.equal([true, false]);
    expect([waits(DONE, report), waits(DONE, report, wake)], 'a report').to.deep.equal([false, false]);
    expect([waits(DONE, report, EDITED), waits(DONE, EDITED, report, wake)], 'an edit with it').to.deep.equal([
      true,
      true,
    ]);
    expect([waits(DONE, report, wake, EDITED), waits(DONE, report, wake, TOLD)], 'meanwhile').to.deep.equal([
      true,
      true,
    ]);
    expect([waits(exchanged, EDITED), waits(exchanged, TOLD)], 'during the last look').to.deep.equal([true, true]);
    expect(play([STARTED, DONE, report]).effects, 'it is sent all the same').to.deep.equal([
      { type: 'wakeAfter', delayMs: 500 },
    ]);
  });

  it('goes on when the link is back, unless the centre asked to be left alone for longer', () => {
    expect(play([STARTED, failed('down'), { type: 'restored' }]).effects).to.deep.include({
      ...{ type: 'run', fresh: false, pulls: true },
    });
    expect(play([STARTED, failed('other', 3_000_000), { type: 'restored' }]).effects).to.deep.equal([]);
  });

  it('leaves a connection that waits when the link is down, and looks again when it breaks off, ever more rarely', () => {
    const down = play([STARTED, DONE, { type: 'down' }]);
    expect(down.effects).to.deep.include({ type: 'endWait' });
    expect(down.state).to.include({ name: 'offline' }).and.have.property('wakeAtMs').that.is.a('number');
    const broke: SyncEvent = { type: 'waitBroke', retryAfterMs: 0 };
    expect(play([STARTED, DONE, broke]).effects).to.deep.equal([{ type: 'wakeAfter', delayMs: 1_000 }]);
    const again = [broke, { type: 'wake' }, DONE] as SyncEvent[];
    expect(play([STARTED, DONE, ...again, ...again, broke]).effects).to.deep.equal([
      { type: 'wakeAfter', delayMs: 4_000 },
    ]);
    expect(play([STARTED, DONE, ...again, { type: 'waited' }, broke]).effects, 'one that held').to.deep.equal([
      { type: 'wakeAfter', delayMs: 1_000 },
    ]);
  });

  it('always has something ahead of it where it may begin by itself, and nothing once stopped', () => {
    const events: SyncEvent[] = [
      ...[EDITED, TOLD, DONE, failed('down'), failed('other'), failed('absent')],
      ...([{ type: 'wake' }, { type: 'restored' }, { type: 'down' }, { type: 'asked' }, { type: 'waited' }] as const),
      { type: 'waitBroke', retryAfterMs: 0 },
    ];
    const visit = (state: SyncState, isWaiting: boolean, depth: number) => {
      const isAhead = state.name === 'syncing' || state.wakeAtMs !== undefined || isWaiting;
      expect(isAhead, JSON.stringify(state)).to.equal(true);
      if (depth === 0) return;
      for (const event of events) {
        const next = syncTransition(state, event, 0, LIVE);
        const waited = event.type === 'waited' || event.type === 'waitBroke' || event.type === 'told';
        let waits = isWaiting && !waited;
        for (const { type } of next.effects) waits = type === 'wait' || (type !== 'endWait' && waits);
        visit(next.state, waits, depth - 1);
      }
      expect(syncTransition(state, { type: 'stopped' }, 0, LIVE).state).to.include({ name: 'stopped' });
    };
    visit(syncTransition(initialSyncState(), STARTED, 0, LIVE).state, false, 4);
  });
});
