import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { withSection, writeSection } from '../../bench/docs-section.js';
import { readResults, renderDocumentation, withFigures } from '../../bench/documentation.js';
import { tellFigures } from '../../bench/results.js';
import { ROWS } from '../../bench/rows.js';
import { figuresBehind, figuresMissed } from '../../bench/summary.js';
import { AppError } from '../../shared/app-error.js';
import { allPages, ROOT } from '../docs/markdown.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('the benchmark’s part of the documentation', () => {
  const folder = useTempFolder();

  it('is what docs/benchmarks.json says: tables, plots and the figures that prose links to', async () => {
    const stale = (await renderDocumentation(ROOT, await readResults(ROOT)))
      .filter(({ file, text }) => readFileSync(`${ROOT}/${file}`, 'utf8') !== text)
      .map(({ file }) => `${file}: npm run bench -- --docs-only writes it anew`);
    expect(stale).to.deep.equal([]);
  });

  it('has every figure of the rows under a name of its own, that no heading has', () => {
    const keys = ROWS.flatMap((row) => row.figures.flatMap(({ key }) => [key, `${key}-peer`]));
    const repeated = keys.filter((key, i) => keys.indexOf(key) !== i);
    expect(repeated).to.deep.equal([]);
    const page = allPages().find(({ file }) => file === 'docs/benchmarks.md');
    const headings = [...(page?.text ?? '').matchAll(/^#+ +(.+)$/gm)].map(([, text = '']) => text.toLowerCase());
    expect(keys.filter((key) => headings.includes(key.replaceAll('-', ' ')))).to.deep.equal([]);
  });

  it('says why of every figure in which a peer is ahead', async () => {
    const behind = figuresBehind(tellFigures(ROWS, await readResults(ROOT)));
    expect(behind.filter(({ figure }) => figure.behind === undefined).map(({ figure }) => figure.key)).to.deep.equal(
      [],
    );
  });

  it('says why of every figure that misses a limit', async () => {
    const missed = figuresMissed(tellFigures(ROWS, await readResults(ROOT)));
    expect(missed.filter(({ figure }) => figure.missed === undefined).map(({ figure }) => figure.key)).to.deep.equal(
      [],
    );
  });

  it('tells no figure of success and of tuning but by a link to its line', () => {
    const units =
      /(?<![\]\w.,])\d[\d,.]* ?(?:documents\/s|requests\/s|readings\/s|bytes (?:up |written )?per reading)/g;
    const bare = allPages()
      .filter(({ file }) => ['README.md', 'docs/performance-tuning.md', 'docs/success-measures.md'].includes(file))
      .flatMap(({ file, text }) => (text.match(units) ?? []).map((figure) => `${file}: ${figure}`));
    expect(bare).to.deep.equal([]);
  });

  it('writes the figure of a link anew, the peer’s too, and leaves every other link alone', () => {
    const row = ROWS.find(({ name }) => name === 'import');
    if (!row) throw new Error('there is no row import');
    const machine = {
      ...{ processor: 'some', system: 'some', node: 'v20', fileSystem: 'ext4' },
      ...{ cores: 2, memoryGiB: 4, loadAverage: 0, syncMedianMs: 1, syncP99Ms: 2 },
    };
    const told = tellFigures([row], {
      sittings: [{ id: '2026-01-05T10:20:30Z', version: '1.0.0', runs: 1, machine }],
      figures: [{ key: 'import', sitting: '2026-01-05T10:20:30Z', runs: [{ ours: 20_000.4, peer: 11_000 }] }],
      profiles: [],
    });
    const before =
      '[1](benchmarks.md#import) [](../docs/benchmarks.md#import-peer) [x](benchmarks.md#figures) [y](#import)';
    const after =
      '[20,000](benchmarks.md#import) [11,000](../docs/benchmarks.md#import-peer) [x](benchmarks.md#figures) [y](#import)';
    expect(withFigures(before, 'docs/other.md', told)).to.equal(after);
    expect(withFigures('[1](#import)', 'docs/benchmarks.md', told)).to.equal('[20,000](#import)');
    expect(withFigures('[1](benchmarks.md#import-late)', 'docs/a.md', told)).to.equal(
      '[not measured](benchmarks.md#import-late)',
    );
  });

  it('goes between its markers, and nowhere when a page has lost them', () => {
    const page = 'a\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nb';
    expect(withSection(page, 'figures', 'new')).to.equal(
      'a\n<!-- figures: begin -->\n\nnew\n\n<!-- figures: end -->\nb',
    );
    expect(() => withSection('a', 'figures', 'new')).to.throw(AppError, /no place between/);
  });

  it('takes a section with its plots, which it shows', async () => {
    const page = path.join(folder.path, 'docs/benchmarks.md');
    await mkdir(path.dirname(page));
    await writeFile(page, 'before\n<!-- soak: begin -->\nold\n<!-- soak: end -->\nafter\n');
    const plot = { file: 'docs/plots/some.svg', text: '<svg/>', alt: 'Some' };
    await writeSection(folder.path, 'soak', 'new', [plot]);
    expect(await readFile(page, 'utf8')).to.equal(
      'before\n<!-- soak: begin -->\n\nnew\n\n![Some](plots/some.svg)\n\n<!-- soak: end -->\nafter\n',
    );
    expect(await readFile(path.join(folder.path, plot.file), 'utf8')).to.equal('<svg/>');
    const failure = await writeSection(folder.path, 'fleet', 'new', [plot]).catch((error: Error) => error);
    expect(failure).to.be.instanceOf(AppError);
  });
});
