import { expect } from 'chai';
import { describe, it } from 'mocha';
import { gapBehind, reportOn, verdictOn } from '../../../server/analyst/reported-numbers.js';
import type { NodeReport } from '../../../server/registry/node-report.js';

const RECEIVED_AT = '2026-03-01T00:00:00.000Z';

function report(changes: Partial<NodeReport> = {}) {
  return { node: 'node1', at: RECEIVED_AT, receivedAt: RECEIVED_AT, pending: 0, lastSeq: 100, ...changes };
}

const gap = (from: number, to: number, missing = to - from + 1) => ({ from, to, missing });
const told = (from: number, to: number, kind: 'lost' | 'void' | 'quarantined' | 'released' = 'void') => {
  return { from, to, kind };
};

describe('what a report says of missing numbers', () => {
  it('counts for its own node alone, and while it is no older than a village may be silent', () => {
    const on = (changes: Partial<Parameters<typeof reportOn>[0]> = {}) =>
      reportOn({ node: 'node1', report: report(), lastDocumentAt: RECEIVED_AT, silentAfterHours: 26, ...changes });
    expect(on()).to.deep.equal(report());
    expect(on({ node: 'node2' })).to.equal(undefined);
    expect(on({ report: undefined })).to.equal(undefined);
    expect(on({ lastDocumentAt: undefined })).to.deep.equal(report());
    expect(on({ lastDocumentAt: '2026-03-02T02:00:00.000Z' })).to.deep.equal(report());
    expect(on({ lastDocumentAt: '2026-03-02T02:00:00.001Z' })).to.equal(undefined);
    const { pending, ...partly } = report();
    expect(on({ report: partly })).to.equal(undefined);
  });

  it('names the numbers behind the highest one held', () => {
    expect(gapBehind(90, report())).to.deep.equal([gap(91, 100)]);
    expect(gapBehind(100, report())).to.deep.equal([]);
    expect(gapBehind(120, report())).to.deep.equal([]);
    expect(gapBehind(90, undefined)).to.deep.equal([]);
  });

  it('explains as many as it says are pending, or are still to be told of', () => {
    const gaps = [gap(10, 14), gap(91, 100)];
    expect(verdictOn(gaps, [], report({ pending: 15 }))).to.equal('notYetSent');
    expect(verdictOn(gaps, [], report({ pending: 14 }))).to.equal(undefined);
    expect(verdictOn(gaps, [], report({ pending: 10, accounted: { void: 2, lost: 2, quarantined: 1 } }))).to.equal(
      'notYetSent',
    );
    expect(verdictOn(gaps, [told(1, 3)], report({ pending: 10, accounted: { void: 5 } }))).to.equal(undefined);
    expect(verdictOn(gaps, [told(1, 3, 'released')], report({ pending: 10, accounted: { void: 5 } }))).to.equal(
      'notYetSent',
    );
  });

  it('leaves no excuse where all is delivered and told of', () => {
    expect(verdictOn([gap(10, 14)], [], report())).to.equal('unexplained');
    expect(verdictOn([gap(10, 14)], [told(1, 3)], report({ accounted: { void: 3 } }))).to.equal('unexplained');
    expect(verdictOn([gap(10, 14)], [told(1, 3)], report({ accounted: { void: 4 } }))).to.equal(undefined);
  });

  it('says nothing of numbers given after it', () => {
    expect(verdictOn([gap(150, 160)], [], report())).to.equal('notYetSent');
    expect(verdictOn([gap(10, 14), gap(150, 160)], [], report({ pending: 5 }))).to.equal('notYetSent');
    expect(verdictOn([gap(96, 200)], [], report({ pending: 5 }))).to.equal('notYetSent');
  });
});
