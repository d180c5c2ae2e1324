import { expect } from 'chai';
import { describe, it } from 'mocha';
import { atLeast, atLeastOfPeer, atMostAbovePeer, type Figure, type Measured, type Row } from '../../bench/row.js';
import { type FigureSummary, summarise } from '../../bench/summary.js';
import { median, percentile } from '../../bench/support/statistics.js';

describe('the verdicts of the benchmark', () => {
  const figureWith = (...targets: Figure['targets']): Figure => ({
    key: 'some',
    what: 'something',
    unit: 'ms',
    digits: 0,
    targets,
  });

  const summaryOf = (figure: Figure, runs: Omit<Measured, 'figure'>[]): FigureSummary | undefined => {
    const row: Row = { name: 'row', figures: [figure], measure: async () => [] };
    return summarise(
      [row],
      runs.map((run) => ({ figure, ...run })),
    )[0];
  };

  const verdictsOf = (figure: Figure, runs: Omit<Measured, 'figure'>[]): (boolean | undefined)[] =>
    summaryOf(figure, runs)?.verdicts.map(({ met }) => met) ?? [];

  it('judge each run against the peer of the same run', () => {
    // The medians, 120 and 200, would say yes.
    const runs = [
      { ours: 120, peer: 250 },
      { ours: 90, peer: 200 },
      { ours: 200, peer: 190 },
    ];
    expect(verdictsOf(figureWith(atLeastOfPeer(0.5)), runs)).to.deep.equal([false]);
    expect(summaryOf(figureWith(), runs)).to.deep.include({ ours: 120, peer: 200, ratio: 0.48 });
  });

  it('are given for each target, and are no better than the median run', () => {
    const figure = figureWith(atLeast(100), atMostAbovePeer(5, 2));
    const verdicts = (ours: number[]) =>
      verdictsOf(
        figure,
        ours.map((one) => ({ ours: one, peer: 60 })),
      );
    expect(verdicts([99, 100, 500])).to.deep.equal([true, true]);
    expect(verdicts([99, 99, 500])).to.deep.equal([false, true]);
    expect(verdicts([126, 126, 1])).to.deep.equal([true, false]);
  });

  it('are not given where nothing was measured, nor without the peer they hang on', () => {
    expect(verdictsOf(figureWith(atLeast(1)), [])).to.deep.equal([undefined]);
    expect(verdictsOf(figureWith(atLeastOfPeer(1)), [{ ours: 5 }])).to.deep.equal([undefined]);
  });

  it('rest on medians and percentiles by their usual definitions', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).to.deep.equal([2, 2.5]);
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([percentile(hundred, 0.99), percentile(hundred, 0.5), percentile([7], 0.99)]).to.deep.equal([99, 50, 7]);
  });
});
