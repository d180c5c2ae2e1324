import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Bar, barPlot } from '../../bench/plot/bar-plot.js';
import { type LinePlot, linePlot } from '../../bench/plot/line-plot.js';
import { scaleOf } from '../../bench/plot/scale.js';

const BARS: Bar[] = [
  { label: 'drain', note: 'against <stock> & "co"', value: 3.8, target: 3, met: true },
  { label: 'slow', value: 0.5, target: 1, met: false },
];
const bars = (): string => barPlot({ title: 'Ratios', description: 'All of them.', axis: 'times', bars: BARS });
const LINES: LinePlot = {
  ...{ title: 'Memory', description: 'It is flat.' },
  x: { label: 'hours', kind: 'linear' },
  y: { label: 'MiB', kind: 'linear', including: [0] },
  lines: [
    { name: 'node', points: [0, 1, 2].map((x) => ({ x, y: 100 + x })) },
    { name: 'centre', points: [{ x: 1, y: 50 }] },
  ],
  limit: { name: 'limit', y: 192 },
};

describe('the plots', () => {
  it('are XML whose elements close, with everything escaped', () => {
    for (const svg of [bars(), linePlot(LINES)]) {
      const open: string[] = [];
      for (const [, slash, name = '', end] of svg.matchAll(/<(\/?)([a-zA-Z]+)[^<>]*?(\/?)>/g)) {
        if (slash === '/') expect(open.pop()).to.equal(name);
        else if (end !== '/') open.push(name);
      }
      expect(open).to.deep.equal([]);
      expect(svg.replace(/<[^<>]*>/g, '')).to.not.match(/[<>]|&(?!amp;|lt;|gt;|quot;)/);
    }
    expect(bars()).to.include('against &lt;stock&gt; &amp; &quot;co&quot;');
  });

  it('say what they show to those who cannot see it, and keep words as text', () => {
    const svg = linePlot(LINES);
    expect(svg).to.match(/<svg [^>]*role="img" aria-labelledby="title description"/);
    expect(svg)
      .to.include('<title id="title">Memory</title>')
      .and.to.include('<desc id="description">It is flat.</desc>');
    for (const word of ['hours', 'MiB', 'node', 'centre', 'limit'])
      expect(svg).to.match(new RegExp(`<text [^>]*>${word}<`));
  });

  it('are readable in light and dark', () => {
    expect(bars()).to.include('prefers-color-scheme: dark').and.to.include('class="ground"');
    const colours = (block: string): string[] => [...block.matchAll(/--(\w+):/g)].map(([, name = '']) => name).sort();
    const [light = '', dark = ''] = bars().split('@media');
    expect(colours(dark)).to.deep.equal(colours(light));
  });

  it('are the same bytes for the same figures', () => {
    expect(bars()).to.equal(bars());
    expect(linePlot(LINES)).to.equal(linePlot(LINES));
  });

  it('tell what missed its target in words, not by colour alone', () => {
    expect(bars()).to.include('>0.5 ×, missed<').and.to.include('>3.8 ×<');
  });

  it('have room for every value, between round ticks', () => {
    for (const [kind, values] of [
      ['linear', [0, 0.3, 7]],
      ['linear', [5, 5]],
      ['linear', [-3, 4_000_000]],
      ['log', [0.02, 1, 90]],
      ['log', [1, 1]],
      ['log', [10_000, 1_000_000]],
    ] as const) {
      const scale = scaleOf(kind, values, 100, 500);
      for (const value of values) expect(scale.at(value), `${kind} ${value}`).to.be.within(99.999, 500.001);
      expect(scale.ticks.length).to.be.within(2, 12);
      expect(scale.at(scale.ticks[0] ?? Number.NaN)).to.be.closeTo(100, 0.001);
    }
    expect(scaleOf('log', [1, 10, 100, 1_000], 0, 3).at(10)).to.be.closeTo(1, 1e-9);
    expect(scaleOf('linear', [0, 10], 0, 10).at(5)).to.be.closeTo(5, 1e-9);
    expect(() => scaleOf('log', [0, 1], 0, 1)).to.throw('0 has no place on a log scale');
    expect(() => scaleOf('linear', [Number.NaN], 0, 1)).to.throw('NaN has no place');
  });
});
