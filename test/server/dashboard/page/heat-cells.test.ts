import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { ShownVillage } from '../../../../server/dashboard/page/fleet-answers.js';
import { heatRows, lastDays } from '../../../../server/dashboard/page/heat-cells.js';

const NOON = Date.parse('2026-03-05T12:00:00Z');

function village(id: string, createdAt = '2026-01-01T00:00:00.000Z'): ShownVillage {
  return { id, createdAt, need: 'none', silent: false, disabled: false };
}

function days(...readings: number[]) {
  return readings.map((count, n) => ({ day: `2026-03-0${n + 1}`, readings: count, missing: n === 1 ? 3 : null }));
}

function rowsOf(
  items: { village: string; typicalPerDay: number | null; days: ReturnType<typeof days> }[],
  all = items.map(({ village: id }) => village(id)),
  order: 'given' | 'missing' = 'given',
) {
  return heatRows({ from: '2026-03-01', to: '2026-03-06', items }, all, { nowMs: NOON, order });
}

describe('the cells of the heat map', () => {
  it('tell the missing share of each day, of today by how much of it has passed', () => {
    const [row] = rowsOf([{ village: 'kano', typicalPerDay: 100, days: days(100, 75, 0, 140, 50) }]);
    expect(row?.cells.map(({ missingShare }) => missingShare)).to.deep.equal([0, 0.25, 1, 0, 0]);
    expect(row?.cells.map(({ missing }) => missing)).to.deep.equal([0, 3, 0, 0, 0]);
    expect(row?.missingDays).to.equal(1.25);
  });

  it('expect nothing of days before the village was there, unless data of earlier was brought in', () => {
    const [row] = rowsOf(
      [{ village: 'kano', typicalPerDay: 100, days: days(0, 0, 100, 0, 50) }],
      [village('kano', '2026-03-03T18:00:00.000Z')],
    );
    expect(row?.cells.map(({ missingShare }) => missingShare)).to.deep.equal([undefined, undefined, 0, 1, 0]);
    const [imported] = rowsOf(
      [{ village: 'kano', typicalPerDay: 100, days: days(100, 0, 100, 100, 50) }],
      [village('kano', '2026-03-03T18:00:00.000Z')],
    );
    expect(imported?.cells.map(({ missingShare }) => missingShare)).to.deep.equal([0, 1, 0, 0, 0]);
  });

  it('expect nothing of a disabled village behind the last day it had', () => {
    const disabled = { ...village('kano'), disabled: true };
    const [row] = rowsOf([{ village: 'kano', typicalPerDay: 100, days: days(100, 0, 100, 0, 0) }], [disabled]);
    expect(row?.cells.map(({ missingShare }) => missingShare)).to.deep.equal([0, 1, 0, undefined, undefined]);
    const [empty] = rowsOf([{ village: 'kano', typicalPerDay: null, days: days(0, 0, 0, 0, 0) }], [disabled]);
    expect(empty?.missingDays).to.equal(0);
  });

  it('tell of an empty day that is over although nobody knows what a day has, and of no other then', () => {
    const [row] = rowsOf([{ village: 'kano', typicalPerDay: null, days: days(0, 10, 0, 7, 0) }]);
    expect(row?.cells.map(({ missingShare }) => missingShare)).to.deep.equal([1, undefined, 1, undefined, undefined]);
  });

  it('stand in the order given, or with those that miss most first', () => {
    const items = [
      { village: 'a', typicalPerDay: 10, days: days(10, 10, 10, 10, 5) },
      { village: 'b', typicalPerDay: 10, days: days(0, 0, 10, 10, 5) },
      { village: 'c', typicalPerDay: 10, days: days(10, 0, 10, 10, 5) },
    ];
    expect(rowsOf(items).map((row) => row.village)).to.deep.equal(['a', 'b', 'c']);
    expect(rowsOf(items, undefined, 'missing').map((row) => row.village)).to.deep.equal(['b', 'c', 'a']);
  });

  it('leave out villages that search and filter leave out', () => {
    const items = [{ village: 'a', typicalPerDay: 10, days: days(1) }];
    expect(rowsOf(items, [village('b')])).to.deep.equal([]);
  });
});

describe('the days of the heat map', () => {
  it('are the last ones in UTC, today included', () => {
    expect(lastDays(30, Date.parse('2026-03-01T23:30:00Z'))).to.deep.equal({ from: '2026-01-31', to: '2026-03-02' });
  });
});
