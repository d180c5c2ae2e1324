import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  clustered,
  graticule,
  moved,
  scaleBar,
  toPlace,
  toPoint,
  viewOfAll,
  zoomed,
} from '../../../../server/dashboard/page/map-projection.js';

const KANO = { lat: 12, lon: 8.52 };
const LAGOS = { lat: 6.52, lon: 3.38 };
const NAIROBI = { lat: -1.29, lon: 36.82 };

describe('the map', () => {
  it('shows all places at first, north above and east to the right', () => {
    const view = viewOfAll([KANO, LAGOS, NAIROBI], 640, 400);
    const [kano, lagos, nairobi] = [KANO, LAGOS, NAIROBI].map((place) => toPoint(view, place));
    for (const point of [kano, lagos, nairobi]) {
      expect(point?.x).to.be.within(25, 615);
      expect(point?.y).to.be.within(25, 375);
    }
    expect(kano?.y).to.be.lessThan(lagos?.y ?? 0);
    expect(nairobi?.x).to.be.greaterThan(kano?.x ?? 0);
  });

  it('shows one place alone in the middle, and any number at the same place', () => {
    for (const places of [[KANO], [KANO, KANO]]) {
      const point = toPoint(viewOfAll(places, 300, 200), KANO);
      expect([point.x, point.y]).to.deep.equal([150, 100]);
    }
  });

  it('comes closer about a point that stays, and goes back by the same way', () => {
    const view = viewOfAll([KANO, LAGOS], 640, 400);
    const fixed = toPlace(view, 100, 50);
    const closer = zoomed(view, 4, 100, 50);
    const point = toPoint(closer, fixed);
    expect(point.x).to.be.closeTo(100, 0.5);
    expect(point.y).to.be.closeTo(50, 0.5);
    expect(zoomed(closer, 0.25, 100, 50).degreesPerPx).to.be.closeTo(view.degreesPerPx, 1e-9);
  });

  it('moves with the pointer', () => {
    const view = viewOfAll([KANO, LAGOS], 640, 400);
    const before = toPoint(view, KANO);
    const after = toPoint(moved(view, 30, -20), KANO);
    expect(after.x - before.x).to.be.closeTo(30, 2);
    expect(after.y - before.y).to.be.closeTo(-20, 0.01);
  });

  it('has lines of whole degrees or parts of them far enough apart, however close it is', () => {
    for (let factor = 1; factor < 20_000; factor *= 3) {
      const view = zoomed(viewOfAll([KANO, LAGOS, NAIROBI], 640, 400), factor);
      const { lats, lons, stepDegrees } = graticule(view);
      expect(lats.length, String(factor)).to.be.within(0, 7);
      expect(lons.length, String(factor)).to.be.within(1, 11);
      for (const lat of lats) expect(Math.abs(lat / stepDegrees - Math.round(lat / stepDegrees))).to.be.lessThan(1e-6);
    }
  });

  it('has a scale of a round length that is right', () => {
    const view = { ...KANO, degreesPerPx: 0.01, width: 640, height: 400 };
    expect(scaleBar(view)).to.deep.equal({ km: 100, px: 100 / 1.1132 });
    expect(scaleBar({ ...view, degreesPerPx: 0.00002 }).km).to.equal(0.2);
  });

  it('gathers marks that would cover each other, all of those in sight and none else', () => {
    const places = Array.from({ length: 1_000 }, (_, n) => ({
      lat: 4 + (n % 40) / 5,
      lon: 4 + Math.floor(n / 40) / 3,
    }));
    const view = viewOfAll(places, 640, 400);
    const clusters = clustered(view, places, (place) => place, 26);
    expect(clusters.reduce((sum, { items }) => sum + items.length, 0)).to.equal(1_000);
    expect(clusters.length).to.be.lessThan((640 / 26 + 1) * (400 / 26 + 1));
    expect(clustered(moved(view, 10_000, 0), places, (place) => place, 26)).to.deep.equal([]);
  });
});
