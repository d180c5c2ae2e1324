/**
 * Runs into verdicts. A target is judged in each run against that run's peer, and the median of these judgements
 * counts: machines are noisy, and noise that hits both sides should cancel out.
 */
import type { Figure, Measured, Row, Target } from './row.js';
import { median } from './support/statistics.js';

/** One figure over all runs. */
export interface FigureSummary {
  figure: Figure;
  runs: readonly Measured[];
  /** Medians; undefined where nothing was measured. */
  ours: number | undefined;
  peer: number | undefined;
  /** Median of ours ÷ peer in each run. */
  ratio: number | undefined;
  verdicts: readonly { target: Target; met: boolean | undefined }[];
}

/** From here on ours and the peer are as good as each other: the table shows two decimals of their ratio. */
const AS_GOOD = 0.995;

/**
 * How many times better one is than the other by their ratio, less than 1 where the other is ahead: of rates and of
 * shares that are kept more is better, of times, bytes and memory less.
 */
export function timesBetter(unit: string, ratio: number): number {
  return unit.endsWith('/s') || unit === '%' ? ratio : 1 / ratio;
}

/** Those in which a peer is ahead. */
export function figuresBehind<T extends Pick<FigureSummary, 'figure' | 'ratio'>>(told: readonly T[]): T[] {
  return told.filter(({ figure, ratio }) => ratio !== undefined && timesBetter(figure.unit, ratio) < AS_GOOD);
}

/** Those that miss a limit. */
export function figuresMissed<T extends Pick<FigureSummary, 'verdicts'>>(told: readonly T[]): T[] {
  return told.filter(({ verdicts }) => verdicts.some(({ met }) => met === false));
}

/** In the order of the rows, figures that were not measured included. */
export function summarise(rows: readonly Row[], measured: readonly Measured[]): FigureSummary[] {
  return rows.flatMap((row) =>
    row.figures.map((figure) =>
      summaryOf(
        figure,
        measured.filter((one) => one.figure === figure),
      ),
    ),
  );
}

function summaryOf(figure: Figure, runs: readonly Measured[]): FigureSummary {
  const ratios = runs.map(({ ours, peer }) => (peer === undefined ? undefined : ours / peer));
  return {
    figure,
    runs,
    ours: medianOf(runs.map(({ ours }) => ours)),
    peer: medianOf(runs.map(({ peer }) => peer)),
    ratio: medianOf(ratios),
    verdicts: figure.targets.map((target) => ({ target, met: isMet(target, runs) })),
  };
}

/** Undefined when no run can be judged. */
function isMet({ kind, limit }: Target, runs: readonly Measured[]): boolean | undefined {
  const shares = runs.map(({ ours, peer }) => {
    const bound = limit(peer);
    return bound === undefined ? undefined : ours / bound;
  });
  const share = medianOf(shares);
  if (share === undefined) return undefined;
  return kind === 'atLeast' ? share >= 1 : share <= 1;
}

function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : median(known);
}
