import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Machine } from '../../bench/machine.js';
import { groupsText, markdownTable, textTable } from '../../bench/report.js';
import {
  merged,
  NO_RESULTS,
  parseResults,
  type Results,
  resultsOf,
  type Sitting,
  sittingGroups,
  stringifyResults,
  tellFigures,
} from '../../bench/results.js';
import { atLeast, type Figure, type Measured, type Row } from '../../bench/row.js';
import { AppError } from '../../shared/app-error.js';

const MACHINE: Machine = {
  ...{ processor: 'some processor', system: 'Linux', node: 'v20', fileSystem: 'ext4' },
  ...{ cores: 2, memoryGiB: 4, loadAverage: 0.5, syncMedianMs: 1, syncP99Ms: 2 },
};
const [A, B, C] = ['a', 'b', 'c'].map(
  (key): Figure => ({ key, what: `figure ${key}`, unit: 'ms', digits: 0, targets: [atLeast(10)] }),
);
const ROWS: Row[] = [
  { name: 'first', figures: [A, B].flatMap((one) => one ?? []), measure: async () => [] },
  { name: 'second', figures: [C].flatMap((one) => one ?? []), measure: async () => [] },
];

function sitting(day: string, machine: Partial<Machine> = {}): Sitting {
  return { id: `${day}T10:00:00Z`, version: '1.0.0', runs: 2, machine: { ...MACHINE, ...machine } };
}

function measured(values: Record<string, number[]>): Measured[] {
  const figures = ROWS.flatMap((row) => row.figures);
  return Object.entries(values).flatMap(([key, runs]) =>
    figures.filter((figure) => figure.key === key).flatMap((figure) => runs.map((ours) => ({ figure, ours }))),
  );
}

function reread(results: Results): Results {
  return parseResults(stringifyResults(results, ROWS));
}

describe('the results of the benchmark', () => {
  it('keep, of a sitting of some rows, what other sittings measured, with its day and machine', () => {
    const before = resultsOf(sitting('2026-01-05'), measured({ a: [8, 12], b: [20, 20], c: [30, 30] }));
    const after = resultsOf(sitting('2026-01-06', { cores: 8 }), measured({ c: [5, 5] }));
    const told = tellFigures(ROWS, reread(merged(reread(before), after, ROWS)));
    expect(told.map(({ ours, sitting: of }) => [ours, of?.id.slice(0, 10), of?.machine.cores])).to.deep.equal([
      [10, '2026-01-05', 2],
      [20, '2026-01-05', 2],
      [5, '2026-01-06', 8],
    ]);
    expect(told.map(({ verdicts }) => verdicts[0]?.met)).to.deep.equal([true, true, false]);
  });

  it('are the same bytes when they are read and written again', () => {
    const { cores, ...others } = MACHINE;
    const of = { runs: 1, machine: { ...others, cores }, version: '1.0.0', id: '2026-01-05T10:00:00Z' };
    const profile = { sitting: of.id, functions: [], components: [{ share: 1, seconds: 2, name: 'x' }], name: 'y' };
    const text = stringifyResults(resultsOf(of, measured({ a: [1] }), [profile]), ROWS);
    expect(stringifyResults(parseResults(text), ROWS)).to.equal(text);
  });

  it('mark the figures of another day or machine, and tell of each what it was', () => {
    const before = resultsOf(sitting('2026-01-05'), measured({ a: [10], b: [20] }));
    const results = merged(before, resultsOf(sitting('2026-01-06', { cores: 8 }), measured({ c: [5] })), ROWS);
    const groups = sittingGroups(results);
    const table = markdownTable(tellFigures(ROWS, results), groups).split('\n');
    expect(table[2]).to.include('`a` |');
    expect(table[4])
      .to.include('`c` (a) |')
      .and.to.match(/\| NO \|$/);
    const told = groupsText(groups).split('\n\n');
    expect(told[0]).to.include('2026-01-05').and.to.include('2 cores');
    expect(told[2]).to.include('- (a) solar-sync 1.0.0, 2026-01-06').and.to.include('8 cores');
  });

  it('put sittings of one day on one machine together, however busy it was', () => {
    const first = resultsOf(sitting('2026-01-05'), measured({ a: [1], b: [1] }));
    const later = { ...sitting('2026-01-05', { loadAverage: 1.5 }), id: '2026-01-05T11:00:00Z' };
    const results = merged(first, resultsOf(later, measured({ b: [2], c: [2] })), ROWS);
    const groups = sittingGroups(results);
    expect(groups).to.have.length(1);
    expect(groupsText(groups)).to.include('load average before: 0.5 to 1.5');
    expect(results.sittings).to.have.length(2);
  });

  it('forget figures no row has any more, and sittings of which nothing is left', () => {
    const before = resultsOf(sitting('2026-01-05'), measured({ a: [1] }));
    const withOld = { ...before, figures: [...before.figures, { ...before.figures[0], key: 'gone', runs: [] }] };
    const results = merged(withOld as Results, resultsOf(sitting('2026-01-06'), measured({ a: [2] })), ROWS);
    expect(results.figures.map(({ key }) => key)).to.deep.equal(['a']);
    expect(results.sittings.map(({ id }) => id)).to.deep.equal(['2026-01-06T10:00:00Z']);
  });

  it('say what was not measured, and judge nothing that was shrunk', () => {
    expect(textTable(tellFigures(ROWS, NO_RESULTS))).to.include('not measured');
    const results = resultsOf(sitting('2026-01-05'), measured({ a: [1] }));
    expect(textTable(tellFigures(ROWS, results)).split('\n')[2]).to.match(/NO$/);
    expect(textTable(tellFigures(ROWS, results), { small: true }).split('\n')[2]).to.match(/–$/);
  });

  it('are refused with one sentence where the file is something else', () => {
    for (const text of ['', '{}', '{"sittings": 1}']) {
      expect(() => parseResults(text)).to.throw(AppError, 'docs/benchmarks.json is not a file of results');
    }
  });
});
