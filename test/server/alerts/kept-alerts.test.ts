import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Found, type KeptAlerts, type Seen, steppedAlerts } from '../../../server/alerts/kept-alerts.js';
import type { VillageAlert } from '../../../server/alerts/village-alert.js';

const at = (minute: number) => new Date(Date.parse('2026-03-01T00:00:00Z') + minute * 60_000).toISOString();

function own(code: string, severity: VillageAlert['severity'] = 'warning'): VillageAlert {
  return { village: 'kano', code, severity, message: `about ${code}` };
}

function reported(code: string, severity: VillageAlert['severity'] = 'warning'): VillageAlert {
  return { ...own(code, severity), since: at(-60), reportedAt: at(0) };
}

const SEEN = { contactAt: at(0), documentAt: at(0), reportAt: at(0) };

function found(alerts: VillageAlert[], changes: Partial<Found> = {}): Found {
  return { alerts, undecided: new Set(), seen: SEEN, ...changes };
}

describe('the alerts kept of a village', () => {
  const steps = (...all: Found[]) => {
    let kept: KeptAlerts | undefined;
    let known: Seen = {};
    const events: string[][] = [];
    for (const [minute, one] of all.entries()) {
      const step = steppedAlerts(kept, known, one, at(minute));
      // Each writes down what it has seen newest.
      for (const name of ['contactAt', 'documentAt', 'reportAt'] as const) {
        const [before = '', seen = ''] = [known[name], one.seen[name]];
        known = { ...known, [name]: seen > before ? seen : before };
      }
      kept = step.kept;
      events.push(step.news.map(({ event, alert }) => `${event} ${alert.reported ? 'node:' : ''}${alert.code}`));
    }
    return { kept, events };
  };

  it('are raised once and cleared once, with both times in the history', () => {
    const { kept, events } = steps(found([own('silent')]), found([own('silent')]), found([]), found([]));
    expect(events).to.deep.equal([['raised silent'], [], ['cleared silent'], []]);
    expect(kept?.open).to.deep.equal([]);
    expect(kept?.history).to.deep.equal([
      { code: 'silent', severity: 'warning', message: 'about silent', raisedAt: at(0), clearedAt: at(2) },
    ]);
  });

  it('of the node and of the centre are two, and several of one code are one, as bad as the worst', () => {
    const all = [own('lost'), reported('lost'), reported('threshold'), reported('threshold', 'critical')];
    const { kept, events } = steps(found(all));
    expect(events).to.deep.equal([['raised lost', 'raised node:lost', 'raised node:threshold']]);
    expect(kept?.open.map(({ severity }) => severity)).to.deep.equal(['warning', 'warning', 'critical']);
  });

  it('tell when one gets worse, not when it gets better or is worded anew', () => {
    const storage = reported('storage');
    const { events } = steps(
      found([storage]),
      found([{ ...storage, message: 'other words' }]),
      found([{ ...storage, severity: 'critical' }]),
      found([storage]),
    );
    expect(events).to.deep.equal([['raised node:storage'], [], ['worse node:storage'], []]);
  });

  it('that cannot be told now stay as they are', () => {
    const undecided = { undecided: new Set(['gaps', 'lost']) };
    const { events } = steps(found([own('gaps')]), found([own('silent')], undecided), found([own('lost')], undecided));
    expect(events).to.deep.equal([['raised gaps'], ['raised silent'], ['cleared silent']]);
  });

  it('are not decided by whoever knows less: an older report, or an older last document', () => {
    const newer = { seen: { ...SEEN, documentAt: at(10), reportAt: at(10) } };
    const { events } = steps(
      found([reported('storage'), own('gaps')]),
      found([], newer),
      found([reported('storage'), own('gaps')]),
      found([reported('storage'), own('gaps')], { seen: { ...newer.seen, documentAt: at(9) } }),
      found([own('gaps')], newer),
    );
    const all = ['raised node:storage', 'raised gaps'];
    expect(events[0]).to.deep.equal(all);
    expect(events[1]).to.deep.equal(['cleared node:storage', 'cleared gaps']);
    expect(events[2]).to.deep.equal([]);
    expect(events[3]).to.deep.equal(['raised node:storage']);
    expect(events[4]).to.deep.equal(['cleared node:storage', 'raised gaps']);
  });

  it('of silence are not decided by whoever has not heard of the village yet', () => {
    const heard = { seen: { ...SEEN, contactAt: at(10) } };
    const { events } = steps(found([own('silent')]), found([], heard), found([own('silent')]), found([], heard));
    expect(events).to.deep.equal([['raised silent'], ['cleared silent'], [], []]);
  });

  const losing = (lost: number, changes: Partial<Found> = {}) => {
    return found(lost > 0 ? [{ ...own('lost', 'critical'), message: `${lost} lost` }] : [], { lost, ...changes });
  };
  /** The loss found at these minutes, and the events there were then. */
  const eventsAt = (all: readonly (readonly [minute: number, found: Found])[]) => {
    let kept: KeptAlerts | undefined;
    const events = all.map(([minute, one]) => {
      const step = steppedAlerts(kept, {}, one, at(minute));
      kept = step.kept;
      return step.news.map(({ event, alert }) => `${event} ${alert.message}`);
    });
    return { kept, events };
  };
  const DAY = 1_440;

  it('of lost documents are raised anew with the new count when more are lost, and not when some are found', () => {
    const { kept, events } = eventsAt([2, 2, 7, 5, 5, 6].map((lost, minute) => [minute, losing(lost)]));
    const again = ['cleared 7 lost', 'raised 6 lost'];
    expect(events).to.deep.equal([['raised 2 lost'], [], ['cleared 2 lost', 'raised 7 lost'], [], [], again]);
    expect(kept?.history.map(({ message, clearedAt }) => [message, clearedAt])).to.deep.equal([
      ['7 lost', at(5)],
      ['2 lost', at(2)],
    ]);
  });

  it('of lost documents are told for seven days, never again for the same ones, and again for others', () => {
    const days = Array.from({ length: 20 }, (_, day) => [day * DAY, losing(day < 15 ? 3 : 4)] as const);
    const { events } = eventsAt(days);
    const expected = Array.from({ length: 20 }, (): string[] => []);
    expected[0] = ['raised 3 lost'];
    expected[7] = ['cleared 3 lost'];
    expected[15] = ['raised 4 lost'];
    expect(events).to.deep.equal(expected);
  });

  it('of lost documents outlive a clock set by years, and are raised once though it goes back and forth', () => {
    const minutes = Array.from({ length: 400 }, (_, n) => (n % 2 === 0 ? n : n + 20_000 * DAY));
    const { kept, events } = eventsAt(minutes.map((minute) => [minute, losing(3)]));
    expect(events.flat()).to.deep.equal(['raised 3 lost']);
    expect(kept?.open.length).to.equal(1);
  });

  it('of lost documents stay as they are while nobody knows how many are lost, or a village is disabled', () => {
    const unknown = found([], { undecided: new Set(['gaps', 'lost']) });
    expect(
      eventsAt([[0, losing(3)], ...[1, 2, 9].map((day) => [day * DAY, unknown] as const)]).events.flat(),
    ).to.deep.equal(['raised 3 lost']);
    const old = Array.from({ length: 8 }, (_, day) => [day * DAY, losing(3)] as const);
    const { events } = eventsAt([...old, [9 * DAY, found([])], [10 * DAY, losing(3)]]);
    expect(events.flat()).to.deep.equal(['raised 3 lost', 'cleared 3 lost']);
  });

  it('of lost documents that an earlier version raised are not raised again', () => {
    const open = [{ code: 'lost', severity: 'critical', message: '3 lost', raisedAt: at(0) }] as const;
    const { kept, news } = steppedAlerts({ open, history: [] }, {}, losing(3), at(1));
    expect([news, kept.open]).to.deep.equal([[], open]);
  });

  it('keep a bounded history', () => {
    const flapping = Array.from({ length: 60 }, (_, n) => found(n % 2 === 0 ? [own('silent')] : []));
    expect(steps(...flapping).kept?.history.length).to.equal(12);
  });
});
