import { expect } from 'chai';
import { describe, it } from 'mocha';
import { FreshLane } from '../../../edge/push/fresh-lane.js';
import { nextToSend } from '../../../edge/push/lanes.js';

const open = { number: 9, sealed: false };
const sealed = (number: number) => ({ number, sealed: true });

describe('the lanes', () => {
  it('send fresh data first, then the newest of the backlog', () => {
    const unsent = [sealed(3), sealed(8), sealed(5), open];
    expect(nextToSend(unsent, { fresh: 0, backlog: 0 })).to.equal(open);
    expect(nextToSend(unsent, { fresh: 1, backlog: 0 })).to.include({ number: 8 });
    expect(nextToSend([sealed(3), sealed(5)], { fresh: 0, backlog: 1 })).to.include({ number: 5 });
  });

  it('keep a slot free for fresh data while the backlog has both of its own', () => {
    expect(nextToSend([sealed(8)], { fresh: 0, backlog: 2 })).to.equal(undefined);
    expect(nextToSend([sealed(8), open], { fresh: 0, backlog: 2 })).to.equal(open);
  });

  it('do not let fresh data that never ends starve the backlog', () => {
    expect(nextToSend([sealed(8), open], { fresh: 1, backlog: 0 })).to.include({ number: 8 });
    expect(nextToSend([sealed(8), open], { fresh: 1, backlog: 1 })).to.include({ number: 8 });
  });

  it('have two batches of the open segment in flight while there is no backlog', () => {
    expect(nextToSend([open], { fresh: 1, backlog: 0 })).to.equal(open);
    expect(nextToSend([open], { fresh: 2, backlog: 0 })).to.equal(undefined);
    expect(nextToSend([open], { fresh: 1, backlog: 1 }), 'a backlog on its way').to.equal(undefined);
  });
});

describe('a segment for fresh data', () => {
  const ledgerWith = (pending: number) => {
    const ledger = {
      rolls: 0,
      segments: [{ pending }] as never,
      roll: async () => {
        ledger.rolls++;
      },
    };
    return ledger;
  };

  it('is opened when the backlog takes more than 30 s to drain at the measured rate', async () => {
    for (const [pending, documentsPerS, rolls] of [
      [20_000, 5000, 0],
      [20_000, 600, 1],
      [5_900, undefined, 0],
      [6_100, undefined, 1],
    ] as const) {
      const ledger = ledgerWith(pending);
      await new FreshLane(ledger, { documentsPerS }, () => 0).openForBacklog(false);
      expect(ledger.rolls, `${pending} at ${documentsPerS}/s`).to.equal(rolls);
    }
  });

  it('does not trust in what the link carried before it was away', async () => {
    const ledger = ledgerWith(20_000);
    const lane = new FreshLane(ledger, { documentsPerS: 5000 }, () => 0);
    await lane.openForBacklog(false);
    expect(ledger.rolls).to.equal(0);
    await lane.openForBacklog(true);
    expect(ledger.rolls).to.equal(1);
  });

  it('is opened at most every 15 minutes, however often the link comes and goes', async () => {
    const ledger = ledgerWith(20_000);
    let nowMs = 5_000;
    const lane = new FreshLane(ledger, { documentsPerS: undefined }, () => nowMs);
    for (let minute = 0; minute < 60; minute++, nowMs += 60_000) await lane.openForBacklog(true);
    expect(ledger.rolls).to.equal(4);
  });
});
