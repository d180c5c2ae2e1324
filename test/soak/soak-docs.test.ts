import { expect } from 'chai';
import { describe, it } from 'mocha';
import { plotsOfSoak } from './soak-docs.js';
import type { Look } from './watch.js';

const HOURS = 48;

describe('the pictures of a soak', () => {
  const looks = Array.from({ length: 2_000 }, (_, second): Look => {
    const isDown = second % 100 === 0;
    return {
      hour: (second / 2_000) * HOURS,
      ...{ edgeMiB: isDown ? null : 120, edgeHandles: isDown ? null : 80, edgeDiskMb: second === 777 ? 99 : 20 },
      ...{ centreMiB: 150, centreHandles: 60, centreDiskMb: 5 },
      ...{ pending: isDown ? null : 7, segments: 3, acknowledged: second, held: second + 1 },
    };
  });

  it('show memory, handles, disk and documents day by day, with moments at which a program was down', () => {
    const plots = plotsOfSoak({ looks });
    expect(plots.map(({ file }) => file)).to.deep.equal(
      ['memory', 'handles', 'disk', 'documents'].map((name) => `docs/plots/soak-${name}.svg`),
    );
    expect(plots[0]?.text).to.include('node: from 120 to 120').and.to.include('centre: from 150 to 150');
  });

  it('keep the highest of the looks that one point stands for', () => {
    const [, , disk] = plotsOfSoak({ looks });
    expect(disk?.text).to.include('at most 99');
    expect(disk?.text.length).to.be.below(40_000);
  });

  it('can be made of nothing', () => {
    expect(plotsOfSoak({ looks: [] })).to.have.length(4);
  });
});
