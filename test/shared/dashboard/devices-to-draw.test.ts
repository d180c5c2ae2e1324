import { expect } from 'chai';
import { describe, it } from 'mocha';
import { mostToDrawFirst } from '../../../shared/dashboard/devices-to-draw.js';

describe('the devices to draw', () => {
  it('begin with the totalizer, registered or named as such, then those with most to draw, then go by name', () => {
    const measured: Record<string, string[]> = {
      ...{ total: [], 'a-meter': ['powerKw'], 'b-meter': ['powerW'] },
      ...{ house: ['powerW', 'powerKw', 'periodKwh'], inverter: ['powerW', 'energyKwh', 'batterySocPct'] },
      ...{ 'c-state': ['state'] },
    };
    const known = {
      role: (device: string) => (device === 'total' ? 'totalizer' : undefined),
      measures: (device: string, name: string) => measured[device]?.includes(name) ?? false,
    };
    expect(mostToDrawFirst(Object.keys(measured).reverse(), known)).to.deep.equal([
      ...['total', 'inverter', 'house', 'a-meter', 'b-meter', 'c-state'],
    ]);
    expect(mostToDrawFirst(['inverter', 'totalizer'], known)).to.deep.equal(['totalizer', 'inverter']);
  });
});
