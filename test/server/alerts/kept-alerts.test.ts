import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Found, type KeptAlerts, steppedAlerts } from '../../../server/alerts/kept-alerts.js';
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
  return { alerts, undecided: new Set(), seen: SEEN, silentBefore: at(-1_560), ...changes };
}

describe('the alerts kept of a village', () => {
  const steps = (...all: Found[]) => {
    let kept: KeptAlerts | undefined;
    const events: string[][] = [];
    for (const [minute, one] of all.entries()) {
      const step = steppedAlerts(kept, one, at(minute));
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

  it('tell of each further loss, which stays lost, and once of each', () => {
    const lost = (documents: number): VillageAlert => ({
      ...own('lost', 'critical'),
      message: `${documents}`,
      documents,
    });
    const { kept, events } = steps(found([lost(2)]), found([lost(2)]), found([lost(7)]), found([lost(7)]));
    expect(events).to.deep.equal([['raised lost'], [], ['worse lost'], []]);
    expect(kept?.open).to.deep.equal([
      { code: 'lost', severity: 'critical', message: '7', documents: 7, raisedAt: at(0) },
    ]);
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

  it('of silence are decided by everybody once what was heard of the village is too old to matter', () => {
    const heard = { seen: { ...SEEN, contactAt: at(10) } };
    const { events } = steps(
      found([own('silent')]),
      found([], heard),
      found([own('silent')], { silentBefore: at(10) }),
      found([own('silent')], { silentBefore: at(11) }),
    );
    expect(events).to.deep.equal([['raised silent'], ['cleared silent'], [], ['raised silent']]);
  });

  it('keep a bounded history', () => {
    const flapping = Array.from({ length: 60 }, (_, n) => found(n % 2 === 0 ? [own('silent')] : []));
    expect(steps(...flapping).kept?.history.length).to.equal(12);
  });
});
